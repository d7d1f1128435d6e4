"""Slots of keys and maps of slots, as the cluster specification has them."""

from __future__ import annotations

import doctest

import pytest

from scheduler import hashslots
from scheduler.hashslots import NoMap, Redirect, SlotMap, parse_redirect, parse_slots, slot_of
from scheduler.storeurl import Address

ASKED = Address("10.0.0.9", 7009)
ONE, TWO = Address("10.0.0.1", 7001), Address("10.0.0.2", 7002)


def test_the_examples_in_the_docstring_hold() -> None:
    assert doctest.testmod(hashslots).failed == 0


@pytest.mark.parametrize(
    ("key", "tag"),
    [
        (b"{user1000}.following", b"user1000"),
        (b"foo{}{bar}", b"foo{}{bar}"),
        (b"foo{{bar}}zap", b"{bar"),
        (b"foo{bar}{zap}", b"bar"),
        (b"foo{bar", b"foo{bar"),
    ],
)
def test_the_tag_is_what_the_specification_says(key: bytes, tag: bytes) -> None:
    assert slot_of(tag) == slot_of(key) or tag == key


def test_a_map_knows_each_slots_primary_and_the_gaps() -> None:
    reply = [
        [8192, 16383, [b"10.0.0.2", 7002, b"id2", {}], [b"10.0.0.3", 7003, b"id3", {}]],
        [0, 99, [b"10.0.0.1", 7001, b"id1", {}]],
    ]

    slots = parse_slots(reply, ASKED)

    assert [slots.primary(slot) for slot in (0, 99, 100, 8192, 16383)] == [ONE, ONE, None, TWO, TWO]
    assert frozenset({Address("10.0.0.3", 7003)}) == slots.replicas
    assert (slots.slots_of(ONE), slots.slots_of(TWO)) == (100, 8192)


@pytest.mark.parametrize("host", [b"", b"?", None])
def test_a_node_that_does_not_know_its_own_name_is_where_it_was_asked(host: bytes | None) -> None:
    slots = parse_slots([[0, 16383, [host, 7001, b"id", {}]]], ASKED)

    assert Address("10.0.0.9", 7001) == slots.primary(5)


@pytest.mark.parametrize(
    "reply",
    [None, b"OK", [], [[]], [[0, 1]], [[5, 1, [b"h", 1]]], [[0, 99999, [b"h", 1]]], [[0, 1, [b"\xff", 1]]], [1]],
)
def test_what_is_no_map_is_refused(reply: object) -> None:
    with pytest.raises(NoMap):
        parse_slots(reply, ASKED)


@pytest.mark.parametrize(
    ("reply", "redirect"),
    [
        ("MOVED 3999 10.0.0.1:7001", Redirect(True, 3999, ONE)),
        ("ASK 1 10.0.0.2:7002", Redirect(False, 1, TWO)),
        ("MOVED 1 :7001", Redirect(True, 1, Address("10.0.0.9", 7001))),
        ("MOVED 1 ::1:7001", Redirect(True, 1, Address("::1", 7001))),
        ("MOVED", None),
        ("MOVED x 10.0.0.1:7001", None),
        ("MOVED 1 10.0.0.1", None),
        ("MOVED 1 10.0.0.1:0", None),
        ("MOVED 16384 10.0.0.1:7001", None),
        ("NOVED 1 10.0.0.1:7001", None),
    ],
)
def test_a_redirect_is_read_or_is_nonsense(reply: str, redirect: Redirect | None) -> None:
    assert redirect == parse_redirect(reply, ASKED)


def test_an_empty_map_serves_nothing() -> None:
    assert SlotMap((), (), ()).primary(0) is None
