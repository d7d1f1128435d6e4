"""Whom a worker lets in: only upgrades that its gateway sent, for a session it has room for.

Anything else gets an HTTP answer with problem+json before any WebSocket is opened. Probes get theirs at /livez and /readyz.
"""

from __future__ import annotations

from collections.abc import Sequence

from websockets.asyncio.server import ServerConnection
from websockets.http11 import Request, Response
from websockets.typing import Subprotocol

from moorage.claims import Claim
from moorage.errors import Code
from moorage.introduction import introduction
from moorage.io.refusing import problem
from moorage.io.roster import Roster
from moorage.sessions import Attach

SUBPROTOCOL = "moorage.v1"

_WHY = {
    Attach.STALE: (Code.STALE_FENCE, "this attach, or a newer one, was here before"),
    Attach.FULL: (Code.NO_CAPACITY, "every slot of this worker is taken"),
    Attach.DRAINING: (Code.DRAINING, "this worker takes no new sessions"),
}


class Door:
    """`admit` and `choose` are the hooks of websockets' server."""

    def __init__(self, roster: Roster, subprotocols: Sequence[str]) -> None:
        self._roster = roster
        self._subprotocols = (*subprotocols, SUBPROTOCOL)

    def admit(self, connection: ServerConnection, request: Request) -> Response | None:
        """None lets the upgrade through."""
        probed = self.health(connection, request)
        if probed is not None:
            return probed
        if self._roster.worker_id is None:
            return problem(connection, Code.DRAINING, "this worker is not registered yet")
        claim = self.claim(request)
        if claim is None:
            return problem(connection, Code.PERMISSION_DENIED, "sessions come through a gateway")
        try:
            introduction(request.headers, request.path)
        except ValueError as error:
            return problem(connection, Code.BAD_REQUEST, str(error))
        verdict = self._roster.judge(claim.session, claim.fence)
        return problem(connection, *_WHY[verdict]) if verdict.is_refusal else None

    def health(self, connection: ServerConnection, request: Request) -> Response | None:
        """A probe's answer, None to anything else. Once registered a worker stays ready, full, draining or cut off as it may
        be: Kubernetes takes pods that are not ready away first."""
        if "Upgrade" in request.headers or request.path not in ("/livez", "/readyz"):
            return None
        is_well = request.path == "/livez" or self._roster.worker_id is not None
        return connection.respond(200 if is_well else 503, "ok\n" if is_well else "not registered\n")

    def claim(self, request: Request) -> Claim | None:
        """The upgrade's claim where it is good and is for the session it names."""
        said = request.headers.get_all("Moorage-Claim")
        if len(said) != 1 or len(request.headers.get_all("Moorage-Session")) != 1:
            return None
        try:
            claim = self._roster.verify(said[0])
        except ValueError:
            return None
        return claim if claim.session == request.headers["Moorage-Session"] else None

    def choose(self, connection: ServerConnection, offered: Sequence[Subprotocol]) -> Subprotocol | None:
        """See `chosen`."""
        return self.chosen(offered)

    def chosen(self, offered: Sequence[Subprotocol]) -> Subprotocol | None:
        """The worker's own preference first, then ours; none rather than a refusal."""
        return next((Subprotocol(each) for each in self._subprotocols if each in offered), None)
