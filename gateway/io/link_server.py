"""The gateway's end of the workers' links: who may join, what they said, what they are told.

A link that breaks without a goodbye changes nothing: the worker's lease decides, and its next link may end at another gateway.
"""

from __future__ import annotations

import socket
from asyncio import BaseTransport
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from ssl import PROTOCOL_TLS_SERVER, SSLContext, TLSVersion

import structlog
from prometheus_client import CollectorRegistry
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.http11 import Request, Response
from websockets.typing import Subprotocol

from gateway.io.link import Ended, WorkerLink
from gateway.io.link_metrics import LinkMetrics
from gateway.io.sockets import listening_socket
from gateway.io.wire import TlsContext
from gateway.links import Terms
from gateway.policy import GatewayPolicy, TlsFiles
from moorage.deadlines import HEARTBEAT_EVERY
from moorage.errors import Code, close_reason
from moorage.ids import GatewayId, WorkerId
from moorage.io.refusing import problem
from moorage.io.wire_log import WIRE_LOG
from moorage.link import MAX_MESSAGE_BYTES, PATH, SUBPROTOCOLS, negotiate
from scheduler.store import Store, Unavailable
from scheduler.values import Directive, JoinKey

MAX_LINKS = 20_000  # half of what descriptors usually allow; a fleet of more has more gateways
MAX_OPENING = 500  # that have not shown a join key yet: anybody can open those
OPEN_SECONDS = 5.0
CLOSE_SECONDS = 2.0

log = structlog.get_logger(__name__)


