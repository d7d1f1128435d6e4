"""Series under which each alert must fire, and those of a fleet that is well, under which none may.

A sample each 15 s for 100 minutes, in promtool's notation; counters rise by what stands after the plus. An alert is looked
at after 90 minutes.
"""

from __future__ import annotations

from dataclasses import dataclass

EVERY_SECONDS = 15
SAMPLES = 400
LOOK_AT_MINUTES = 90

Series = dict[str, str]
"""Name and labels -> values."""


@dataclass(frozen=True, slots=True)
class Case:
    """One alert that fires once, with these labels."""

    series: Series
    labels: dict[str, str]


def always(value: float) -> str:
    """The same all the time."""
    return f"{value:g}x{SAMPLES}"


def rising(each: float) -> str:
    """From 0, by so much each 15 s."""
    return f"0+{each:g}x{SAMPLES}"


def jump() -> str:
    """From 0 to 1 two minutes before the look."""
    before = (LOOK_AT_MINUTES - 2) * 60 // EVERY_SECONDS
    return f"0x{before - 1} 1x{SAMPLES - before}"


def of(metric: str, values: str, **labels: str) -> Series:
    """One series of the namespace."""
    said = ",".join(f'{name}="{value}"' for name, value in {"namespace": "moorage", **labels}.items())
    return {f"{metric}{{{said}}}": values}


def together(*several: Series) -> Series:
    """All of them."""
    return {name: values for series in several for name, values in series.items()}


def gateway(metric: str, values: str, pod: str = "g1", **labels: str) -> Series:
    return of(f"moorage_gateway_{metric}", values, pod=pod, **labels)


def plane(metric: str, values: str, pod: str = "c1", **labels: str) -> Series:
    return of(f"moorage_controlplane_{metric}", values, pod=pod, **labels)


def fleet(metric: str, values: str, pod: str = "c1", **labels: str) -> Series:
    return of(f"moorage_scheduler_{metric}", values, pod=pod, region="eu", pool="gpu", **labels)


def scaler(metric: str, values: str, pod: str = "a1", **labels: str) -> Series:
    return of(f"moorage_autoscaler_{metric}", values, pod=pod, region="eu", pool="gpu", **labels)


def leading(metric: str, values: str, **labels: str) -> Series:
    """Of the autoscaler that leads, beside one that led before and still shows the opposite of nothing."""
    return together(
        scaler(metric, values, **labels), scaler("leader", always(1)), scaler("leader", always(0), pod="a2")
    )


def histogram(metric: str, pod: str, *, within: float, bounds: tuple[float, ...], **labels: str) -> Series:
    """Ten observations each 15 s, all of them at most `within`."""
    buckets = [
        of(f"{metric}_bucket", rising(10 if bound >= within else 0), pod=pod, le=f"{bound:g}", **labels)
        for bound in bounds
    ]
    return together(*buckets, of(f"{metric}_bucket", rising(10), pod=pod, le="+Inf", **labels))


WHERE = {"region": "eu", "pool": "gpu"}
OF_SECONDS = (0.001, 0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 30.0)

