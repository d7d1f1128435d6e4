"""One message of every kind that goes over a link."""

from __future__ import annotations

from typing import Any

import msgpack

from moorage.errors import Code
from moorage.ids import SessionId, WorkerId
from moorage.link import (
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
from moorage.link_wire import encode

SESSION = SessionId("ses_" + "z" * 26)
FENCE = 1_700_000_000_000_000
KEY = b"k" * 32
REGISTER = Register(
    name="w1",
    region="eu",
    pool="default",
    address="10.0.0.1:7500",
    slots=4,
    labels=(("gpu", "a100"), ("tier", "gold")),
    version="1.2",
    sessions=(Listed(SESSION, FENCE, is_attached=True),),
    kubernetes=Pod("ns", "pod-1", "uid-1"),
    again=WorkerId("wrk_" + "0" * 26),
    claim_key=KEY,
)
ATTACH = Directive(Order.ATTACH, SESSION, FENCE, 3.0, gateway="http://10.0.0.5:7404", ticket="t" * 32)
MESSAGES: list[Message] = [
    REGISTER,
    Register("w", "r", "p", "10.0.0.1:1", 1),
    Registered(WorkerId("wrk_" + "0" * 26), KEY, "epoch", 5.0, 1.0, 30.0),
    LinkRefused(Code.INVALID_JOIN_KEY, "no such key"),
    LinkRefused(Code.STORE_UNAVAILABLE, "away", 1.5),
    Heartbeat(
        seq=7,
        in_use=2,
        load=0.5,
        attached=(Listed(SESSION, FENCE, is_attached=True),),
        detached=(Listed(SESSION, FENCE, is_attached=False),),
        ended=(Over(SESSION, FENCE, Outcome.FAILED, "boom"),),
        is_ready=False,
    ),
    Heartbeat(seq=0, in_use=0),
    Ack(7),
    Directive(Order.END_SESSION, SESSION, FENCE, 2.5, "revoked"),
    Directive(Order.SHUTDOWN),
    Drained(),
    Goodbye("bye"),
    Unknown("telepathy"),
    ATTACH,
]


def packed(**fields: Any) -> bytes:
    data: bytes = msgpack.packb(fields)
    return data


def changed(message: Message, **fields: Any) -> bytes:
    said = msgpack.unpackb(encode(message))
    return packed(**{name: value for name, value in {**said, **fields}.items() if value is not ...})
