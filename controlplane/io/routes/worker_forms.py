"""The JSON forms of workers: the link's messages as REST, and what is shown of a worker."""

from __future__ import annotations

from base64 import b64decode
from typing import Annotated, Literal

from pydantic import Field

from controlplane.documents import rfc3339
from controlplane.io.routes.dependencies import Asked, Name, Reason, Text, Told
from moorage.errors import Code, error_for
from moorage.ids import SessionId, WorkerId, parse_session, parse_worker
from scheduler.values import (
    Directive,
    DrainProgress,
    Heartbeat,
    Kubernetes,
    Outcome,
    Registration,
    SessionOnWorker,
    WorkerEnd,
    WorkerView,
)

MAX_SLOTS = 1_000_000
MAX_LISTED = 10_000  # sessions in one message; the body limit is near

Fence = Annotated[int, Field(strict=True, ge=0, lt=1 << 63)]
Count = Annotated[int, Field(strict=True, ge=0, lt=1 << 63)]


class ListedSession(Asked):
    """A session a worker has."""

    session: Text
    fence: Fence
    is_attached: bool = True

    def witness(self) -> SessionOnWorker:
        """As the store takes it."""
        return SessionOnWorker(_session(self.session), self.fence, self.is_attached)


class EndedSession(Asked):
    """A session a worker ended."""

    session: Text
    fence: Fence
    outcome: Literal["COMPLETED", "FAILED"] = "COMPLETED"
    reason: Reason = ""

    def witness(self) -> WorkerEnd:
        """As the store takes it."""
        return WorkerEnd(_session(self.session), self.fence, Outcome(self.outcome), self.reason)


class Pod(Asked):
    """Which pod a worker is."""

    namespace: Text
    pod: Text
    uid: Text


class Register(Asked):
    """POST /workers: the fields of the link's register message."""

    name: Text
    region: Name
    pool: Name
    address: Text = Field(description="ip:port, inside worker_networks; or dial-out")
    slots: Annotated[int, Field(strict=True, ge=1, le=MAX_SLOTS)]
    labels: dict[Name, Name] = Field(default={}, max_length=64)
    version: str = Field(default="", max_length=128)
    sessions: list[ListedSession] = Field(
        default=[], max_length=MAX_LISTED, description="all it has, when it joins again"
    )
    kubernetes: Pod | None = None
    again: Text | None = Field(default=None, description="its worker_id from an earlier registration, proven by")
    claim_key: Text | None = Field(default=None, description="the key it got then, base64")
    is_starting: bool = Field(
        default=False, description="true: nothing is placed on it before a heartbeat with is_ready"
    )

    def registration(self) -> Registration:
        """As the store takes it. Raises UNPROCESSABLE naming the field."""
        return Registration(
            name=self.name,
            region=self.region,
            pool=self.pool,
            address=self.address,
            slots=self.slots,
            labels=frozenset(self.labels.items()),
            version=self.version,
            sessions=tuple(session.witness() for session in self.sessions),
            kubernetes=None if self.kubernetes is None else Kubernetes(**self.kubernetes.model_dump()),
            again=None if self.again is None else worker_of(self.again, Code.UNPROCESSABLE),
            claim_key=None if self.claim_key is None else _key(self.claim_key),
            is_starting=self.is_starting,
        )


class Registered(Told):
    """A worker's place in the fleet. A `Moorage-Claim` header is verified with `claim_key` (base64)."""

    worker_id: str
    status: str
    lease_seconds: float
    heartbeat_every: float
    resume_seconds: float
    claim_key: str
    epoch: str


class Beat(Asked):
    """POST /workers/{id}/heartbeat: what happened since the last acknowledged one."""

    seq: Count
    in_use: Annotated[int, Field(strict=True, ge=0, le=MAX_SLOTS)] = 0
    load: Annotated[float, Field(ge=0, le=1e6)] = 0.0
    attached: list[ListedSession] = Field(default=[], max_length=MAX_LISTED)
    detached: list[ListedSession] = Field(default=[], max_length=MAX_LISTED)
    ended: list[EndedSession] = Field(default=[], max_length=MAX_LISTED)
    is_ready: bool = True

    def heartbeat(self, worker: WorkerId) -> Heartbeat:
        """As the store takes it. Raises UNPROCESSABLE naming the field."""
        return Heartbeat(
            worker=worker,
            seq=self.seq,
            in_use=self.in_use,
            load=self.load,
            attached=tuple(session.witness() for session in self.attached),
            detached=tuple(session.witness() for session in self.detached),
            ended=tuple(session.witness() for session in self.ended),
            is_ready=self.is_ready,
        )


