"""The one interface to the fleet's truth. Two implementations pass one contract suite (tests/scheduler/contract).

Every method is one atomic step. A store that cannot be reached raises `Unavailable`. Reading clocks is the store's own
business: callers compare its times only with `now()`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Protocol

from moorage.ids import GatewayId, RequestId, SessionId, WorkerId
from scheduler.values import (
    Adopted,
    Beaten,
    Claimed,
    ClaimRequest,
    Contested,
    DecisionRecord,
    Directive,
    Done,
    Drain,
    DrainPlan,
    End,
    Ended,
    EndRecord,
    Event,
    GatewayView,
    Heartbeat,
    Held,
    JoinKey,
    Notice,
    PoolStatus,
    PoolView,
    Queued,
    QueueView,
    Refused,
    Registered,
    Registration,
    Revocation,
    ScaleRequest,
    SessionView,
    Stale,
    Usage,
    WorkerView,
)


class Unavailable(Exception):
    """The store cannot be reached: live relays go on, new placements are refused as STORE_UNAVAILABLE."""


class Store(Protocol):
    """Fleet state, claims, queue, notices and events."""

    def now(self) -> float:
        """The store's clock, Unix seconds, as last known."""

    # workers

    async def register(self, registration: Registration) -> Registered | Refused:
        """A worker joins, or joins again with `again` and its key; sessions it lists are adopted where fences allow."""

    async def heartbeat(self, beat: Heartbeat) -> Beaten | Refused:
        """Renews the lease and takes the witness; WORKER_NOT_FOUND tells the worker to register. One that is older than the
        newest only renews the lease: it came late, perhaps over a link that the worker has left."""

    async def ready(self, worker: WorkerId) -> Done | Refused:
        """A starting worker serves."""

    async def cordon(self, worker: WorkerId) -> Done | Refused:
        """No new sessions. CONFLICT where the state table has no such change."""

    async def uncordon(self, worker: WorkerId) -> Done | Refused:
        """Ends a cordon or a drain (undrain): it serves again."""

    async def drain(self, worker: WorkerId, drain: Drain) -> Done | Refused:
        """Cordon; who attaches again after the deadline is placed elsewhere, or where nothing else has room gets its own
        slot again: nobody loses a session to a drain. Telling those attached is `move_away`."""

    async def direct(self, worker: WorkerId, directive: Directive) -> bool:
        """Passes an order on over the worker's link; False where no gateway listens for it: nothing is kept. A worker that
        beats over REST has no link: it gets the order with the answer to its next heartbeat (False where too many wait)."""

    async def retire(self, worker: WorkerId) -> Done | Refused:
        """Irreversible, and only without a reserved, held or suspended claim (else CONFLICT)."""

    async def remove(self, worker: WorkerId) -> Done | Refused:
        """Its goodbye, or an operator's DELETE: forgets it; sessions still there are suspended as if it were lost."""

    async def suspect(self, worker: WorkerId, session: SessionId) -> None:
        """A gateway could not reach it for this session; three different sessions make it SUSPECT."""

    # sessions

    async def claim(self, request: ClaimRequest) -> Claimed | Queued | Contested | Refused:
        """One attach: first placement, or back to the session's slot with a higher fence.

        With `unreached` an attach goes on whose worker did not answer, and for which `move` found no other: to a worker
        that it has not tried, else it waits like any other. It keeps its slot, and after SUSPECT_AFTER gets it again where
        its worker is still heard. SESSION_SUPERSEDED where that attach is not the session's newest; NO_CAPACITY, and
        nothing changes, where the session never was attached."""

    async def leave_queue(self, request: RequestId, session: SessionId | None = None) -> None:
        """The waiter is gone; a grant under way is undone. With `session` also what the claim got at once, for whoever
        never heard its answer."""

    async def confirm(self, session: SessionId, fence: int) -> Done | Stale:
        """The worker answered 101: reserved -> held."""

    async def move(self, session: SessionId, fence: int) -> Claimed | Refused | Stale:
        """The claimed worker did not answer: another one, inside the same reservation; never the same worker twice. Refused
        where no other has room: a resumed session may then wait for one, by a claim with `unreached`."""

    async def release(self, session: SessionId, fence: int) -> Done | Stale:
        """The attach failed before bytes were relayed: a new session's slot is freed and it may be claimed again; a
        resumed one becomes suspended. One already confirmed is Stale with its own fence: `suspend` it."""

    async def suspend(self, session: SessionId, fence: int, usage: Usage, *, is_worker_lost: bool) -> Done | Stale:
        """The client or the worker is gone; the slot is kept for `resume_seconds`."""

    async def checkpoint(self, session: SessionId, fence: int, usage: Usage) -> Done | Stale:
        """What this attach has carried so far; also proof that its gateway still holds it."""

    async def extend(self, session: SessionId, expires_at: float) -> Done | Stale:
        """Moves the time to live of a live session; a session that is not live here answers Stale."""

    async def end(self, end: End) -> Ended | Stale:
        """Ends a session, also one that never connected (a tombstone beats a concurrent claim)."""

    async def ask_to_end(self, end: End) -> bool:
        """Asks the gateway that holds the session to end it so, with what it has metered up to now. False where nobody
        holds it: then, and after a second without an end, call `end`. See scheduler.io.ending."""

    async def probed(self, session: SessionId, fence: int, request: RequestId, *, is_alive: bool) -> None:
        """The holder's answer to `ProbeSession`; False suspends its attach."""

    async def revoke(self, revocation: Revocation) -> int:
        """Remembers it as `seed` does and ends what is live under it; answers how many sessions it ended. It may end them
        in portions: from the first one on, claims under it are refused. See scheduler.io.revoking."""

    async def seed(self, ended: dict[SessionId, float], revocations: list[Revocation]) -> None:
        """From SQL, at start and after a loss of data: ids that must not come back, each until the time given. Every gateway
        that watches hears of each revocation (`Revoked`), closes what it holds of it, and ends it with what it metered."""

    # gateways

    async def join(self, gateway: GatewayId, node: str) -> None:
        """A gateway starts its lease; `node` is the address clients connect to."""

    async def renew(self, gateway: GatewayId) -> bool:
        """Keeps the lease. False: the store does not know this gateway (it lost its data): join and adopt."""

    async def adopt(self, gateway: GatewayId, held: list[Held]) -> Adopted:
        """After an outage: all that this gateway relays. A store that lost its data learns these sessions anew."""

    async def leave(self, gateway: GatewayId) -> None:
        """An orderly end; what it still held is suspended."""

    def watch(self, gateway: GatewayId) -> AsyncIterator[Notice]:
        """What concerns this gateway, from the moment of the call (not of the first iteration), in order."""

    # views

    async def workers(self) -> list[WorkerView]:
        """All workers but those forgotten."""

    async def worker(self, worker: WorkerId) -> WorkerView | None:
        """One of them."""

    async def session(self, session: SessionId) -> SessionView | EndRecord | None:
        """A live session, or the record of one that ended not long ago."""

    async def sessions(self) -> list[SessionView]:
        """All live sessions."""

    async def pools(self) -> list[PoolView]:
        """Room by region and pool."""

    async def waiting(self) -> dict[tuple[str, str], int]:
        """Sessions in the queue by region and pool, counted as `pools` does; where none waits there is nothing. Cheap at any
        number of workers."""

    async def queue(self, session: SessionId) -> QueueView | None:
        """A waiting session's place."""

    async def revocations(self) -> list[Revocation]:
        """Those in force."""

    async def nodes(self) -> dict[GatewayId, str]:
        """Live gateways that take clients, and the addresses these connect to."""

    async def gateways(self) -> list[GatewayView]:
        """All gateways that the store knows, lapsed and cordoned ones too, with how many sessions are theirs."""

    # drains: the board that scheduler.io.drainer works off, and the steps it takes

    async def put_drain(self, drain: DrainPlan) -> bool:
        """Writes a plan, or how far it is, over what was there under its id. False: it was cancelled meanwhile; a cancelled
        plan is only ever written over by a cancelled one, so that no progress report undoes a cancellation."""

    async def drop_drain(self, drain: str) -> None:
        """Forgets a plan; what it began is undone by whoever drops it."""

    async def drains(self) -> list[DrainPlan]:
        """All plans, oldest first."""

    async def move_away(self, of: WorkerId | GatewayId, most: int) -> int:
        """Tells at most so many attached sessions, of a worker or of a gateway, to reconnect (`CloseSession` with DRAINING
        and a jittered `retry_after`). Passed over are those told within TOLD_AGAIN_AFTER and, of a worker, those for which
        no other worker has a free slot now. Answers how many were told; 0 for what is not known."""

    async def cordon_gateway(self, gateway: GatewayId, *, is_cordoned: bool) -> Done | Refused:
        """A gateway takes no new clients (notice `GatewayCordoned` where that is new), or takes them again. Joining again
        keeps it and tells it again. NOT_FOUND for a gateway that is not known."""

    async def lead(self, role: str, holder: str, seconds: float) -> bool:
        """One holder at a time has a role; asking again keeps it for so long from now, asking for 0 gives it back."""

    # scaling: what operators wish, and what the autoscaler says

    async def put_scale_request(self, request: ScaleRequest) -> Done | Refused:
        """Keeps it until it expires, over a restart too; the same again is Done. CONFLICT where another one of that id is
        known, which stays as it is, or where `scale_requests` of the policy are in force."""

    async def drop_scale_request(self, request: str) -> bool:
        """Forgets it; False where it is not known."""

    async def scale_requests(self) -> list[ScaleRequest]:
        """Those not expired, oldest first."""

    async def publish_pool(self, status: PoolStatus) -> None:
        """Until `status.until` a session that this pool's workers could serve waits in the queue though none is there:
        it is not refused with NO_CAPACITY at once, as long as `maximum` is above 0. `pools` names the pool from then on."""

    async def pool_statuses(self) -> list[PoolStatus]:
        """Those published and not past their `until` for longer than a day, by region and pool."""

    async def record_decision(self, decision: DecisionRecord) -> None:
        """Appends it; the oldest beyond `decisions_per_pool` go. One that is a change is also an event `pool.scaled` with
        what `scheduler.scaling.scaled_data` makes of it. ValueError for a document over `decision_bytes`."""

    async def decisions(self, region: str, pool: str, limit: int, before: float | None = None) -> list[DecisionRecord]:
        """Newest first, those made before a time."""

    async def keep_memory(self, name: str, document: bytes) -> None:
        """What a role must know when another process takes it over, over a restart too. ValueError over `memory_bytes`."""

    async def memory(self, name: str) -> bytes | None:
        """As last kept."""

    # keys

    async def set_token_keys(self, document: bytes) -> None:
        """What verifies session tokens, for gateways in other processes; see moorage.keydocument."""

    async def token_keys(self) -> bytes | None:
        """As last set."""

    async def set_join_keys(self, keys: list[JoinKey]) -> None:
        """Replaces them all, from SQL."""

    async def join_key(self, digest: str) -> JoinKey | None:
        """The key with this SHA-256 (lower-case hex)."""

    # events

    async def events(self, consumer: str, limit: int, wait_seconds: float) -> list[Event]:
        """The oldest events that this consumer has not acknowledged; waits for the first one at most so long.

        Consumers share the stream: an event goes to one of them, and to another when that one falls silent."""

    async def acknowledge(self, consumer: str, events: list[Event]) -> None:
        """These are dealt with."""

    # time

    async def sweep(self) -> None:
        """Lets time pass: leases, reservations, suspensions, ends of life, queue deadlines. Every 0.25 s.

        A held session whose time to live is over is asked for like `ask_to_end`; a second later it ends without."""
