"""Reading HTTP heads and small bodies from a stream, with bounds."""

from __future__ import annotations

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


async def read_body(stream: Stream, length_bytes: int | None, most_bytes: int) -> bytes:
    """A body of a known length, or until the end of the stream; cut at the bound."""
    wanted = most_bytes if length_bytes is None else min(length_bytes, most_bytes)
    body = b""
    while len(body) < wanted:
        more = await stream.receive()
        if not more:
            break
        body += more
    return body[:wanted]
