"""The link's bytes: msgpack maps with a `type`, both ways between bytes and moorage.link's values.

Fields nobody here knows are skipped, an unknown `type` becomes `Unknown`: a newer peer may say more. What is missing, of
a wrong type or over a bound raises `LinkError` with the field's name. The bounds hold before anything is built.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from math import isfinite
from typing import Any, TypeVar, assert_never

import msgpack

from moorage.errors import CATALOGUE, Code
from moorage.ids import SessionId, WorkerId
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

T = TypeVar("T")

_ID = re.compile(r"[a-z]{1,8}_[0-9A-Za-z_-]{1,64}")
_MAX_WHOLE = 2**63 - 1
_MAX_SECONDS = 10 * 366 * 86400.0


class LinkError(ValueError):
    """A message of the link that cannot be read: says which field and what was seen."""


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
    kind = _text(fields, "type")
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
        name=_text(fields, "name"),
        region=_text(fields, "region"),
        pool=_text(fields, "pool"),
        address=_text(fields, "address"),
        slots=_whole(fields, "slots", 1, MAX_SESSIONS),
        labels=_labels(fields),
        version=_text(fields, "version", ""),
        sessions=_list(fields, "sessions", _listed),
        kubernetes=_optional(fields, "kubernetes", _pod),
        again=_optional(fields, "again", _worker),
        claim_key=_optional(fields, "claim_key", _key),
    )


def _registered(fields: dict[str, Any]) -> Registered:
    return Registered(
        worker_id=_worker(fields, "worker_id"),
        claim_key=_key(fields, "claim_key"),
        epoch=_text(fields, "epoch"),
        lease_seconds=_seconds(fields, "lease_seconds"),
        heartbeat_every=_seconds(fields, "heartbeat_every"),
        resume_seconds=_seconds(fields, "resume_seconds"),
    )


def _refused(fields: dict[str, Any]) -> LinkRefused:
    said = _text(fields, "code")
    code = Code(said) if said in CODES else Code.INTERNAL
    return LinkRefused(code, _text(fields, "detail", ""), _optional(fields, "retry_after", _seconds))


def _heartbeat(fields: dict[str, Any]) -> Heartbeat:
    return Heartbeat(
        seq=_whole(fields, "seq", 0, _MAX_WHOLE),
        in_use=_whole(fields, "in_use", 0, MAX_SESSIONS),
        load=_number(fields, "load", 0.0, 1e6),
        attached=_list(fields, "attached", _listed),
        detached=_list(fields, "detached", _listed),
        ended=_list(fields, "ended", _over),
        is_ready=_flag(fields, "is_ready", default=True),
    )


def _directive(fields: dict[str, Any]) -> Directive | Unknown:
    said = _text(fields, "order")
    if said not in ORDERS:
        return Unknown(f"directive {said}")
    return Directive(
        order=Order(said),
        session=_optional(fields, "session", _session),
        fence=_optional(fields, "fence", lambda fields, name: _whole(fields, name, 0, _MAX_WHOLE)),
        seconds=_optional(fields, "seconds", _seconds),
        reason=_text(fields, "reason", ""),
    )


CODES = frozenset(code.value for code in CATALOGUE)
ORDERS = frozenset(order.value for order in Order)
OUTCOMES = tuple(outcome.value for outcome in Outcome)  # compared, not hashed: a peer may send a list

_READERS: dict[str, Callable[[dict[str, Any]], Message]] = {
    "register": _register,
    "registered": _registered,
    "refused": _refused,
    "heartbeat": _heartbeat,
    "ack": lambda fields: Ack(_whole(fields, "seq", 0, _MAX_WHOLE)),
    "directive": _directive,
    "drained": lambda _: Drained(),
    "goodbye": lambda fields: Goodbye(_text(fields, "reason", "")),
}


def _text(fields: dict[str, Any], name: str, default: str | None = None) -> str:
    said = fields.get(name, default)
    if not isinstance(said, str) or len(said) > MAX_TEXT:
        raise _wrong(name, f"a text of at most {MAX_TEXT} characters", said)
    return said


def _whole(fields: dict[str, Any], name: str, low: int, high: int) -> int:
    said = fields.get(name)
    if not isinstance(said, int) or isinstance(said, bool) or not low <= said <= high:
        raise _wrong(name, f"a whole number from {low} to {high}", said)
    return said


def _number(fields: dict[str, Any], name: str, default: float, high: float) -> float:
    said = fields.get(name, default)
    if not isinstance(said, int | float) or isinstance(said, bool) or not isfinite(said) or not 0 <= said <= high:
        raise _wrong(name, f"a number from 0 to {high:g}", said)
    return float(said)


def _seconds(fields: dict[str, Any], name: str) -> float:
    return _number(fields, name, -1.0, _MAX_SECONDS)


def _flag(fields: dict[str, Any], name: str, *, default: bool) -> bool:
    said = fields.get(name, default)
    if not isinstance(said, bool):
        raise _wrong(name, "true or false", said)
    return said


def _key(fields: dict[str, Any], name: str) -> bytes:
    said = fields.get(name)
    if not isinstance(said, bytes) or not 16 <= len(said) <= MAX_TEXT:
        raise LinkError(f"{name} is a key of 16 to {MAX_TEXT} bytes")  # never shown
    return said


def _worker(fields: dict[str, Any], name: str) -> WorkerId:
    return WorkerId(_id(fields.get(name), name))


def _session(fields: dict[str, Any], name: str) -> SessionId:
    return SessionId(_id(fields.get(name), name))


def _id(said: Any, name: str) -> str:
    if not isinstance(said, str) or _ID.fullmatch(said) is None:
        raise _wrong(name, "an id", said)
    return said


def _labels(fields: dict[str, Any]) -> tuple[tuple[str, str], ...]:
    said = fields.get("labels", {})
    if not isinstance(said, dict) or len(said) > MAX_LABELS:
        raise _wrong("labels", f"a map of at most {MAX_LABELS} texts", said)
    return tuple(sorted((_label(key), _label(value)) for key, value in said.items()))


def _label(said: Any) -> str:
    return _text({"labels": said}, "labels")


def _pod(fields: dict[str, Any], name: str) -> Pod:
    said = fields[name]
    if not isinstance(said, dict):
        raise _wrong(name, "a map", said)
    return Pod(_text(said, "namespace"), _text(said, "pod"), _text(said, "uid"))


def _listed(said: Any) -> Listed:
    """Elements after the third are a newer version's."""
    if not isinstance(said, list) or len(said) < 3:
        raise _wrong("session", "[id, fence, is_attached]", said)
    entry = {"fence": said[1], "is_attached": said[2]}
    return Listed(
        SessionId(_id(said[0], "session")),
        _whole(entry, "fence", 0, _MAX_WHOLE),
        _flag(entry, "is_attached", default=False),
    )


def _over(said: Any) -> Over:
    if not isinstance(said, list) or len(said) < 4 or said[2] not in OUTCOMES:
        raise _wrong("ended", "[id, fence, outcome, reason]", said)
    entry = {"fence": said[1], "reason": said[3]}
    return Over(
        SessionId(_id(said[0], "ended")),
        _whole(entry, "fence", 0, _MAX_WHOLE),
        Outcome(said[2]),
        _text(entry, "reason"),
    )


def _list(fields: dict[str, Any], name: str, read: Callable[[Any], T]) -> tuple[T, ...]:
    said = fields.get(name, [])
    if not isinstance(said, list):
        raise _wrong(name, "a list", said)
    return tuple(map(read, said))


def _optional(fields: dict[str, Any], name: str, read: Callable[[dict[str, Any], str], T]) -> T | None:
    return None if fields.get(name) is None else read(fields, name)


def _wrong(name: str, wanted: str, said: Any) -> LinkError:
    seen = "nothing" if said is None else f"{type(said).__name__} {said!r:.40}"
    return LinkError(f"{name[:40]} is {wanted}, not {seen}")