CASES: dict[str, Case] = {
    "MoorageNoGatewayReady": Case(gateway("ready", always(0)), {}),
    "MoorageGatewayDown": Case(gateway("ready", always(1)), {}),
    "MoorageTokenKeysMissing": Case(gateway("token_keys", always(0)), {"pod": "g1"}),
    "MoorageTokenKeysRefused": Case(gateway("token_keys_loads_total", jump(), result="bad"), {}),
    "MoorageSessionsRefused": Case(
        together(
            gateway("refusals_total", rising(1), code="NO_CAPACITY"),
            gateway("connects_total", rising(2), result="refused"),
            gateway("connects_total", rising(8), result="relayed"),
        ),
        {},
    ),
    "MoorageConnectsFailing": Case(
        together(
            gateway("refusals_total", rising(1), code="STORE_UNAVAILABLE"),
            gateway("connects_total", rising(8), result="relayed"),
        ),
        {},
    ),
    "MoorageWorkersUnreachable": Case(
        together(gateway("dial_failures_total", rising(1), why="timeout"), gateway("dial_seconds_count", rising(9))),
        {"why": "timeout"},
    ),
    "MoorageConnectionsNearLimit": Case(
        together(gateway("connections", always(9000)), gateway("connections_limit", always(9900))), {"pod": "g1"}
    ),
    "MoorageCertificateExpiring": Case(
        gateway("certificate_expiry_timestamp_seconds", always(5 * 86400), use="clients"), {"use": "clients"}
    ),
    "MoorageCertificateEnds": Case(
        gateway("certificate_expiry_timestamp_seconds", always(7 * 3600), use="links"), {"use": "links"}
    ),
    "MoorageCertificateNotRead": Case(gateway("certificate_reloads_total", jump(), result="failed"), {"pod": "g1"}),
    "MoorageEndRecordsWaiting": Case(gateway("reports_pending", always(500)), {"pod": "g1"}),
    "MoorageEndRecordsLost": Case(gateway("reports_lost_total", f"_x{85 * 4} 3 _x10", kind="end"), {"pod": "g1"}),
    "MoorageGatewayOutOfStep": Case(gateway("in_step", always(0)), {"pod": "g1"}),
    "MoorageGatewayFaults": Case(gateway("faults_total", jump()), {"pod": "g1"}),
    "MoorageEventLoopLate": Case(
        histogram("moorage_gateway_loop_lag_seconds", "g1", within=0.25, bounds=OF_SECONDS), {"pod": "g1"}
    ),
    "MoorageRestarting": Case(
        together(
            gateway("ready", always(1)),
            of("process_start_time_seconds", f"1x{40 * 4} 2x{10 * 4} 3x{10 * 4} 4x200", pod="g1"),
        ),
        {"pod": "g1"},
    ),
    "MoorageStoreUnreachable": Case(of("moorage_autoscaler_store_up", always(0), pod="a1"), {"pod": "a1"}),
    "MoorageStoreNearlyFull": Case(
        together(
            of("moorage_scheduler_store_used_bytes", always(230), pod="c1"),
            of("moorage_scheduler_store_limit_bytes", always(256), pod="c1"),
        ),
        {},
    ),
    "MoorageStoreRefusesWrites": Case(
        of("moorage_scheduler_store_failures_total", rising(1), pod="g1", kind="oom"), {"kind": "oom"}
    ),
    "MoorageSweepLate": Case(histogram("moorage_scheduler_sweep_lag_seconds", "g1", within=2.5, bounds=OF_SECONDS), {}),
    "MoorageNoFreeSlots": Case(together(fleet("slots_free", always(0)), fleet("slots", always(40))), WHERE),
    "MooragePoolWithoutWorkers": Case(
        together(leading("target_replicas", always(3)), scaler("serving_workers", always(0))), WHERE
    ),
    "MoorageQueueLong": Case(together(fleet("queue_length", always(9)), fleet("slots", always(40))), WHERE),
    "MoorageQueueSlow": Case(histogram("moorage_gateway_queue_seconds", "g1", within=20, bounds=OF_SECONDS), {}),
    "MoorageWorkersLost": Case(fleet("workers", always(1), state="lost"), WHERE),
    "MoorageMassLapse": Case(
        together(fleet("workers", always(3), state="suspect"), fleet("workers", always(2), state="serving")),
        {"region": "eu"},
    ),
    "MoorageWorkersNotAdmitted": Case(
        gateway("link_registrations_total", rising(1), result="INVALID_JOIN_KEY"), {"result": "INVALID_JOIN_KEY"}
    ),
    "MoorageOverGrant": Case(gateway("link_lies_total", jump(), what="in_use"), {}),
    "MoorageDrainStuck": Case(fleet("drain_sessions_left", always(2)), WHERE),
    "MoorageGatewayDrainStuck": Case(gateway("drain_sessions_left", always(7)), {"pod": "g1"}),
    "MoorageAutoscalerDown": Case(of("moorage_autoscaler_ready", always(0), pod="a1"), {}),
    "MoorageAutoscalerWithoutLeader": Case(
        together(scaler("leader", always(0)), scaler("leader", always(0), pod="a2")), WHERE
    ),
    "MoorageAutoscalerTwoLeaders": Case(
        together(scaler("leader", always(1)), scaler("leader", always(1), pod="a2")), WHERE
    ),
    "MoorageAutoscalerFrozen": Case(leading("frozen", always(1), reason="rival"), {**WHERE, "reason": "rival"}),
    "MoorageRolloutStuck": Case(leading("frozen", always(1), reason="rollout"), WHERE),
    "MoorageSignalLost": Case(leading("signals", always(1), health="lost"), {**WHERE, "health": "lost"}),
    "MooragePoolAtMaximum": Case(leading("at_maximum", always(1)), WHERE),
    "MoorageWorkersNotComing": Case(leading("overdue_workers", always(2)), WHERE),
    "MoorageFleetBehind": Case(
        together(leading("desired_workers", always(5)), scaler("serving_workers", always(3))), WHERE
    ),
    "MoorageWrongVictims": Case(scaler("wrong_victims_total", jump()), WHERE),
    "MoorageSessionsCutByScaleIn": Case(scaler("sessions_cut_total", jump(), cause="scale_in"), WHERE),
    "MoorageSessionsCutByLoss": Case(
        scaler("sessions_cut_total", jump(), cause="member_gone"), {**WHERE, "cause": "member_gone"}
    ),
    "MoorageAutoscalerFailing": Case(scaler("failures_total", rising(1)), WHERE),
    "MoorageReplicasContested": Case(scaler("conflicts_total", rising(0.1)), WHERE),
    "MoorageKubernetesApiFailing": Case(
        together(
            of("moorage_autoscaler_kubernetes_calls_total", rising(1), pod="a1", verb="patch", code="403"),
            of("moorage_autoscaler_kubernetes_calls_total", rising(2), pod="a1", verb="list", code="200"),
        ),
        {"code": "403"},
    ),
    "MoorageControlPlaneDown": Case(plane("ready", always(0)), {}),
    "MoorageRestErrors": Case(
        together(
            plane("requests_total", rising(1), route="/api/v1/sessions", method="POST", status="503"),
            plane("requests_total", rising(9), route="/api/v1/sessions", method="POST", status="201"),
        ),
        {},
    ),
    "MoorageRestSlow": Case(
        histogram(
            "moorage_controlplane_request_seconds", "c1", within=2.5, bounds=OF_SECONDS, route="/x", method="GET"
        ),
        {},
    ),
    "MoorageDatabaseUnreachable": Case(plane("database_up", always(0)), {"pod": "c1"}),
    "MoorageDatabaseFull": Case(plane("database_full", always(1)), {"pod": "c1"}),
    "MoorageEventsBehind": Case(
        together(plane("events_lag_seconds", always(300)), plane("events_total", rising(5), type="session.ended")), {}
    ),
    "MoorageEventsNotWritten": Case(plane("consumer_failures_total", rising(1)), {}),
    "MoorageEventsGivenUp": Case(plane("events_unknown_total", jump()), {}),
    "MoorageRevocationsWaiting": Case(plane("revocations_pending", always(1)), {}),
    "MoorageControlPlaneFailing": Case(
        together(
            plane("sweep_failures_total", rising(1)),
            plane("seeding_failures_total", always(0)),
            plane("applier_failures_total", always(0)),
        ),
        {},
    ),
    "MoorageJoinKeysNotRead": Case(plane("join_key_failures_total", rising(1)), {}),
}


