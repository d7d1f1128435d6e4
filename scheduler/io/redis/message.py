"""MessagePack as the scripts speak it: strings of bytes are text, and what is packed inside a message survives as text."""

from __future__ import annotations

from typing import Any

import msgpack

pack = msgpack.Packer(use_bin_type=False, unicode_errors="surrogateescape").pack
_unpackb = msgpack.unpackb


def unpack(raw: bytes) -> Any:
    """What a script answered, kept or published."""
    return _unpackb(raw, strict_map_key=False, unicode_errors="surrogateescape")


def inner(text: str | bytes) -> Any:
    """A message that came inside another one."""
    return unpack(text.encode(errors="surrogateescape") if isinstance(text, str) else text)
