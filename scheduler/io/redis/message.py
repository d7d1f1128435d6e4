"""MessagePack as the scripts speak it: strings of bytes are text, and what is packed inside a message survives as text."""

from __future__ import annotations

from typing import Any

import msgpack

_pack_text = msgpack.Packer(use_bin_type=False).pack
_pack_all = msgpack.Packer(use_bin_type=False, unicode_errors="surrogateescape").pack
_unpackb = msgpack.unpackb


def pack(said: Any) -> bytes:
    """What a script is asked. Only what carries messages inside is not all text, and packing text alone costs two thirds."""
    try:
        packed: bytes = _pack_text(said)
    except UnicodeEncodeError:
        packed = _pack_all(said)
    return packed


def unpack(raw: bytes) -> Any:
    """What a script answered, kept or published."""
    return _unpackb(raw, strict_map_key=False, unicode_errors="surrogateescape")


def inner(text: str | bytes) -> Any:
    """A message that came inside another one."""
    return unpack(text.encode(errors="surrogateescape") if isinstance(text, str) else text)
