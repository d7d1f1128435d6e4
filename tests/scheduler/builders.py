"""Workers and requests with everything a test does not care about filled in."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import count

from moorage.ids import GatewayId, KeyId, RequestId, SessionId, UserId, WorkerId, WorkspaceId
from scheduler.values import (
    ClaimRequest,
    Concurrency,
    DecisionRecord,
    DrainKind,
    DrainPlan,
    Duplicates,
    Held,
    PoolStatus,
    Registration,
    ScaleAction,
    ScaleRequest,
    SessionOnWorker,
    Wanted,
)

START = 1_700_000_000.0
"""When the clock of every test begins."""

NEAR = GatewayId("gtw_near")
FAR = GatewayId("gtw_far")

_numbers = count(1)


def a_session() -> SessionId:
    """A new id."""
    return SessionId(f"ses_{next(_numbers):06}")


def a_worker(
    *,
    slots: int = 10,
    region: str = "eu",
    pool: str = "gpu",
    labels: Iterable[tuple[str, str]] = (),
    name: str = "",
    again: WorkerId | None = None,
    claim_key: bytes | None = None,
    sessions: tuple[SessionOnWorker, ...] = (),
    gateway: GatewayId | None = None,
    is_starting: bool = False,
) -> Registration:
    """What a worker says when it joins."""
    number = next(_numbers)
    return Registration(
        name=name or f"worker-{number}",
        region=region,
        pool=pool,
        address=f"10.0.0.1:{1000 + number}",
        slots=slots,
        labels=frozenset(labels),
        sessions=sessions,
        again=again,
        claim_key=claim_key,
        gateway=gateway,
        is_starting=is_starting,
    )


def a_held(session: SessionId, fence: int, worker: WorkerId, *, region: str = "eu", expires_in: float = 3600.0) -> Held:
    """What a gateway says of a session that it relays."""
    ids = WorkspaceId("wsp_one"), UserId("usr_one"), KeyId("key_one")
    return Held(session, fence, *ids, worker, region, START + expires_in, 30.0)


def a_request(
    session: SessionId | None = None,
    *,
    gateway: GatewayId = NEAR,
    wanted: Wanted | None = None,
    workspace: str = "wsp_one",
    user: str = "usr_one",
    key: str = "key_one",
    expires_in: float = 3600.0,
    resume_seconds: float = 30.0,
    wait_seconds: float = 0.0,
    limits: Concurrency | None = None,
    duplicates: Duplicates = Duplicates.REPLACE,
    token_issued_at: float | None = START,
    now: float = START,
) -> ClaimRequest:
    """One attach of a new session, or of the one named."""
    return ClaimRequest(
        request=RequestId(f"req_{next(_numbers):06}"),
        session=session or a_session(),
        workspace=WorkspaceId(workspace),
        user=UserId(user),
        key=KeyId(key),
        gateway=gateway,
        wanted=wanted or Wanted(),
        expires_at=now + expires_in,
        resume_seconds=resume_seconds,
        wait_seconds=wait_seconds,
        limits=limits or Concurrency(),
        duplicates=duplicates,
        token_issued_at=token_issued_at,
    )


def a_plan(
    *,
    kind: DrainKind = DrainKind.POOL,
    worker: WorkerId | None = None,
    gateway: GatewayId | None = None,
    region: str = "eu",
    pool: str = "gpu",
    deadline: float = START + 60.0,
    rate_per_second: float = 10.0,
    started_at: float = START,
) -> DrainPlan:
    """A drain that was just ordered."""
    is_place = worker is None and gateway is None
    return DrainPlan(
        id=f"drn_{next(_numbers):06}",
        kind=kind,
        worker=worker,
        gateway=gateway,
        region=region if is_place else "",
        pool=pool if is_place and kind is DrainKind.POOL else "",
        deadline=deadline,
        rate_per_second=rate_per_second,
        reason="maintenance",
        by="key_one",
        started_at=started_at,
    )


def a_scale_request(
    *,
    action: ScaleAction = ScaleAction.SET,
    region: str = "eu",
    pool: str = "gpu",
    workers: int = 5,
    delta_workers: int | None = None,
    created_at: float = START,
    ttl_seconds: float = 3600.0,
) -> ScaleRequest:
    """A wish that was just accepted."""
    return ScaleRequest(
        id=f"scl_{next(_numbers):06}",
        action=action,
        region=region,
        pool=pool,
        workers=workers,
        delta_workers=delta_workers,
        reason="a concert",
        by="key_one",
        created_at=created_at,
        expires_at=created_at + ttl_seconds,
    )


def a_status(
    *,
    region: str = "eu",
    pool: str = "gpu",
    labels: Iterable[tuple[str, str]] = (),
    maximum: int = 6,
    desired: int = 0,
    serving: int = 0,
    at: float = START,
    seconds: float = 30.0,
) -> PoolStatus:
    """What the autoscaler of a pool without workers says."""
    return PoolStatus(
        region=region,
        pool=pool,
        target="local",
        minimum=0,
        maximum=maximum,
        slots_per_worker=8,
        labels=frozenset(labels),
        desired=desired,
        serving=serving,
        starting=0,
        draining=0,
        lead_seconds=20.0,
        frozen=("settling",),
        at=at,
        until=at + seconds,
    )


def a_decision(
    document: bytes = b"{}", *, at: float = START, region: str = "eu", pool: str = "gpu", is_change: bool = False
) -> DecisionRecord:
    """One decision as it is kept."""
    return DecisionRecord(region, pool, at, is_change, document)
