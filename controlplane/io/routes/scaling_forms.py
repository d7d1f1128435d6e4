"""The JSON forms of scale requests, pools and decisions."""

from __future__ import annotations

import json
from datetime import datetime
from math import isfinite
from typing import Annotated, Any, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from controlplane.documents import rfc3339
from controlplane.io.routes.dependencies import Asked, Name, Reason, Told
from controlplane.io.scaling import Asked as Came
from controlplane.scaling import LONGEST_SECONDS, ScaleWish
from scheduler.values import DecisionRecord, PoolStatus, PoolView, ScaleAction, ScaleRequest

USUAL_SECONDS = 3600.0
SHORTEST_SECONDS = 1.0  # no look of an autoscaler is surely within less
_INT32 = (1 << 31) - 1

NAMED_BY = {
    ScaleAction.SCALE_UP: {"delta_workers"},
    ScaleAction.SCALE_DOWN: {"delta_workers"},
    ScaleAction.SET: {"workers"},
    ScaleAction.HOLD: set(),
    ScaleAction.RELEASE: set(),
}
"""The number that says how many."""


class NewScaleRequest(Asked):
    """POST /scale-requests and /workers/scale. `delta_workers` goes with scale_up and scale_down, `workers` with set."""

    action: ScaleAction
    region: Name
    pool: Name
    delta_workers: Annotated[int, Field(strict=True, ge=1, le=_INT32)] | None = None
    workers: Annotated[int, Field(strict=True, ge=0, le=_INT32)] | None = None
    reason: Reason = ""
    ttl_seconds: Annotated[
        float, Field(strict=True, ge=SHORTEST_SECONDS, le=LONGEST_SECONDS, description="then it is over")
    ] = USUAL_SECONDS
    dry_run: bool = False

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        given = {name for name in ("delta_workers", "workers") if getattr(self, name) is not None}
        wanted = NAMED_BY[self.action]
        if given != wanted:
            raise ValueError(f"{self.action.value} takes {' and '.join(wanted) or 'neither delta_workers nor workers'}")
        return self

    def wish(self) -> ScaleWish:
        """As the act takes it."""
        return ScaleWish(
            action=self.action,
            region=self.region,
            pool=self.pool,
            delta_workers=self.delta_workers,
            workers=self.workers,
            reason=self.reason,
            ttl_seconds=self.ttl_seconds,
        )


class ScaleRequestDocument(Told):
    """One that is in force: no fewer workers than `floor`, no more than `ceiling`."""

    id: str
    action: str
    region: str
    pool: str
    delta_workers: int | None
    workers: int
    floor: int | None
    ceiling: int | None
    reason: str
    by: str
    created_at: str | None
    expires_at: str | None


class ScaleRequests(Told):
    """`total` counts all that match, shown or not."""

    scale_requests: list[ScaleRequestDocument]
    total: int


class PoolStatusDocument(Told):
    """What the pool's autoscaler said last. `is_fresh` is false when it has fallen silent: nobody scales it now."""

    target: str
    minimum: int
    maximum: int
    slots_per_worker: int
    labels: dict[str, str]
    desired: int
    serving: int
    starting: int
    draining: int
    lead_seconds: float
    frozen: list[str]
    at: str | None
    is_fresh: bool


class OutlookDocument(Told):
    """What will happen, as far as it can be said. `estimated_seconds` is null where sessions, or a freeze, have to end
    first."""

    target_workers: int
    to_start: int
    undrained: int
    removable_now: int
    to_drain: int
    estimated_seconds: float | None


class ScaleAnswer(Told):
    """What came of a wish, or would come of it with `dry_run`. `pool_status` is null where nobody scales the pool; `id` is the
    scale request's, null where none is in force."""

    id: str | None
    scale_request: ScaleRequestDocument | None
    released: list[ScaleRequestDocument]
    outlook: OutlookDocument | None
    pool_status: PoolStatusDocument | None
    dry_run: bool = False


class PoolDocument(Told):
    """A pool's room, and what its autoscaler said last: null where none ever did."""

    region: str
    pool: str
    workers: int
    slots: int
    used: int
    free: int
    waiting: int
    scale_requests: int
    status: PoolStatusDocument | None


