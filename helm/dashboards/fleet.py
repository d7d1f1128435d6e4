"""Sessions, slots, the queue, and who gets in."""

from __future__ import annotations

from helm.dashboards.board import Board, Line, Panel, Row, Variable
from helm.dashboards.queries import IN, IN_POOL, OF_POOL, newest, quantiles, rate

_SLOTS = f"sum({newest('moorage_scheduler_slots', OF_POOL, IN_POOL)})"
_USED = f"sum({newest('moorage_scheduler_slots_used', OF_POOL, IN_POOL)})"
_SESSIONS = newest("moorage_scheduler_sessions", "region, pool, state", IN_POOL)
_WAITING = newest("moorage_scheduler_queue_length", OF_POOL, IN_POOL)
_NOW = Row(
    "Now",
    (
        Panel("Sessions", "Live ones, suspended too.", "short", (Line(f"sum({_SESSIONS})", ""),), 4, is_stat=True),
        Panel(
            "Slots in use",
            "Of all that take sessions.",
            "percentunit",
            (Line(f"{_USED} / {_SLOTS}", ""),),
            4,
            is_stat=True,
        ),
        Panel(
            "Free slots",
            "That a session can get now.",
            "short",
            (Line(f"sum({newest('moorage_scheduler_slots_free', OF_POOL, IN_POOL)})", ""),),
            4,
            is_stat=True,
        ),
        Panel("Waiting", "Clients in the queue.", "short", (Line(f"sum({_WAITING})", ""),), 4, is_stat=True),
        Panel(
            "Gateways ready",
            "Of those that answer.",
            "short",
            (Line(f"sum(moorage_gateway_ready{{{IN}}})", ""),),
            4,
            is_stat=True,
        ),
        Panel(
            "Store",
            "1 while every program reaches it.",
            "short",
            (
                Line(
                    f"min(moorage_gateway_store_up{{{IN}}} or moorage_autoscaler_store_up{{{IN}}} "
                    f"or moorage_scheduler_store_up{{{IN}}})",
                    "",
                ),
            ),
            4,
            is_stat=True,
        ),
    ),
)
_ROOM = Row(
    "Room",
    (
        Panel(
            "Sessions by state",
            "Reserved: being dialled. Suspended: the slot is kept for a client that went.",
            "short",
            (Line(f"sum by (state) ({_SESSIONS})", "{{state}}"),),
            is_stacked=True,
        ),
        Panel(
            "Slots by pool",
            "All, and those in use.",
            "short",
            (
                Line(newest("moorage_scheduler_slots", OF_POOL, IN_POOL), "{{region}}/{{pool}} slots"),
                Line(newest("moorage_scheduler_slots_used", OF_POOL, IN_POOL), "{{region}}/{{pool}} used"),
            ),
        ),
        Panel(
            "Free slots by pool",
            "At 0 who comes waits.",
            "short",
            (Line(newest("moorage_scheduler_slots_free", OF_POOL, IN_POOL), "{{region}}/{{pool}}"),),
        ),
        Panel(
            "Workers by state",
            "Suspect ones were silent for 3 s, lost ones for 5 s.",
            "short",
            (
                Line(
                    f"sum by (state) ({newest('moorage_scheduler_workers', 'region, pool, state', IN_POOL)})",
                    "{{state}}",
                ),
            ),
            is_stacked=True,
        ),
        Panel("Queue", "Clients that wait for a slot.", "short", (Line(_WAITING, "{{region}}/{{pool}}"),)),
        Panel(
            "Sessions left on draining workers",
            "Falls to 0 as a drain goes on.",
            "short",
            (Line(newest("moorage_scheduler_drain_sessions_left", OF_POOL, IN_POOL), "{{region}}/{{pool}}"),),
        ),
    ),
)
_ADMISSION = Row(
    "Admission, over all pools",
    (
        Panel(
            "Upgrades",
            "By result.",
            "reqps",
            (Line(rate("moorage_gateway_connects_total", "result"), "{{result}}"),),
            is_stacked=True,
        ),
        Panel(
            "Refusals",
            "By code: NO_CAPACITY and ADMISSION_TIMEOUT are want of room.",
            "reqps",
            (Line(rate("moorage_gateway_refusals_total", "code"), "{{code}}"),),
            is_stacked=True,
        ),
        Panel("Time in the queue", "Of those who waited.", "s", quantiles("moorage_gateway_queue_seconds")),
        Panel("From accept to relayed", "Waiting included.", "s", quantiles("moorage_gateway_admit_seconds")),
        Panel("Claim", "From asking the store to its first answer.", "s", quantiles("moorage_gateway_claim_seconds")),
        Panel(
            "Workers that could not be reached",
            "By why; another one is tried.",
            "reqps",
            (Line(rate("moorage_gateway_dial_failures_total", "why"), "{{why}}"),),
        ),
    ),
)

BOARD = Board(
    "fleet",
    "Moorage: fleet",
    (
        Variable("namespace", "moorage_scheduler_store_up", is_many=False),
        Variable("region", "moorage_scheduler_slots"),
        Variable("pool", "moorage_scheduler_slots"),
    ),
    (_NOW, _ROOM, _ADMISSION),
)
