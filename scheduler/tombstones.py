"""Ids that must not come back: ended sessions (with their records for a while) and revocations.

A tombstone beats a concurrent claim. It stays until every token of its session has expired, within a bound: those that
would lapse first go first. Records of ends are kept for late enders, the newest ones only.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from heapq import heappop, heappush

from moorage.errors import Code
from moorage.ids import SessionId
from scheduler.policy import SchedulerPolicy
from scheduler.values import ClaimRequest, EndRecord, Outcome, Revocation

KINDS = ("session", "user", "key", "workspace")
_BUCKET = 60  # seconds; tombstones lapse a minute at a time, so that each costs one entry in a list


class Tombstones:
    """Ended sessions, each until the last token that names it has expired."""

    def __init__(self, policy: SchedulerPolicy) -> None:
        self._policy = policy
        self._minutes: dict[SessionId, int] = {}
        self._lapsing: dict[int, deque[SessionId]] = {}
        self._order: list[int] = []  # a heap of the minutes
        self._records: OrderedDict[SessionId, EndRecord] = OrderedDict()

    def __len__(self) -> int:
        return len(self._minutes)

    def __contains__(self, session: SessionId) -> bool:
        return session in self._minutes

    def bury(self, record: EndRecord, until: float) -> None:
        """A session ended."""
        self._records[record.session] = record
        if len(self._records) > self._policy.end_records:
            self._records.popitem(last=False)
        self.seed(record.session, until)

    def seed(self, session: SessionId, until: float) -> None:
        """A session known to have ended, without its record."""
        minute = int(until) // _BUCKET + 1
        if self._minutes.get(session, -1) >= minute:
            return
        self._minutes[session] = minute
        lapsing = self._lapsing.get(minute)
        if lapsing is None:
            self._lapsing[minute] = deque((session,))
            heappush(self._order, minute)
        else:
            lapsing.append(session)
        while len(self._minutes) > self._policy.tombstones:
            self._drop_one()

    def record(self, session: SessionId) -> EndRecord | None:
        """How it ended, if that was not long ago."""
        return self._records.get(session)

    def code(self, session: SessionId) -> Code | None:
        """What a claim of this session is refused with; None when it has no tombstone."""
        if session not in self._minutes:
            return None
        record = self._records.get(session)
        is_expired = record is not None and record.outcome is Outcome.EXPIRED
        return Code.SESSION_EXPIRED if is_expired else Code.SESSION_ENDED

    def lapse(self, now: float) -> None:
        """Forgets what no token can name any more."""
        minute = int(now) // _BUCKET
        while self._order and self._order[0] <= minute:
            past = heappop(self._order)
            for session in self._lapsing.pop(past):
                self._forget(session, past)

    def _drop_one(self) -> None:
        """The oldest of those that would lapse first."""
        minute = self._order[0]
        bucket = self._lapsing[minute]
        self._forget(bucket.popleft(), minute)
        if not bucket:
            del self._lapsing[heappop(self._order)]

    def _forget(self, session: SessionId, minute: int) -> None:
        if self._minutes.get(session) == minute:  # else it was seeded again, for longer
            del self._minutes[session]
            self._records.pop(session, None)


class Revocations:
    """Revocations in force. They name few ids; a scan of all is cheap."""

    def __init__(self) -> None:
        self._by_kind: dict[str, dict[str, Revocation]] = {kind: {} for kind in KINDS}
        self.is_empty = True

    def add(self, revocation: Revocation) -> None:
        """Raises ValueError for an unknown kind. The same id again keeps the later `until` and the later `before`."""
        named = self._by_kind.get(revocation.kind)
        if named is None:
            raise ValueError(f"a revocation names one of {', '.join(KINDS)}, not {revocation.kind!r}")
        earlier = named.get(revocation.id, revocation)
        named[revocation.id] = Revocation(
            revocation.kind,
            revocation.id,
            max(earlier.until, revocation.until),
            max(earlier.before, revocation.before),
            revocation.reason,
        )
        self.is_empty = False

    def covers(self, request: ClaimRequest) -> bool:
        """Whether this claim's token was revoked. A claim that does not say when its token was issued is old."""
        if request.session in self._by_kind["session"]:
            return True
        for kind, named in (("user", request.user), ("key", request.key), ("workspace", request.workspace)):
            revocation = self._by_kind[kind].get(named)
            if revocation and (request.token_issued_at is None or request.token_issued_at < revocation.before):
                return True
        return False

    def names(self, kind: str, id_: str) -> bool:
        """Whether this very id was revoked."""
        return id_ in self._by_kind[kind]

    def all(self) -> list[Revocation]:
        """Those in force."""
        return [revocation for named in self._by_kind.values() for revocation in named.values()]

    def lapse(self, now: float) -> None:
        """Forgets those whose tokens have all expired."""
        for named in self._by_kind.values():
            for id_ in [id_ for id_, revocation in named.items() if revocation.until <= now]:
                del named[id_]
        self.is_empty = not any(self._by_kind.values())