class LinkServer:
    """One gateway's. `port` is known after `start`."""

    def __init__(
        self,
        store: Store,
        gateway: GatewayId,
        policy: GatewayPolicy,
        registry: CollectorRegistry | None = None,
        *,
        ssl: SSLContext | None = None,
        max_links: int = MAX_LINKS,
        heartbeat_every: float = HEARTBEAT_EVERY,
    ) -> None:
        self.port = policy.link_port
        self._store = store
        self._policy = policy
        self._ssl = ssl
        self._max_links = max_links
        self._terms = Terms(gateway, policy.resume_seconds, heartbeat_every, policy.trust.worker_networks)
        self._metrics = LinkMetrics(registry or CollectorRegistry())
        self._opening: set[ServerConnection] = set()  # have not shown a key yet
        self._keys: dict[ServerConnection, JoinKey] = {}  # checked before the 101, used after it
        self._links: dict[WorkerId, WorkerLink] = {}
        self._named: dict[tuple[str, str, str], WorkerId] = {}  # who is linked here under a name
        self._server: Server | None = None
        self._metrics.links.set_function(lambda: len(self._links))

    async def start(self, sock: socket.socket | None = None) -> None:
        """Listens, on a socket of somebody else's where one is given.

        Raises OSError when the port is taken, ssl.SSLError for a certificate that cannot be used."""
        if self._ssl is None and self._policy.link_tls is not None:
            self._ssl = _context(self._policy.link_tls)
        sock = sock or listening_socket(self._policy.link_host, self._policy.link_port)
        self._server = await serve(
            self._converse,
            sock=sock,
            ssl=self._ssl,
            process_request=self._admit,
            select_subprotocol=_choose,
            create_connection=_counted_in(self._opening),
            compression=None,
            max_size=MAX_MESSAGE_BYTES,
            max_queue=4,
            ping_interval=None,  # beats are the pings
            open_timeout=OPEN_SECONDS,
            ssl_handshake_timeout=OPEN_SECONDS if self._ssl is not None else None,
            close_timeout=CLOSE_SECONDS,
            server_header=None,
            logger=WIRE_LOG,
        )
        self.port = sock.getsockname()[1]

    def load_certificate(self, certificate: Path, key: Path) -> TlsContext:
        """For links that begin from now on. Raises ssl.SSLError or OSError; then the pair in force stays."""
        fresh = _context(TlsFiles(certificate, key))  # a broken pair shows here, not half loaded
        if self._ssl is None:
            return fresh
        self._ssl.load_cert_chain(certificate, key)
        return self._ssl

    async def deliver(self, worker: WorkerId, directive: Directive) -> None:
        """Sends an order over the worker's link. Dropped where there is none here: the store answers heartbeats with it."""
        link = self._links.get(worker)
        self._metrics.directives.labels("sent" if link else "unlinked").inc()
        if link is not None:
            link.order(directive)

    async def close(self) -> None:
        """Tells every worker to link elsewhere."""
        if self._server is None:
            return
        self._server.close(code=1012, reason=close_reason(Code.DRAINING).decode())
        await self._server.wait_closed()
        self._server = None

    async def _admit(self, connection: ServerConnection, request: Request) -> Response | None:
        refusal = await self._refusal(connection, request)
        if refusal is None:
            return None
        code, detail = refusal
        self._metrics.registrations.labels(code.value).inc()
        log.info("link_refused", peer=connection.remote_address[0], code=code.value, detail=detail)
        return problem(connection, code, detail)

    async def _refusal(self, connection: ServerConnection, request: Request) -> tuple[Code, str] | None:
        if request.path.partition("?")[0] != PATH:
            return Code.NOT_FOUND, f"the link is at {PATH}"
        if len(self._keys) >= self._max_links:
            return Code.NO_CAPACITY, f"{self._max_links} links end here already"
        offered = _offered(request)
        if negotiate(offered) is None:
            said = ", ".join(offered)[:100] or "no subprotocol"
            return Code.BAD_REQUEST, f"this gateway's link speaks {', '.join(SUBPROTOCOLS)}, the worker offers {said}"
        try:
            key = await self._key_of(request)
        except Unavailable:
            return Code.STORE_UNAVAILABLE, "the store is away"
        if key is None:
            return Code.INVALID_JOIN_KEY, "no such join key"
        self._opening.discard(connection)
        self._keys[connection] = key
        connection.connection_lost_waiter.add_done_callback(lambda _: self._keys.pop(connection, None))
        return None

    async def _key_of(self, request: Request) -> JoinKey | None:
        said = request.headers.get_all("Authorization")
        scheme, _, key = said[0].partition(" ") if len(said) == 1 else ("", "", "")
        if scheme.lower() != "bearer" or not key:
            return None
        return await self._store.join_key(sha256(key.strip().encode()).hexdigest())

    async def _converse(self, connection: ServerConnection) -> None:
        key = self._keys.get(connection)
        if key is None:
            return
        link = WorkerLink(connection, key, self._store, self._terms, self._metrics)
        try:
            await link.run(self._register)
        except Ended as ended:
            self._metrics.closes.labels(ended.code.value).inc()
            log.warning("link_closed", peer=connection.remote_address[0], code=ended.code.value, detail=str(ended))
            await connection.close(ended.close, close_reason(ended.code).decode())
        finally:
            if link.worker is not None and self._links.get(link.worker) is link:
                del self._links[link.worker]
                if link.name is not None and self._named.get(link.name) == link.worker:
                    del self._named[link.name]

    def _register(self, link: WorkerLink, before: WorkerId | None) -> None:
        """The newest link of a worker is its only one."""
        assert link.worker is not None
        if before is not None and self._links.get(before) is link:
            del self._links[before]
        if link.name is not None and self._named.setdefault(link.name, link.worker) not in (link.worker, before):
            link.catch("name", f"{'/'.join(link.name)} is the name of another worker linked here")
        older = self._links.get(link.worker)
        self._links[link.worker] = link
        if older is not None and older is not link:
            older.supersede()


def _counted_in(opening: set[ServerConnection]) -> type[ServerConnection]:
    """Connections that are cut at once where MAX_OPENING are opening already; websockets itself would hold any number."""

    class Opening(ServerConnection):
        def connection_made(self, transport: BaseTransport) -> None:
            super().connection_made(transport)
            if len(opening) >= MAX_OPENING:
                self.transport.abort()
                return
            opening.add(self)

        def connection_lost(self, exc: Exception | None) -> None:
            opening.discard(self)
            super().connection_lost(exc)

    return Opening


def _offered(request: Request) -> list[str]:
    return [each.strip() for line in request.headers.get_all("Sec-WebSocket-Protocol") for each in line.split(",")]


def _choose(connection: ServerConnection, offered: Sequence[Subprotocol]) -> Subprotocol | None:
    chosen = negotiate(offered)
    return None if chosen is None else Subprotocol(chosen)


def _context(files: TlsFiles) -> SSLContext:
    context = SSLContext(PROTOCOL_TLS_SERVER)
    context.minimum_version = TLSVersion.TLSv1_2
    context.load_cert_chain(files.certificate, files.key)
    return context