class Pools(Told):
    """By region and pool."""

    pools: list[PoolDocument]


class DecisionDocument(Told):
    """One decision; docs/autoscaler.md has the fields of `document`. Null where it cannot be read."""

    region: str
    pool: str
    at: str
    is_change: bool
    document: dict[str, Any] | None


class Decisions(Told):
    """Newest first."""

    decisions: list[DecisionDocument]
    next_cursor: str | None


class DecisionQuery(BaseModel):
    """GET /pools/{pool}/decisions; unknown parameters are refused."""

    model_config = ConfigDict(extra="forbid")

    region: Name | None = None
    limit: int = Field(default=20, ge=1, le=200)
    before: AwareDatetime | None = Field(default=None, description="those made before this instant, RFC 3339")
    cursor: str | None = Field(default=None, max_length=32, description="`next_cursor` of the page before")


def request_document(request: ScaleRequest) -> ScaleRequestDocument:
    """As it is shown."""
    return ScaleRequestDocument(
        id=request.id,
        action=request.action.value,
        region=request.region,
        pool=request.pool,
        delta_workers=request.delta_workers,
        workers=request.workers,
        floor=request.floor,
        ceiling=request.ceiling,
        reason=request.reason,
        by=request.by,
        created_at=rfc3339(request.created_at),
        expires_at=rfc3339(request.expires_at),
    )


def answer_document(came: Came, now: float, *, is_dry_run: bool = False) -> ScaleAnswer:
    """What came of a wish."""
    seen = came.outlook
    return ScaleAnswer(
        id=None if came.request is None or is_dry_run else came.request.id,
        scale_request=request_document(came.request) if came.request is not None else None,
        released=[request_document(request) for request in came.released],
        outlook=None
        if seen is None
        else OutlookDocument(
            target_workers=seen.target,
            to_start=seen.to_start,
            undrained=seen.undrained,
            removable_now=seen.removable_now,
            to_drain=seen.to_drain,
            estimated_seconds=None if seen.estimated_seconds is None else round(seen.estimated_seconds, 1),
        ),
        pool_status=status_document(came.status, now) if came.status is not None else None,
        dry_run=is_dry_run,
    )


def status_document(status: PoolStatus, now: float) -> PoolStatusDocument:
    """As it is shown."""
    return PoolStatusDocument(
        target=status.target,
        minimum=status.minimum,
        maximum=status.maximum,
        slots_per_worker=status.slots_per_worker,
        labels=dict(sorted(status.labels)),
        desired=status.desired,
        serving=status.serving,
        starting=status.starting,
        draining=status.draining,
        lead_seconds=round(status.lead_seconds, 1),
        frozen=list(status.frozen),
        at=rfc3339(status.at),
        is_fresh=now < status.until,
    )


def pool_document(room: PoolView, status: PoolStatus | None, requests: int, now: float) -> PoolDocument:
    """Room and status of one pool."""
    return PoolDocument(
        region=room.region,
        pool=room.pool,
        workers=room.workers,
        slots=room.slots,
        used=room.used,
        free=room.free,
        waiting=room.waiting,
        scale_requests=requests,
        status=status_document(status, now) if status is not None else None,
    )


def decision_document(record: DecisionRecord) -> DecisionDocument:
    """The record's own JSON, passed on as it is."""
    try:
        said = json.loads(record.document)
    except ValueError:
        said = None
    return DecisionDocument(
        region=record.region,
        pool=record.pool,
        at=rfc3339(record.at) or "",
        is_change=record.is_change,
        document=said if isinstance(said, dict) else None,
    )


def before_of(query: DecisionQuery) -> float | None:
    """Unix seconds. Raises ValueError for a cursor that no list gave out."""
    if query.cursor is not None:
        return _time_of(query.cursor)
    return query.before.timestamp() if isinstance(query.before, datetime) else None


def cursor_of(record: DecisionRecord) -> str:
    """Where the next page goes on: exactly, which no instant in milliseconds is."""
    return record.at.hex()


def _time_of(cursor: str) -> float:
    try:
        at = float.fromhex(cursor)
    except OverflowError as error:
        raise ValueError(cursor) from error
    if not isfinite(at):
        raise ValueError(cursor)
    return at
