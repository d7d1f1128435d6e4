"""The JSON forms of drains."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import AwareDatetime, Field, model_validator

from controlplane.documents import rfc3339
from controlplane.drains import DrainWish, eta_seconds
from controlplane.io.routes.dependencies import Asked, Name, Reason, Text, Told
from controlplane.io.routes.worker_forms import worker_of
from moorage.errors import Code, error_for
from moorage.ids import GatewayId, is_id
from scheduler.values import DrainKind, DrainPlan

USUAL_SECONDS = 300.0
Seconds = Annotated[float, Field(ge=0, le=604_800)]
Rate = Annotated[float, Field(gt=0, le=100_000)]

NAMED_BY = {
    DrainKind.WORKER: {"worker_id"},
    DrainKind.GATEWAY: {"gateway_id"},
    DrainKind.POOL: {"region", "pool"},
    DrainKind.REGION: {"region"},
}
"""The fields that say what is drained."""


class NewDrain(Asked):
    """POST /drains. What is drained is named by worker_id, gateway_id, region and pool, or region, as `kind` says."""

    kind: DrainKind
    worker_id: Text | None = None
    gateway_id: Text | None = None
    region: Name | None = None
    pool: Name | None = None
    deadline_seconds: Seconds | None = Field(default=None, description="from now; 300 where no deadline is given")
    deadline: AwareDatetime | None = Field(default=None, description="the same as an instant, RFC 3339")
    rate_per_second: Rate = 10.0
    reason: Reason = ""
    dry_run: bool = False

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        given = {name for name in ("worker_id", "gateway_id", "region", "pool") if getattr(self, name) is not None}
        wanted = NAMED_BY[self.kind]
        if given != wanted:
            raise ValueError(f"a drain of a {self.kind.value} is named by {' and '.join(sorted(wanted))}, nothing else")
        if self.deadline is not None and self.deadline_seconds is not None:
            raise ValueError("deadline and deadline_seconds say the same: give one of them")
        return self

    def wish(self) -> DrainWish:
        """As the act takes it. Raises an error naming an id that is none."""
        seconds = USUAL_SECONDS if self.deadline_seconds is None else self.deadline_seconds
        return DrainWish(
            kind=self.kind,
            worker=None if self.worker_id is None else worker_of(self.worker_id),
            gateway=None if self.gateway_id is None else _gateway(self.gateway_id),
            region=self.region or "",
            pool=self.pool or "",
            deadline_seconds=seconds if self.deadline is None else None,
            deadline=None if self.deadline is None else self.deadline.timestamp(),
            rate_per_second=self.rate_per_second,
            reason=self.reason,
        )


class DrainPlanDocument(Told):
    """A drain as it stands. `eta_seconds` takes it that every session finds another place."""

    id: str
    kind: str
    worker_id: str | None
    gateway_id: str | None
    region: str | None
    pool: str | None
    state: str
    started_at: str | None
    deadline: str | None
    ended_at: str | None
    rate_per_second: float
    reason: str
    by: str
    sessions_at_start: int
    sessions_left: int
    sessions_told: int
    eta_seconds: float | None
    dry_run: bool = False


class Drains(Told):
    """`total` counts all that match, shown or not."""

    drains: list[DrainPlanDocument]
    total: int


def plan_document(plan: DrainPlan, now: float, *, is_dry_run: bool = False) -> DrainPlanDocument:
    """As it is shown."""
    eta = eta_seconds(plan, now)
    return DrainPlanDocument(
        id=plan.id,
        kind=plan.kind.value,
        worker_id=plan.worker,
        gateway_id=plan.gateway,
        region=plan.region or None,
        pool=plan.pool or None,
        state=plan.state.value,
        started_at=rfc3339(plan.started_at),
        deadline=rfc3339(plan.deadline),
        ended_at=rfc3339(plan.ended_at),
        rate_per_second=plan.rate_per_second,
        reason=plan.reason,
        by=plan.by,
        sessions_at_start=plan.sessions_at_start,
        sessions_left=plan.sessions_left,
        sessions_told=plan.sessions_told,
        eta_seconds=None if eta is None else round(eta, 1),
        dry_run=is_dry_run,
    )


def _gateway(text: str) -> GatewayId:
    if not is_id("gtw", text):
        raise error_for(Code.NOT_FOUND, f"{text[:40]!r} is no gtw_ id")
    return GatewayId(text)
