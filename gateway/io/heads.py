"""Reading HTTP heads and small bodies from a stream, with bounds."""

from __future__ import annotations

from gateway.answers import Declined
from gateway.chunks import unchunk
from gateway.heads import END
from gateway.io.wire import Stream


class HeadTooLong(ValueError):
    """No empty line within the bound."""


class EndedEarly(ConnectionError):
    """The peer ended the connection before its head was whole."""


async def read_head(stream: Stream, most_bytes: int) -> bytes:
    """A whole head; what came behind it is put back. Raises HeadTooLong, EndedEarly, ConnectionError."""
    data = await stream.receive()
    while (end := data.find(END)) < 0:
        if len(data) > most_bytes:
            raise HeadTooLong
        more = await stream.receive()
        if not more:
            raise EndedEarly
        data += more
    if end + len(END) > most_bytes:
        raise HeadTooLong
    if len(data) > end + len(END):
        stream.unread(data[end + len(END) :])
    return data[: end + len(END)]


async def read_body(stream: Stream, declined: Declined, most_bytes: int) -> bytes:
    """The body of a worker's answer, cut at the bound. Raises BadChunk, ConnectionError."""
    wanted = most_bytes if declined.body_bytes is None else min(declined.body_bytes, most_bytes)
    body = raw = b""
    is_whole = wanted == 0
    while not is_whole and len(raw) < 2 * most_bytes:  # chunk sizes and extensions take room of their own
        more = await stream.receive()
        raw += more
        body, is_whole = unchunk(raw) if declined.is_chunked else (raw, False)
        is_whole = is_whole or not more or len(body) >= wanted
    return body[:wanted]
