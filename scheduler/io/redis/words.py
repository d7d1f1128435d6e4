"""The scheduler's values as the scripts write and read them: lists in MessagePack, absent things as False. No I/O."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from typing import Any

from moorage.errors import Code
from moorage.ids import GatewayId, RequestId, SessionId
from scheduler.io.redis.message import inner, pack
from scheduler.values import (
    NO_USAGE,
    Claimed,
    ClaimRequest,
    Contested,
    Directive,
    Done,
    Duplicates,
    End,
    Ended,
    EndRecord,
    Event,
    Held,
    Labels,
    Order,
    Outcome,
    Queued,
    Refused,
    Revocation,
    Stale,
    Usage,
    Wanted,
)

Word = Any  # what MessagePack carries

_DONE = Done()
_OUTCOMES = {outcome.value: outcome for outcome in Outcome}


def labels_of(labels: Labels) -> list[list[str]]:
    """In one order, so that equal sets are equal words."""
    return [list(pair) for pair in sorted(labels)]


@lru_cache(maxsize=4096)
def wanted_word(wanted: Wanted) -> tuple[Word, ...]:
    """{key, packed {pools, labels}, is spread}; the key names all of it, regions included."""
    labels = labels_of(wanted.labels)
    said = repr((wanted.regions, wanted.pools, labels, wanted.is_spread))
    key = hashlib.sha1(said.encode(), usedforsecurity=False).hexdigest()[:20]
    return (key, pack([wanted.pools, labels]), wanted.is_spread)


def group_name(pool: str, labels: Labels) -> str:
    """One name for workers that no requirement can tell apart."""
    return repr((pool, labels_of(labels)))


def claim_word(request: ClaimRequest, region: str, more: dict[str, Word], *, waits: bool) -> list[Word]:
    """A claim, as its region is asked it: who it is goes into the session's record as it is packed here. `more` is what few
    requests have."""
    who = (
        request.workspace,
        request.user,
        request.key,
        request.gateway,
        request.request,
        request.resume_seconds,
        wanted_word(request.wanted),
        region,
    )
    if request.duplicates is Duplicates.REJECT:
        more["rejects"] = True
    if request.unreached is not None:
        more["unreached"] = request.unreached
    return [
        pack(who),
        request.session,
        request.expires_at,
        request.wait_seconds if waits else 0,
        request.limits if any(request.limits) else False,
        request.token_issued_at or False,
        more or False,
        pack((region, request.workspace, request.user, request.key)),
    ]


def request_word(request: ClaimRequest, region: str, *, waits: bool) -> dict[str, Word]:
    """The same with names, for a shard that does not place it at once."""
    word: dict[str, Word] = {
        "request": request.request,
        "session": request.session,
        "workspace": request.workspace,
        "user": request.user,
        "key": request.key,
        "gateway": request.gateway,
        "wanted": wanted_word(request.wanted),
        "expires": request.expires_at,
        "resume": request.resume_seconds,
        "wait": request.wait_seconds if waits else 0,
        "region": region,
    }
    if any(request.limits):
        word["limits"] = request.limits
    if request.duplicates is Duplicates.REJECT:
        word["rejects"] = True
    if request.token_issued_at is not None:
        word["issued"] = request.token_issued_at
    if request.unreached is not None:
        word["unreached"] = request.unreached
    return word


def usage_word(usage: Usage) -> Word:
    """False where nothing was carried."""
    if usage is NO_USAGE:
        return False
    return (usage.bytes_in, usage.bytes_out, usage.messages_in, usage.messages_out)


def usage_of(word: Word) -> Usage:
    return Usage(*word) if word else NO_USAGE


def wish_word(end: End) -> list[Word]:
    """An end as asked for."""
    code = end.code.value if end.code else False
    usage = usage_word(end.usage)
    return [end.session, end.outcome.value, code, end.reason, end.by, end.fence or False, usage, end.workspace or False]


def wish_of(word: list[Word]) -> End:
    session, outcome, code, reason, by, fence, usage, workspace = word
    return End(session, Outcome(outcome), _code(code), reason, by, fence or None, usage_of(usage), workspace or None)


def held_word(held: Held) -> list[Word]:
    """A relayed session; its region is the shard's."""
    return [
        held.session,
        held.fence,
        held.workspace,
        held.user,
        held.key,
        held.worker,
        held.expires_at,
        held.resume_seconds,
        usage_word(held.usage),
    ]


