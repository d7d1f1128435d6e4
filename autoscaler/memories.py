"""A pool's memory as JSON and back.

Fields that a newer version has and an older document lacks take their defaults, and those that an older version had are
ignored: what is missing is measured again. What cannot be read at all is None; its reader begins anew, and cordons that
only it knew count as an operator's.
"""

from __future__ import annotations

import msgspec

from autoscaler.memory import Memory

MOST_BYTES = 1_048_576  # of a document; the store takes no more

_DECODER = msgspec.json.Decoder(Memory)


def encode(memory: Memory) -> bytes:
    """UTF-8 JSON, about 20 KB and 60 bytes a worker."""
    return msgspec.json.encode(memory)


def decode(document: bytes) -> Memory | None:
    """None where it is not a memory."""
    if len(document) > MOST_BYTES:
        return None
    try:
        return _DECODER.decode(document)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