class DirectiveDocument(Told):
    """An order to a worker. `seconds` is how long it has, since clocks of two machines differ. `gateway` and `ticket` belong
    to `attach`."""

    order: str
    session: str | None
    fence: int | None
    seconds: float | None
    reason: str
    gateway: str | None
    ticket: str | None


class Ack(Told):
    """The acknowledgement of a heartbeat, and what the worker is to do."""

    seq: int
    directives: list[DirectiveDocument]


class DrainOrder(Asked):
    """How a worker is emptied."""

    deadline_seconds: Annotated[float, Field(ge=0, le=604_800)] = 300.0
    rate_per_second: Annotated[float, Field(gt=0, le=100_000)] = 10.0
    reason: Reason = ""


class DrainDocument(Told):
    """A drain as it stands."""

    started_at: str | None
    deadline: str | None
    rate_per_second: float
    sessions_at_start: int
    sessions_left: int
    sessions_moved: int


class WorkerDocument(Told):
    """One worker."""

    id: str
    name: str
    region: str
    pool: str
    address: str
    status: str
    slots: int
    used: int
    reserved: int
    held: int
    suspended: int
    load: float
    labels: dict[str, str]
    version: str
    joined_at: str | None
    last_heartbeat_at: str | None
    kubernetes: dict[str, str] | None
    drain: DrainDocument | None


class Workers(Told):
    """`total` counts all that match, shown or not."""

    workers: list[WorkerDocument]
    total: int


def worker_document(view: WorkerView) -> WorkerDocument:
    """As it is shown."""
    pod = view.kubernetes
    return WorkerDocument(
        id=view.worker,
        name=view.name,
        region=view.region,
        pool=view.pool,
        address=view.address,
        status=view.state.value,
        slots=view.slots,
        used=view.used,
        reserved=view.reserved,
        held=view.held,
        suspended=view.suspended,
        load=view.load,
        labels=dict(sorted(view.labels)),
        version=view.version,
        joined_at=rfc3339(view.joined_at),
        last_heartbeat_at=rfc3339(view.beat_at),
        kubernetes=None if pod is None else {"namespace": pod.namespace, "pod": pod.pod, "uid": pod.uid},
        drain=None if view.drain is None else drain_document(view.drain),
    )


def drain_document(drain: DrainProgress) -> DrainDocument:
    """As it is shown."""
    return DrainDocument(
        started_at=rfc3339(drain.started_at),
        deadline=rfc3339(drain.deadline),
        rate_per_second=drain.rate_per_second,
        sessions_at_start=drain.sessions_at_start,
        sessions_left=drain.sessions_left,
        sessions_moved=drain.sessions_moved,
    )


def directive_document(directive: Directive, now: float) -> DirectiveDocument:
    """As a worker reads it."""
    deadline = directive.deadline
    return DirectiveDocument(
        order=directive.order.value,
        session=directive.session,
        fence=directive.fence,
        seconds=None if deadline is None else max(0.0, round(deadline - now, 3)),
        reason=directive.reason,
        gateway=directive.gateway or None,
        ticket=directive.ticket or None,
    )


def worker_of(text: str, code: Code = Code.WORKER_NOT_FOUND) -> WorkerId:
    """Raises an error of that code for text that is no worker's id."""
    try:
        return parse_worker(text)
    except ValueError as error:
        raise error_for(code, str(error)) from error


def _session(text: str) -> SessionId:
    try:
        return parse_session(text)
    except ValueError as error:
        raise error_for(Code.UNPROCESSABLE, f"session: {error}") from error


def _key(text: str) -> bytes:
    try:
        return b64decode(text, validate=True)
    except ValueError as error:
        raise error_for(Code.UNPROCESSABLE, "claim_key: must be base64, as it was given at registration") from error
