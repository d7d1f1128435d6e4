"""One asyncio transport with TLS of its own over it, so that bytes read before the handshake are not lost.

Knows bytes, ends and back-pressure; not who uses them.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import ssl
import sys
import termios
from typing import Protocol, cast

READ_BYTES = 64 << 10


class Receiver(Protocol):
    """Whoever a link's bytes are for."""

    def came(self, data: bytes) -> None:
        """Bytes, decrypted where TLS runs."""

    def ended(self, error: Exception | None) -> None:
        """The peer sent its FIN (None) or is gone; may come twice, the second time when the descriptor is closed."""

    def filled(self) -> None:
        """The kernel did not take all that was written: some is held."""

    def took(self) -> None:
        """Everything written has been taken by the kernel."""

    def closed(self) -> None:
        """The descriptor is closed."""


class Link(asyncio.Protocol):
    """A connection that can be handed from one receiver to another."""

    __slots__ = (
        "__weakref__",
        "_handshake",
        "_incoming",
        "_outgoing",
        "_tls",
        "early",
        "error",
        "has_ended",
        "is_closed",
        "is_shut",
        "put_bytes",
        "receiver",
        "transport",
    )

    transport: asyncio.Transport

    def __init__(self) -> None:
        self.receiver: Receiver | None = None
        self.early = b""  # came before there was a receiver
        self.has_ended = False
        self.is_closed = False
        self.is_shut = False
        self.put_bytes = 0  # written since the kernel last did not take all at once, after TLS
        self.error: Exception | None = None
        self._tls: ssl.SSLObject | None = None
        self._incoming: ssl.MemoryBIO
        self._outgoing: ssl.MemoryBIO
        self._handshake: asyncio.Future[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop's is no subclass
        self.transport.set_write_buffer_limits(high=0)

    def data_received(self, data: bytes) -> None:
        if self._tls is None and self.receiver is not None:
            self.receiver.came(data)
            return
        if self._tls is None:
            self.early += data
            return
        self._incoming.write(data)
        self._advance()

    def eof_received(self) -> bool:
        if self._handshake is not None:
            self._fail_handshake(ConnectionResetError("the peer left during the TLS handshake"))
        self._end(None)
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        self.is_closed = True
        if self._handshake is not None:
            self._fail_handshake(exc or ConnectionResetError("the connection was closed during the TLS handshake"))
        if exc is not None or not self.has_ended:
            self._end(exc or ConnectionAbortedError("the connection was closed on this side"))
        if self.receiver is not None:
            self.receiver.closed()

    def pause_writing(self) -> None:
        self.put_bytes = self.held_bytes  # all before has been taken
        if self.receiver is not None:
            self.receiver.filled()

    def resume_writing(self) -> None:
        if self.receiver is not None:
            self.receiver.took()

    @property
    def is_tls(self) -> bool:
        return self._tls is not None

    @property
    def held_bytes(self) -> int:
        return 0 if self.is_closed else self.transport.get_write_buffer_size()

    @property
    def unacknowledged_bytes(self) -> int:
        """What the kernel holds and the peer's has not confirmed."""
        if self.is_closed:
            return 0
        sock = self.transport.get_extra_info("socket")
        return int.from_bytes(fcntl.ioctl(sock.fileno(), termios.TIOCOUTQ, bytes(4)), sys.byteorder)

    def write(self, data: bytes) -> None:
        if self.is_closed or self.is_shut or not data:
            return
        if self._tls is not None:
            try:
                self._tls.write(data)
            except ssl.SSLError:
                self.transport.abort()
                return
            data = self._outgoing.read()
        self.put_bytes += len(data)
        self.transport.write(data)

    def half_close(self) -> None:
        """Tells the peer that nothing more comes, after everything written."""
        if self.is_closed or self.is_shut:
            return
        if self._tls is not None:
            with contextlib.suppress(ssl.SSLError, ValueError):
                self._tls.unwrap()
            self.transport.write(self._outgoing.read())
        self.is_shut = True
        with contextlib.suppress(OSError, RuntimeError):
            self.transport.write_eof()

    def pause(self) -> None:
        if not self.is_closed and self.transport.is_reading():
            self.transport.pause_reading()

    def resume(self) -> None:
        if not self.is_closed and not self.has_ended and not self.transport.is_reading():
            self.transport.resume_reading()

    def start_tls(self, context: ssl.SSLContext, unread: bytes) -> asyncio.Future[None]:
        """Serves the handshake; the future fails with ssl.SSLError or ConnectionError."""
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        self._handshake = asyncio.get_running_loop().create_future()
        done = self._handshake
        self._incoming.write(unread)
        if self.has_ended:
            self._fail_handshake(ConnectionResetError("the peer left before the TLS handshake"))
        else:
            self.resume()
            self._advance()
        return done

    def _advance(self) -> None:
        assert self._tls is not None
        try:
            if self._handshake is not None:
                self._tls.do_handshake()
                done, self._handshake = self._handshake, None
                if not done.done():
                    done.set_result(None)
            while data := self._tls.read(READ_BYTES):
                self._deliver(data)
            self._end(None)
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLZeroReturnError:
            self._end(None)
        except ssl.SSLError as error:
            self._break(error)
        finally:
            self._send_outgoing()

    def _break(self, error: ssl.SSLError) -> None:
        if self._handshake is not None:
            self._fail_handshake(error)
        else:
            self._end(error)

    def _send_outgoing(self) -> None:
        data = self._outgoing.read()
        if data and not self.is_closed and not self.is_shut:
            self.put_bytes += len(data)
            self.transport.write(data)

    def _fail_handshake(self, error: Exception) -> None:
        done, self._handshake = self._handshake, None
        if done is not None and not done.done():
            done.set_exception(error)

    def _deliver(self, data: bytes) -> None:
        if self.receiver is None:
            self.early += data
        elif data:
            self.receiver.came(data)

    def _end(self, error: Exception | None) -> None:
        self.has_ended = True
        self.error = self.error or error
        if self.receiver is not None:
            self.receiver.ended(error)
