"""Settings of the fleet: the store, placement and deadlines, and the workers that `moorage up` starts itself."""

from __future__ import annotations

from moorage.cli.settings.fields import Group, setting


class StoreGroup(Group):
    """Where the fleet's state is."""

    url: str = setting(
        "",
        "redis://, rediss:// or unix:// address; empty is memory, or with `up.gateways` a server that is started here",
    )
    wait_seconds: float = setting(10.0, "how long a start waits for a store that does not answer", "seconds", ge=0)


class SchedulerGroup(Group):
    """Which worker gets a session, and how long silence is borne."""

    soft_cap: float = setting(0.9, "part of a worker's slots that is filled before the next worker's", gt=0, le=1)
    reservation: float = setting(10.0, "a reserved slot that nobody took is free again", "seconds", gt=0)
    suspect_after: float = setting(3.0, "a worker silent for so long gets no new sessions", "seconds", gt=0)
    worker_lost_after: float = setting(5.0, "a worker silent for so long is lost", "seconds", gt=0)
    gateway_lost_after: float = setting(15.0, "a gateway silent for so long is lost", "seconds", gt=0)
    mass_lapse_workers: int = setting(
        3, "if so many workers and half of a region go silent together, the link is at fault", "workers", ge=1
    )
    complaints: int = setting(3, "so many sessions that could not reach a worker make it suspect", "sessions", ge=1)
    complaint_seconds: float = setting(60.0, "for how long such a complaint counts", "seconds", gt=0)
    suspicion_seconds: float = setting(3.0, "a worker under complaint stays suspect at least so long", "seconds", gt=0)
    probe_seconds: float = setting(2.0, "a holder that answers no probe by then is dead", "seconds", gt=0)
    full_retry_seconds: float = setting(2.0, "`retry_after` of a refusal for want of room", "seconds", gt=0)
    queue_waiters: int = setting(10_000, "clients in the admission queue", "clients", ge=0)
    queue_waiters_per_workspace: int = setting(5_000, "of them of one workspace", "clients", ge=0)
    events: int = setting(1_000_000, "not yet acknowledged; beyond it nothing new is placed", "events", ge=1)
    notices_per_gateway: int = setting(100_000, "waiting for one gateway", "notices", ge=1)
    directives_per_worker: int = setting(10_000, "waiting for one worker", "orders", ge=1)
    end_records: int = setting(20_000, "of ended sessions, kept for late enders", "sessions", ge=1)
    tombstones: int = setting(1_000_000, "ids of ended and revoked sessions kept", "sessions", ge=1)
    tombstone_seconds: float = setting(86_400.0, "at least so long after an end", "seconds", ge=0)
    drain_rate_per_second: float = setting(
        500.0, "sessions told to move, over all drains together", "per second", gt=0, le=1_000_000
    )
    drain_kept_seconds: float = setting(86_400.0, "a drain that is over can be read so long", "seconds", ge=0)
    drains_kept: int = setting(1_000, "of them; the oldest go first", "drains", ge=0)
    scale_requests: int = setting(1_000, "in force at once; one more is refused", "requests", ge=0)
    decisions_per_pool: int = setting(2_000, "of the autoscaler; the oldest go first", "decisions", ge=1)


class WorkersGroup(Group):
    """The workers that `moorage up` starts itself, as many as are needed between a minimum and a maximum."""

    count: int = setting(
        2, "worker processes where neither minimum nor maximum is set; 0 starts none", "processes", ge=0, le=256
    )
    minimum: int | None = setting(
        None, "fewest of them; empty is `count`, or the maximum where that is less", "processes", ge=0, le=256
    )
    maximum: int | None = setting(
        None, "most of them; empty is `count`, or the minimum where that is more", "processes", ge=0, le=256
    )
    free_slots: int = setting(2, "kept free for the next sessions, as far as the maximum allows", "slots", ge=0)
    shrink_after_seconds: float = setting(60.0, "a worker that was not needed for so long goes", "seconds", ge=1)
    slots: int = setting(10, "sessions that one of them serves at once", "sessions", ge=1)
    target: str = setting("moorage.examples.echo:echo", "MODULE:FUNCTION that serves a session")
    pool: str = setting("default", "pool that they join", min_length=1)
    region: str = setting("local", "region that they join", min_length=1)


class UpGroup(Group):
    """How `moorage up` is divided."""

    gateways: int = setting(0, "gateway processes behind one port; 0 runs all in one process", "processes", ge=0, le=64)
