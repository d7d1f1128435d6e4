"""Everything a memory store knows, in one object, and the few steps that all others are made of.

The modules beside this one are functions over it, one question each. `now` is passed down from the store's methods.
"""

from __future__ import annotations

from moorage.ids import Draw, GatewayId, RequestId, SessionId, WorkerId
from scheduler.alarms import Alarms
from scheduler.claims import next_fence
from scheduler.coming import Coming
from scheduler.io.memory.log import EventLog
from scheduler.io.memory.mailboxes import Mailboxes
from scheduler.io.memory.records import Contest, Gateway, Session, Worker
from scheduler.limits import Limits
from scheduler.placement import Index, Plan
from scheduler.policy import SchedulerPolicy
from scheduler.queue import Queue, Waiter
from scheduler.tombstones import Revocations, Tombstones
from scheduler.values import Direct, Directive, Order, Stale


class Fleet:
    """The state. Only this package's modules change it, each within one step of the event loop."""

    __slots__ = (
        "adopting",
        "alarms",
        "born_at",
        "coming",
        "contests",
        "draw",
        "epoch",
        "fence",
        "gateways",
        "granted",
        "index",
        "leases",
        "limits",
        "log",
        "mail",
        "policy",
        "queue",
        "queue_alarms",
        "region_silent",
        "region_workers",
        "revocations",
        "sessions",
        "swept_at",
        "tombstones",
        "workers",
    )

    def __init__(self, policy: SchedulerPolicy, draw: Draw, now: float) -> None:
        self.policy = policy
        self.born_at = now
        self.draw = draw
        self.epoch = draw(8).hex()
        self.fence = 0  # the highest ever given: one counter keeps every session's fences rising
        self.index: Index[Worker] = Index(policy.soft_cap)
        self.coming = Coming()
        self.workers: dict[WorkerId, Worker] = {}
        self.leases: Alarms[Worker] = Alarms()
        self.region_workers: dict[str, int] = {}  # those not lost,
        self.region_silent: dict[str, int] = {}  # and those of them that fell silent
        self.sessions: dict[SessionId, Session] = {}
        self.alarms: Alarms[Session] = Alarms()
        self.limits = Limits()
        self.queue = Queue(policy)
        self.queue_alarms: Alarms[Waiter] = Alarms()
        self.granted: dict[RequestId, Session] = {}  # reserved for a waiter, not yet confirmed
        self.contests: dict[RequestId, Contest] = {}
        self.gateways: dict[GatewayId, Gateway] = {}
        self.adopting: dict[str, float] = {}  # regions, until when
        self.tombstones = Tombstones(policy)
        self.revocations = Revocations()
        self.swept_at: float | None = None
        self.mail = Mailboxes(policy.notices_per_gateway)
        self.log = EventLog(policy.events)

    def new_fence(self, now: float) -> int:
        """Higher than every one before."""
        self.fence = fence = next_fence(self.fence, now)
        return fence

    def fenced(self, session_id: SessionId, fence: int) -> Session | Stale:
        """The session, if `fence` is its newest."""
        session = self.sessions.get(session_id)
        if session is None:
            return Stale(session_id, None)
        return session if session.fence == fence else Stale(session_id, session.fence)

    def has_hope(self, plan: Plan, now: float) -> bool:
        """Whether a worker that is known, or one to come, could serve this now or later."""
        return self.index.has_match(plan) or bool(self.coming.serving(plan.wanted, now))

    def is_gateway_alive(self, gateway: GatewayId) -> bool:
        """Whether its lease runs."""
        known = self.gateways.get(gateway)
        return known is not None and not known.is_lapsed

    def direct(self, worker: Worker, directive: Directive) -> None:
        """An order to a worker: over its link if that is watched, else with the answer to its next heartbeat."""
        if worker.link is not None and self.mail.is_watching(worker.link):
            self.mail.put(worker.link, Direct(worker.id, directive))
            return
        if len(worker.directives) >= self.policy.directives_per_worker:
            worker.directives.clear()
            directive = Directive(Order.REGISTER, reason="too many orders waited")
        worker.directives.append(directive)
