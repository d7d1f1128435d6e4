"""The link's bytes: what goes in comes out, newer peers are understood, and nonsense is refused with a name."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import msgpack
import pytest

from moorage.errors import Code
from moorage.ids import SessionId
from moorage.link import (
    MAX_LABELS,
    MAX_MESSAGE_BYTES,
    MAX_SESSIONS,
    MAX_TEXT,
    Directive,
    Goodbye,
    Heartbeat,
    LinkRefused,
    Listed,
    Message,
    Order,
    Outcome,
    Over,
    Unknown,
)
from moorage.link_wire import LinkError, decode, encode
from moorage.sessions import MAX_CHANGES, MAX_REASON
from tests.moorage.link_messages import ATTACH, FENCE, MESSAGES, REGISTER, SESSION, changed, packed


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: type(message).__name__)
def test_what_is_written_is_read_again(message: Message) -> None:
    assert decode(encode(message)) == message


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: type(message).__name__)
def test_fields_of_a_newer_version_are_skipped(message: Message) -> None:
    assert decode(changed(message, mood="good", more={"deep": [1, 2]})) == message


def test_elements_of_a_newer_version_are_skipped() -> None:
    data = changed(Heartbeat(1, 1), attached=[[SESSION, 5, True, "more"]], ended=[[SESSION, 5, "FAILED", "", 9]])

    assert decode(data) == Heartbeat(
        1, 1, attached=(Listed(SESSION, 5, is_attached=True),), ended=(Over(SESSION, 5, Outcome.FAILED),)
    )


def test_a_message_of_a_newer_version_is_reported_by_its_type() -> None:
    assert decode(packed(type="telepathy", thought=1)) == Unknown("telepathy")


def test_an_order_of_a_newer_version_is_reported_too() -> None:
    assert decode(packed(type="directive", order="levitate")) == Unknown("directive levitate")


@pytest.mark.parametrize("name", ["session", "fence", "seconds", "gateway", "ticket"])
def test_an_order_to_attach_lacks_nothing(name: str) -> None:
    with pytest.raises(LinkError, match=name):
        decode(changed(ATTACH, **{name: ...}))


@pytest.mark.parametrize("ticket", ["short", "t" * 129, "t" * 32 + "\r\nX: y", "t" * 31 + " ", b"t" * 32, 7])
def test_a_ticket_that_cannot_be_shown_is_refused_without_a_word_of_it(ticket: object) -> None:
    with pytest.raises(LinkError) as refused:
        decode(changed(ATTACH, ticket=ticket))

    assert str(refused.value) == "ticket is a secret of 16 to 128 characters"


def test_a_ticket_is_in_no_repr() -> None:
    assert "t" * 32 not in repr(ATTACH)


def test_other_orders_say_nothing_of_gateways() -> None:
    assert set(msgpack.unpackb(encode(Directive(Order.SHUTDOWN)))) == {"type", "order", "reason"}


def test_a_refusal_with_a_code_of_a_newer_version_is_still_a_refusal() -> None:
    assert decode(packed(type="refused", code="TOO_ODD")) == LinkRefused(Code.INTERNAL)


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "no msgpack"),
        (b"\xc1", "no msgpack"),
        (b"\x81", "no msgpack"),
        (b"\x81\xa4type\xa3ack" + b"\x00", "no msgpack"),
        (b"\x91" * 2000 + b"\xc0", "no msgpack"),
        (b"\xdd\xff\xff\xff\xff", "no msgpack"),
        (b"\xdf\xff\xff\xff\xff", "no msgpack"),
        (b"\x81\xa4type\xc7\x05\x01abcde", "no msgpack"),
        (b"\x81\x01\x02", "no msgpack"),
        (b"\x81\xa4type\xa2\xff\xfe", "no msgpack"),
        (b"\xc0", "a NoneType where a map belongs"),
        (b"\x90", "a list where a map belongs"),
        (b"\x80", "type is a text of at most 256 characters, not nothing"),
        ("text", "a text frame"),
        (b"x" * (MAX_MESSAGE_BYTES + 1), "is over 1048576"),
    ],
)
def test_nonsense_is_refused_with_a_reason(data: bytes | str, why: str) -> None:
    with pytest.raises(LinkError, match=why):
        decode(data)


@pytest.mark.parametrize(
    ("message", "fields"),
    [
        (REGISTER, {"name": ...}),
        (REGISTER, {"name": 7}),
        (REGISTER, {"pool": "x" * (MAX_TEXT + 1)}),
        (REGISTER, {"slots": 0}),
        (REGISTER, {"slots": MAX_SESSIONS + 1}),
        (REGISTER, {"slots": 1.5}),
        (REGISTER, {"slots": True}),
        (REGISTER, {"labels": ["a"]}),
        (REGISTER, {"labels": {"a": 1}}),
        (REGISTER, {"labels": {"x" * 300: "a"}}),
        (REGISTER, {"sessions": {}}),
        (REGISTER, {"sessions": [SESSION]}),
        (REGISTER, {"sessions": [[SESSION, 1]]}),
        (REGISTER, {"sessions": [[SESSION, -1, True]]}),
        (REGISTER, {"sessions": [[SESSION, 2**63, True]]}),
        (REGISTER, {"sessions": [[SESSION, 1, 1]]}),
        (REGISTER, {"sessions": [["", 1, True]]}),
        (REGISTER, {"sessions": [["ses_a\nb", 1, True]]}),
        (REGISTER, {"sessions": [[7, 1, True]]}),
        (REGISTER, {"kubernetes": "pod"}),
        (REGISTER, {"kubernetes": {"pod": "a"}}),
        (REGISTER, {"again": "nobody"}),
        (REGISTER, {"claim_key": "text"}),
        (REGISTER, {"claim_key": b"short"}),
        (MESSAGES[2], {"lease_seconds": float("nan")}),
        (MESSAGES[2], {"lease_seconds": ...}),
        (MESSAGES[2], {"resume_seconds": -1}),
        (MESSAGES[4], {"retry_after": float("inf")}),
        (MESSAGES[5], {"seq": -1}),
        (MESSAGES[5], {"seq": 2**63}),
        (MESSAGES[5], {"load": "much"}),
        (MESSAGES[5], {"load": True}),
        (MESSAGES[5], {"load": 1e300}),
        (MESSAGES[5], {"is_ready": 1}),
        (MESSAGES[5], {"ended": [[SESSION, 1, "EXPLODED", ""]]}),
        (MESSAGES[5], {"ended": [[SESSION, 1, "FAILED"]]}),
        (MESSAGES[5], {"ended": [[SESSION, 1, ["FAILED"], ""]]}),
        (MESSAGES[5], {"ended": [[SESSION, 1, "FAILED", 7]]}),
        (MESSAGES[7], {"seq": None}),
        (MESSAGES[8], {"session": "x"}),
        (MESSAGES[8], {"seconds": 1e12}),
        (MESSAGES[8], {"order": 7}),
        (MESSAGES[11], {"reason": b"bytes"}),
    ],
)
def test_a_wrong_field_is_named(message: Message, fields: dict[str, Any]) -> None:
    with pytest.raises(LinkError) as caught:
        decode(changed(message, **fields))

    name = next(iter(fields))
    singular = {"sessions": "session"}.get(name, name)
    assert any(word in str(caught.value) for word in (name, singular, "fence", "is_attached", "reason", "namespace"))
    assert len(str(caught.value)) < 200


def test_a_wrong_key_is_never_shown() -> None:
    with pytest.raises(LinkError) as caught:
        decode(changed(REGISTER, claim_key=b"hunter2"))

    assert "hunter2" not in str(caught.value)


def test_too_many_labels_are_refused() -> None:
    labels = {f"l{number}": "x" for number in range(MAX_LABELS + 1)}

    with pytest.raises(LinkError):
        decode(changed(REGISTER, labels=labels))


def test_too_many_sessions_are_refused() -> None:
    with pytest.raises(LinkError):
        decode(changed(REGISTER, sessions=[0] * (MAX_SESSIONS + 1)))


def test_the_longest_list_fits_into_one_message() -> None:
    sessions = tuple(Listed(SessionId(f"ses_{number:026}"), FENCE, is_attached=True) for number in range(MAX_SESSIONS))

    data = encode(replace(REGISTER, sessions=sessions))

    assert len(data) <= MAX_MESSAGE_BYTES
    assert decode(data) == replace(REGISTER, sessions=sessions)


def test_the_longest_heartbeat_fits_into_one_message() -> None:
    listed = Listed(SESSION, FENCE, is_attached=True)
    over = Over(SESSION, FENCE, Outcome.COMPLETED, "\U0001f6a2" * MAX_REASON)
    beat = Heartbeat(2**62, MAX_SESSIONS, attached=(listed,) * MAX_CHANGES, ended=(over,) * MAX_CHANGES)

    assert decode(encode(beat)) == beat


def test_what_is_too_long_is_not_sent() -> None:
    over = Over(SESSION, FENCE, Outcome.COMPLETED, "x" * MAX_TEXT)

    with pytest.raises(LinkError, match="is over"):
        encode(Heartbeat(1, 1, ended=(over,) * 10_000))


def test_long_reasons_are_cut() -> None:
    assert decode(encode(Goodbye("x" * 1000))) == Goodbye("x" * MAX_TEXT)