def _gateway_that_is_well(pod: str) -> Series:
    return together(
        gateway("ready", always(1), pod),
        gateway("token_keys", always(1), pod),
        gateway("token_keys_loads_total", always(1), pod, result="ok"),
        gateway("token_keys_loads_total", always(0), pod, result="bad"),
        gateway("connects_total", rising(10), pod, result="relayed"),
        gateway("connects_total", rising(0.1), pod, result="refused"),
        gateway("refusals_total", rising(0.05), pod, code="NO_CAPACITY"),
        gateway("refusals_total", rising(0.05), pod, code="INVALID_SESSION_TOKEN"),
        gateway("refusals_total", rising(0.01), pod, code="WORKER_LOST"),
        gateway("dial_failures_total", rising(0.1), pod, why="connect"),
        gateway("dial_seconds_count", rising(10), pod),
        gateway("connections", always(4000), pod),
        gateway("connections_limit", always(9900), pod),
        gateway("certificate_expiry_timestamp_seconds", always(60 * 86400), pod, use="clients"),
        gateway("certificate_reloads_total", rising(0.01), pod, result="ok"),
        gateway("certificate_reloads_total", always(0), pod, result="failed"),
        gateway("reports_pending", "0 40 900 3 " * (SAMPLES // 4), pod),
        gateway("reports_lost_total", always(0), pod, kind="end"),
        gateway("in_step", always(1), pod),
        gateway("faults_total", always(0), pod),
        gateway("link_registrations_total", rising(0.1), pod, result="registered"),
        gateway("link_registrations_total", always(2), pod, result="INVALID_JOIN_KEY"),
        gateway("link_lies_total", always(0), pod, what="in_use"),
        gateway("drain_sessions_left", always(0), pod),
        gateway("store_up", always(1), pod),
        histogram("moorage_gateway_loop_lag_seconds", pod, within=0.01, bounds=OF_SECONDS),
        histogram("moorage_gateway_queue_seconds", pod, within=0.5, bounds=OF_SECONDS),
        histogram("moorage_scheduler_sweep_lag_seconds", pod, within=0.05, bounds=OF_SECONDS),
        of("moorage_scheduler_store_failures_total", always(3), pod=pod, kind="oom"),
        of("moorage_scheduler_store_failures_total", rising(0.1), pod=pod, kind="timeout"),
        of("process_open_fds", always(8100), pod=pod),
        of("process_max_fds", always(20000), pod=pod),
        of("process_start_time_seconds", f"1x200 2x{SAMPLES - 200}", pod=pod),
    )


def _control_plane_that_is_well(pod: str) -> Series:
    states = {"serving": 8, "draining": 1, "suspect": 1, "lost": 0, "cordoned": 0, "starting": 0, "retired": 30}
    return together(
        plane("ready", always(1), pod),
        plane("database_up", always(1), pod),
        plane("database_full", always(0), pod),
        plane("requests_total", rising(20), pod, route="/api/v1/sessions", method="POST", status="201"),
        plane("requests_total", rising(0.1), pod, route="/api/v1/sessions", method="POST", status="503"),
        histogram("moorage_controlplane_request_seconds", pod, within=0.1, bounds=OF_SECONDS, route="/x", method="GET"),
        histogram("moorage_controlplane_loop_lag_seconds", pod, within=0.01, bounds=OF_SECONDS),
        plane("events_lag_seconds", always(0.4), pod),
        plane("events_total", rising(20), pod, type="session.ended"),
        plane("consumer_failures_total", always(2), pod),
        plane("events_unknown_total", always(0), pod),
        plane("revocations_pending", "0 0 2 0 " * (SAMPLES // 4), pod),
        plane("sweep_failures_total", always(1), pod),
        plane("seeding_failures_total", always(0), pod),
        plane("applier_failures_total", always(0), pod),
        plane("join_key_failures_total", always(0), pod),
        of("moorage_scheduler_store_up", always(1), pod=pod),
        of("moorage_scheduler_store_used_bytes", always(40), pod=pod),
        of("moorage_scheduler_store_limit_bytes", always(256), pod=pod),
        *(fleet("workers", always(count), pod, state=state) for state, count in states.items()),
        fleet("slots", always(80), pod),
        fleet("slots_free", "12 4 0 9 " * (SAMPLES // 4), pod),
        fleet("queue_length", "0 0 3 0 " * (SAMPLES // 4), pod),
        fleet("sessions", always(60), pod, state="held"),
        fleet("drain_sessions_left", f"{SAMPLES}-1x{SAMPLES}", pod),
        of("process_start_time_seconds", always(1), pod=pod),
    )


def _autoscaler_that_is_well(pod: str, *, leads: bool) -> Series:
    """Who leads no more still shows what it saw as it led: a frozen pool, a lost signal."""
    stale = 0 if leads else 1
    freezes = ("registry", "signal", "target", "missing", "rival", "rollout", "not_ready")
    return together(
        of("moorage_autoscaler_ready", always(1), pod=pod),
        of("moorage_autoscaler_store_up", always(1), pod=pod),
        scaler("leader", always(leads), pod),
        *(scaler("frozen", always(stale), pod, reason=reason) for reason in freezes),
        scaler("frozen", always(1), pod, reason="request"),
        scaler("signals", always(stale), pod, health="lost"),
        scaler("signals", always(2), pod, health="ok"),
        scaler("at_maximum", always(stale), pod),
        scaler("overdue_workers", always(stale), pod),
        scaler("desired_workers", always(9 if leads else 12), pod),
        scaler("serving_workers", always(9 if leads else 0), pod),
        scaler("target_replicas", always(9), pod),
        scaler("wrong_victims_total", always(0), pod),
        scaler("sessions_cut_total", always(0), pod, cause="scale_in"),
        scaler("sessions_cut_total", always(4), pod, cause="member_gone"),
        scaler("failures_total", rising(0.01), pod),
        scaler("conflicts_total", rising(0.01), pod),
        of("moorage_autoscaler_kubernetes_calls_total", rising(10), pod=pod, verb="list", code="200"),
        of("moorage_autoscaler_kubernetes_calls_total", rising(0.1), pod=pod, verb="patch", code="429"),
        histogram("moorage_autoscaler_loop_lag_seconds", pod, within=0.01, bounds=OF_SECONDS),
        of("process_start_time_seconds", always(1), pod=pod),
    )


HEALTHY: Series = together(
    _gateway_that_is_well("g1"),
    _gateway_that_is_well("g2"),
    _control_plane_that_is_well("c1"),
    _autoscaler_that_is_well("a1", leads=True),
    _autoscaler_that_is_well("a2", leads=False),
)
