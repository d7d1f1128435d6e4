"""The chunked transfer coding (RFC 9112 section 7.1), as far as the body of a worker's refusal needs it."""

from __future__ import annotations

import re

_SIZE = re.compile(rb"([0-9A-Fa-f]{1,8})[ \t]*(?:;[^\r\n]*)?\r\n")
_LONGEST_LINE_BYTES = 4096


class BadChunk(ValueError):
    """What should be chunked is not."""


def unchunk(raw: bytes) -> tuple[bytes, bool]:
    """What is decoded so far, and whether that is all; trailers are not read. Raises BadChunk.

    >>> unchunk(b"3\\r\\nabc\\r\\n2\\r\\nd")
    (b'abcd', False)
    """
    body, at = b"", 0
    while (line := _SIZE.match(raw, at)) is not None:
        length, begin = int(line[1], 16), line.end()
        if not length:
            return body, True
        body += raw[begin : begin + length]
        at = begin + length + 2
        if len(raw) < at:
            return body, False
        if raw[at - 2 : at] != b"\r\n":
            raise BadChunk("a chunk does not end where its size says")
    if b"\n" in raw[at:] or len(raw) - at > _LONGEST_LINE_BYTES:
        raise BadChunk("a chunk has no size")
    return body, False
