"""The first bytes of a connection: PROXY header, TLS, upgrade request. One deadline for all of them."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from typing import NamedTuple

from gateway.addresses import is_inside
from gateway.io.deadlines import Deadlines
from gateway.io.heads import EndedEarly, HeadTooLong, read_head
from gateway.io.wire import Stream, TlsContext
from gateway.policy import GatewayPolicy
from gateway.proxyprotocol import BadProxyHeader, parse_proxy
from gateway.refusals import Refusal
from gateway.upgrade import Upgrade, parse_upgrade
from moorage.errors import Code


class NotWorthAnAnswer(ConnectionError):
    """Nobody there to answer: no TLS, no PROXY header where one must be, or gone. Carries the metric's label."""


class Received(NamedTuple):
    """A valid upgrade and the address it came from, behind proxies that speak PROXY."""

    upgrade: Upgrade
    peer: str


class Reception:
    """Reads requests for one gateway."""

    def __init__(self, policy: GatewayPolicy, tls: Callable[[], TlsContext | None], deadlines: Deadlines) -> None:
        self._bounds = policy.handshakes
        self._proxies = policy.trust.proxy_protocol_from
        self._tls = tls
        self._deadlines = deadlines

    @property
    def is_tls(self) -> bool:
        """Whether clients must begin with a TLS handshake."""
        return self._tls() is not None

    async def receive(self, stream: Stream) -> Received:
        """Raises Refusal once the client can be answered, NotWorthAnAnswer before."""
        is_answerable = False
        try:
            with self._deadlines.within(self._bounds.seconds):
                peer = await self._behind_proxy(stream) if self._proxies else stream.peer_host
                context = self._tls()
                if context is not None:
                    await stream.start_tls(context)
                is_answerable = True
                return Received(parse_upgrade(await read_head(stream, self._bounds.header_bytes)), peer)
        except TimeoutError as error:
            if is_answerable:
                raise Refusal(
                    Code.BAD_REQUEST, f"no whole request in {self._bounds.seconds:.0f} s", status=408
                ) from error
            raise NotWorthAnAnswer("timeout") from error
        except HeadTooLong as error:
            raise Refusal(
                Code.BAD_REQUEST, f"the request head is over {self._bounds.header_bytes} bytes", status=431
            ) from error
        except ssl.SSLError as error:
            raise NotWorthAnAnswer("tls") from error
        except BadProxyHeader as error:
            raise NotWorthAnAnswer("proxy") from error
        except EndedEarly as error:
            raise NotWorthAnAnswer("gone") from error

    async def _behind_proxy(self, stream: Stream) -> str:
        if not self._proxies or not is_inside(stream.peer_host, self._proxies):
            return stream.peer_host
        data = await stream.receive()
        while (proxied := parse_proxy(data)) is None:
            more = await stream.receive()
            if not more:
                raise EndedEarly
            data += more
        if proxied.used_bytes < len(data):
            stream.unread(data[proxied.used_bytes :])
        return proxied.host or stream.peer_host
