"""Which node of a Redis Cluster has a key: the hash slot of its tag, and the map from slots to nodes.

Decides from a reply of CLUSTER SLOTS and from MOVED and ASK; asks nobody. Source: the Redis Cluster specification.

>>> slot_of(b"{moorage:eu}workers") == slot_of(b"{moorage:eu}")
True
>>> slot_of(b"123456789") == 0x31C3 % 16384  # the specification's own example
True
"""

from __future__ import annotations

from binascii import crc_hqx
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from scheduler.storeurl import Address

SLOTS = 16384
_UNKNOWN_HOSTS = frozenset({"", "?"})


def slot_of(key: bytes) -> int:
    """CRC16 (XMODEM) of what stands between the first '{' and the next '}', or of the whole key where that is nothing."""
    start = key.find(b"{")
    end = key.find(b"}", start + 1)
    tag = key[start + 1 : end] if start >= 0 and end > start + 1 else key
    return crc_hqx(tag, 0) % SLOTS


class NoMap(ValueError):
    """The reply is no map of slots; its sentence says why."""


@dataclass(frozen=True, slots=True)
class Redirect:
    """MOVED or ASK: this slot, at that node."""

    is_for_good: bool
    slot: int
    address: Address


def parse_redirect(reply: str, asked: Address) -> Redirect | None:
    """Reads "MOVED 3999 10.0.0.1:6381"; an empty host is that of the node that was asked. None if it is nonsense."""
    parts = reply.split(" ")
    if len(parts) < 3 or parts[0] not in {"MOVED", "ASK"} or not parts[1].isdecimal():
        return None
    host, _, port = parts[2].rpartition(":")
    if not port.isdecimal() or not 0 < int(port) < 65536 or not 0 <= int(parts[1]) < SLOTS:
        return None
    host = asked.host if host in _UNKNOWN_HOSTS else host.strip("[]")
    return Redirect(parts[0] == "MOVED", int(parts[1]), Address(host, int(port)))


@dataclass(frozen=True, slots=True)
class SlotMap:
    """Ranges of slots in order, each with its primary, and everybody who can be asked for a newer map."""

    starts: tuple[int, ...]
    ends: tuple[int, ...]
    primaries: tuple[Address, ...]
    replicas: frozenset[Address] = field(default=frozenset())

    def primary(self, slot: int) -> Address | None:
        """None where nobody serves the slot."""
        at = bisect_right(self.starts, slot) - 1
        return self.primaries[at] if at >= 0 and slot <= self.ends[at] else None

    def slots_of(self, address: Address) -> int:
        """How many it serves."""
        return sum(
            end - start + 1
            for start, end, primary in zip(self.starts, self.ends, self.primaries, strict=True)
            if primary == address
        )


def parse_slots(reply: object, asked: Address) -> SlotMap:
    """A map from CLUSTER SLOTS, answered by the node `asked`. Raises NoMap."""
    try:
        rows = sorted((_row(row, asked) for row in _rows(reply)), key=lambda row: row[0])
    except (TypeError, ValueError, IndexError, AttributeError) as error:
        raise NoMap(f"{asked} answered CLUSTER SLOTS with something else: {error}") from None
    if not rows:
        raise NoMap(f"{asked} knows no node with slots: the cluster is not made yet")
    starts, ends, primaries, replicas = zip(*rows, strict=True)
    return SlotMap(starts, ends, primaries, frozenset().union(*replicas))


def _rows(reply: object) -> Sequence[Any]:
    if not isinstance(reply, list):
        raise TypeError(type(reply).__name__)
    return reply


def _row(row: Any, asked: Address) -> tuple[int, int, Address, frozenset[Address]]:
    start, end = int(row[0]), int(row[1])
    if not 0 <= start <= end < SLOTS:
        raise ValueError(f"slots {start} to {end}")
    primary, *replicas = [_address(node, asked) for node in row[2:]]
    return start, end, primary, frozenset(replicas)


def _address(node: Any, asked: Address) -> Address:
    host = (node[0] or b"").decode()
    return Address(asked.host if host in _UNKNOWN_HOSTS else host, int(node[1]))
