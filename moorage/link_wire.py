"""The link's bytes: msgpack maps with a `type`, both ways between bytes and moorage.link's values.

Fields nobody here knows are skipped, an unknown `type` becomes `Unknown`: a newer peer may say more. What is missing, of
a wrong type or over a bound raises `LinkError` with the field's name. The bounds hold before anything is built.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, assert_never

import msgpack

from moorage.errors import CATALOGUE, Code
from moorage.ids import SessionId
from moorage.link import (
    MAX_LABELS,
    MAX_MESSAGE_BYTES,
    MAX_SESSIONS,
    MAX_TEXT,
    Ack,
    Directive,
    Drained,
    Goodbye,
    Heartbeat,
    LinkRefused,
    Listed,
    Message,
    Order,
    Outcome,
    Over,
    Pod,
    Register,
    Registered,
    Unknown,
)
from moorage.link_fields import (
    MAX_WHOLE,
    LinkError,
    checked_id,
    claim_key,
    flag,
    listing,
    number,
    optional,
    seconds,
    secret,
    session_id,
    text,
    whole,
    worker_id,
    wrong,
)

__all__ = ["LinkError", "decode", "encode"]


def encode(message: Message) -> bytes:
    """Raises LinkError where the message is over MAX_MESSAGE_BYTES."""
    said = {name: value for name, value in _said(message).items() if value is not None}
    packed: bytes = msgpack.packb(said, use_bin_type=True)
    if len(packed) > MAX_MESSAGE_BYTES:
        raise LinkError(f"a message of {len(packed)} bytes is over {MAX_MESSAGE_BYTES}")
    return packed


def decode(data: bytes | str) -> Message:
    """Raises LinkError."""
    fields = _unpacked(data)
    kind = text(fields, "type")
    reader = _READERS.get(kind)
    return Unknown(kind) if reader is None else reader(fields)


def _unpacked(data: bytes | str) -> dict[str, Any]:
    if isinstance(data, str):
        raise LinkError("a text frame; the link speaks msgpack in binary frames")
    if len(data) > MAX_MESSAGE_BYTES:
        raise LinkError(f"a message of {len(data)} bytes is over {MAX_MESSAGE_BYTES}")
    try:
        fields = msgpack.unpackb(data, max_array_len=MAX_SESSIONS, max_map_len=MAX_LABELS, max_ext_len=0)
    except (ValueError, msgpack.UnpackException, RecursionError) as error:
        raise LinkError(f"no msgpack: {error}") from error
    if not isinstance(fields, dict):
        raise LinkError(f"a {type(fields).__name__} where a map belongs")
    return fields


# Writing.


def _said(message: Message) -> dict[str, Any]:
    match message:
        case Register():
            return _said_register(message)
        case Registered():
            return {"type": "registered", **_fields(message)}
        case LinkRefused():
            return {
                "type": "refused",
                "code": message.code.value,
                "detail": _cut(message.detail),
                "retry_after": message.retry_after,
            }
        case Heartbeat():
            return _said_heartbeat(message)
        case Ack():
            return {"type": "ack", "seq": message.seq}
        case Directive():
            return {
                "type": "directive",
                **_fields(message),
                "order": message.order.value,
                "reason": _cut(message.reason),
            }
        case Drained():
            return {"type": "drained"}
        case Goodbye():
            return {"type": "goodbye", "reason": _cut(message.reason)}
        case Unknown():
            return {"type": message.type}
    assert_never(message)


def _said_register(message: Register) -> dict[str, Any]:
    pod = message.kubernetes
    return {
        "type": "register",
        **_fields(message),
        "labels": dict(message.labels),
        "sessions": [_said_listed(each) for each in message.sessions],
        "kubernetes": None if pod is None else _fields(pod),
    }


def _said_heartbeat(message: Heartbeat) -> dict[str, Any]:
    return {
        "type": "heartbeat",
        **_fields(message),
        "attached": [_said_listed(each) for each in message.attached],
        "detached": [_said_listed(each) for each in message.detached],
        "ended": [(each.session, each.fence, each.outcome.value, _cut(each.reason)) for each in message.ended],
    }


def _said_listed(each: Listed) -> tuple[str, int, bool]:
    return each.session, each.fence, each.is_attached


def _fields(value: Register | Registered | Heartbeat | Directive | Pod) -> dict[str, Any]:
    return {name: getattr(value, name) for name in value.__slots__}


def _cut(text: str) -> str:
    return text[:MAX_TEXT]


# Reading.


def _register(fields: dict[str, Any]) -> Register:
    return Register(
        name=text(fields, "name"),
        region=text(fields, "region"),
        pool=text(fields, "pool"),
        address=text(fields, "address"),
        slots=whole(fields, "slots", 1, MAX_SESSIONS),
        labels=_labels(fields),
        version=text(fields, "version", ""),
        sessions=listing(fields, "sessions", _listed),
        kubernetes=optional(fields, "kubernetes", _pod),
        again=optional(fields, "again", worker_id),
        claim_key=optional(fields, "claim_key", claim_key),
    )


def _registered(fields: dict[str, Any]) -> Registered:
    return Registered(
        worker_id=worker_id(fields, "worker_id"),
        claim_key=claim_key(fields, "claim_key"),
        epoch=text(fields, "epoch"),
        lease_seconds=seconds(fields, "lease_seconds"),
        heartbeat_every=seconds(fields, "heartbeat_every"),
        resume_seconds=seconds(fields, "resume_seconds"),
    )


def _refused(fields: dict[str, Any]) -> LinkRefused:
    said = text(fields, "code")
    code = Code(said) if said in CODES else Code.INTERNAL
    return LinkRefused(code, text(fields, "detail", ""), optional(fields, "retry_after", seconds))


def _heartbeat(fields: dict[str, Any]) -> Heartbeat:
    return Heartbeat(
        seq=whole(fields, "seq", 0, MAX_WHOLE),
        in_use=whole(fields, "in_use", 0, MAX_SESSIONS),
        load=number(fields, "load", 0.0, 1e6),
        attached=listing(fields, "attached", _listed),
        detached=listing(fields, "detached", _listed),
        ended=listing(fields, "ended", _over),
        is_ready=flag(fields, "is_ready", default=True),
    )


def _directive(fields: dict[str, Any]) -> Directive | Unknown:
    said = text(fields, "order")
    if said not in ORDERS:
        return Unknown(f"directive {said}")
    if said == Order.ATTACH.value:
        return _attach(fields)
    return Directive(
        order=Order(said),
        session=optional(fields, "session", session_id),
        fence=optional(fields, "fence", _fence),
        seconds=optional(fields, "seconds", seconds),
        reason=text(fields, "reason", ""),
    )


def _attach(fields: dict[str, Any]) -> Directive:
    """Nothing of it can be missing."""
    return Directive(
        order=Order.ATTACH,
        session=session_id(fields, "session"),
        fence=_fence(fields, "fence"),
        seconds=seconds(fields, "seconds"),
        reason=text(fields, "reason", ""),
        gateway=text(fields, "gateway"),
        ticket=secret(fields, "ticket"),
    )


def _fence(fields: dict[str, Any], name: str) -> int:
    return whole(fields, name, 0, MAX_WHOLE)


CODES = frozenset(code.value for code in CATALOGUE)
ORDERS = frozenset(order.value for order in Order)
OUTCOMES = tuple(outcome.value for outcome in Outcome)  # compared, not hashed: a peer may send a list

_READERS: dict[str, Callable[[dict[str, Any]], Message]] = {
    "register": _register,
    "registered": _registered,
    "refused": _refused,
    "heartbeat": _heartbeat,
    "ack": lambda fields: Ack(whole(fields, "seq", 0, MAX_WHOLE)),
    "directive": _directive,
    "drained": lambda _: Drained(),
    "goodbye": lambda fields: Goodbye(text(fields, "reason", "")),
}


def _labels(fields: dict[str, Any]) -> tuple[tuple[str, str], ...]:
    said = fields.get("labels", {})
    if not isinstance(said, dict) or len(said) > MAX_LABELS:
        raise wrong("labels", f"a map of at most {MAX_LABELS} texts", said)
    return tuple(sorted((_label(key), _label(value)) for key, value in said.items()))


def _label(said: Any) -> str:
    return text({"labels": said}, "labels")


def _pod(fields: dict[str, Any], name: str) -> Pod:
    said = fields[name]
    if not isinstance(said, dict):
        raise wrong(name, "a map", said)
    return Pod(text(said, "namespace"), text(said, "pod"), text(said, "uid"))


def _listed(said: Any) -> Listed:
    """Elements after the third are a newer version's."""
    if not isinstance(said, list) or len(said) < 3:
        raise wrong("session", "[id, fence, is_attached]", said)
    entry = {"fence": said[1], "is_attached": said[2]}
    return Listed(
        SessionId(checked_id(said[0], "session")),
        whole(entry, "fence", 0, MAX_WHOLE),
        flag(entry, "is_attached", default=False),
    )


def _over(said: Any) -> Over:
    if not isinstance(said, list) or len(said) < 4 or said[2] not in OUTCOMES:
        raise wrong("ended", "[id, fence, outcome, reason]", said)
    entry = {"fence": said[1], "reason": said[3]}
    return Over(
        SessionId(checked_id(said[0], "ended")),
        whole(entry, "fence", 0, MAX_WHOLE),
        Outcome(said[2]),
        text(entry, "reason"),
    )
