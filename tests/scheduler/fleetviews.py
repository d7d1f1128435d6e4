"""Views of workers and gateways for whoever decides from them, and plans about them."""

from __future__ import annotations

from moorage.ids import GatewayId, WorkerId
from scheduler.values import DrainProgress, GatewayView, WorkerState, WorkerView
from tests.scheduler.builders import START


def a_view(
    worker: str = "wrk_one",
    *,
    held: int = 0,
    suspended: int = 0,
    region: str = "eu",
    pool: str = "gpu",
    state: WorkerState = WorkerState.SERVING,
    drained_until: float | None = None,
) -> WorkerView:
    """A worker as a store shows it; under a drain where a deadline is given."""
    drain = None if drained_until is None else DrainProgress(START, drained_until, 10.0, held, held, 0)
    return WorkerView(
        worker=WorkerId(worker),
        name=worker,
        region=region,
        pool=pool,
        address="10.0.0.1:1",
        slots=1000,
        state=state if drain is None else WorkerState.DRAINING,
        labels=frozenset(),
        version="",
        reserved=0,
        held=held,
        suspended=suspended,
        load=0.0,
        joined_at=START,
        beat_at=START,
        kubernetes=None,
        drain=drain,
    )


def a_gateway_view(gateway: str, sessions: int = 0, *, is_cordoned: bool = False, is_live: bool = True) -> GatewayView:
    """A gateway as a store shows it."""
    return GatewayView(GatewayId(gateway), f"ws://{gateway}", sessions, is_cordoned, is_live)