def directive_word(directive: Directive) -> list[Word]:
    return [
        directive.order.value,
        directive.session or False,
        directive.fence or False,
        directive.reason,
        directive.deadline or False,
        directive.gateway,
        directive.ticket,
    ]


def directive_of(word: list[Word]) -> Directive:
    order, session, fence, reason, deadline, *attach = word
    return Directive(Order(order), session or None, fence or None, deadline or None, reason, *attach)


def record_of(raw: str | bytes) -> EndRecord:
    """Scripts pack a record once and hand it on whole."""
    session, outcome, code, reason, by, at, held, usage, is_estimated = inner(raw)
    return EndRecord(
        SessionId(session),
        _OUTCOMES[outcome],
        Code(code) if code else None,
        reason,
        by,
        float(at),
        float(held),
        usage_of(usage),
        is_estimated,
    )


def claimed_of(word: list[Word], region: str) -> Claimed:
    """By name, or as the record that was just made: a new session."""
    if len(word) == 3:
        return _placed(word[1], inner(word[2]), region)
    _, session, worker, reach, fence, pool, due, expires, is_resumed, carried = word
    address, key = reach.split("\n")
    return Claimed(
        session,
        worker,
        address,
        bytes.fromhex(key),
        fence,
        region,
        pool,
        float(due),
        float(expires),
        is_resumed,
        carried,
    )


def _placed(reach: str, record: list[Word], region: str) -> Claimed:
    _, session, worker, pool, _, fence, due, expires, *_ = record
    address, key = reach.split("\n")
    return Claimed(
        session, worker, address, bytes.fromhex(key), fence, region, pool, float(due), float(expires), False, 0
    )


def refused_of(word: list[Word]) -> Refused:
    return Refused(Code(word[1]), word[2], float(word[3]) if word[3] else None)


def answer_of(word: list[Word], region: str) -> Any:
    """Whatever a script about one session answered; the caller knows which answers it has to expect."""
    match word[0]:
        case "claimed":
            return claimed_of(word, region)
        case "done":
            return _DONE
        case "stale":
            return Stale(SessionId(word[1]), word[2] or None)
        case "refused":
            return refused_of(word)
        case "queued":
            return Queued(RequestId(word[1]), word[2], float(word[3]) if word[3] else None, float(word[4]))
        case "contested":
            return Contested(RequestId(word[1]), word[2])
        case "ended":
            return Ended(record_of(word[1]), word[2])
    raise ValueError(f"a script answered {word[0]!r}")


def revocation_word(revocation: Revocation) -> list[Word]:
    return [revocation.kind, revocation.id, revocation.until, revocation.before, revocation.reason]


def revocation_of(word: list[Word]) -> Revocation:
    kind, id_, until, before, reason = word
    return Revocation(kind, id_, float(until), float(before), reason)


def event_of(position: str, word: list[Word], region: str) -> Event:
    if len(word) == 3:
        return _of_record(position, word, region)
    type_, at, session, worker, seq, data, record, *of = word
    told = _told_of_session(of[0], of[1:]) if of else dict(data) if data else {}
    if "pool" in told and region:  # the fleet's shard says it itself
        told["region"] = region
    end = record_of(record) if record else None
    return Event(position, type_, float(at), session or None, worker or None, seq, end, told)


def _of_record(position: str, word: list[Word], region: str) -> Event:
    """What begins with a record tells what the record says."""
    type_, at, raw = word
    who, session, worker, pool, _, fence, _, _, seq, *_, rest = inner(raw)
    rest = rest or {}
    told = _told_of_session(who, [pool, fence, rest.get("lost", False), rest.get("adopted", False)])
    return Event(position, type_, float(at), session, worker, seq, None, told | {"region": region})


def _told_of_session(who: str | bytes, attach: list[Word]) -> dict[str, str | int | float]:
    """`attach` is {pool, fence, is worker lost, adopted or false}, of an end nothing."""
    workspace, user, _, gateway, *_ = inner(who)
    told = {"workspace": workspace, "user": user}
    if attach:
        pool, fence, is_worker_lost, adopted = attach
        told |= {"pool": pool, "gateway": gateway, "fence": fence, "is_worker_lost": is_worker_lost}
        if adopted:
            told["adopted"] = adopted
    return told


def gateway_channel(gateway: GatewayId) -> str:
    """The suffix of a gateway's channel in each shard."""
    return f":g:{gateway}"


def _code(word: Word) -> Code | None:
    return Code(word) if word else None
