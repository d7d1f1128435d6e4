"""Who may come in: one decision over an upgrade, from its address to its token. Holds rates and revocations, no I/O."""

from __future__ import annotations

from collections.abc import Callable

from gateway.addresses import client_address, is_inside, limited_unit
from gateway.buckets import Buckets
from gateway.credentials import Presented, find_token
from gateway.forward import Visitor, traceparent_of
from gateway.heads import elements
from gateway.origins import Origins
from gateway.policy import GatewayPolicy
from gateway.refusals import Refusal
from gateway.revocations import Revocations
from gateway.upgrade import Upgrade
from moorage.errors import Code
from moorage.ids import Draw
from moorage.keys import KeySet
from moorage.tokens import InvalidToken, SessionToken, verify


class Gate:
    """The checks of one gateway, cheapest first."""

    def __init__(self, policy: GatewayPolicy, keys: Callable[[], KeySet], draw: Draw) -> None:
        bounds = policy.handshakes
        self._trusted = policy.trust.trusted_proxies
        self._proxies = policy.trust.proxy_protocol_from + policy.trust.trusted_proxies
        self._allows_query = policy.trust.allows_query_token
        self._region = policy.region
        self._keys = keys
        self._draw = draw
        self._origins = Origins(policy.trust.origins)
        self._per_address = Buckets(bounds.connects_per_second_per_address, bounds.connect_burst_per_address)
        self._per_key = Buckets(bounds.connects_per_second_per_key, bounds.connect_burst_per_key)
        self.revocations = Revocations()

    def is_proxy(self, peer: str) -> bool:
        """Whether connections of this socket address speak for others, so that its own rate says nothing."""
        return bool(self._proxies) and is_inside(peer, self._proxies)

    def knock(self, address: str, now: float) -> None:
        """Counts one connect of a client's address; called at accept, or once a proxy has named it. Raises Refusal."""
        _spend(self._per_address, limited_unit(address), now, "this address connects too often")

    def examine(self, upgrade: Upgrade, peer: str, now: float, *, is_proxied: bool = False) -> Visitor:
        """Raises Refusal. `peer` is the socket's address, or the one a PROXY header named; `now` is the store's.

        `is_proxied`: the socket is a proxy's, so the client's own rate is counted here, before its token is looked at.
        """
        trusted = self._trusted
        address = client_address(peer, elements(upgrade.head.all("x-forwarded-for")), trusted) if trusted else peer
        if is_proxied:
            self.knock(address, now)
        if not self._origins.allows(upgrade.origin):
            raise Refusal(Code.PERMISSION_DENIED, f"pages of {(upgrade.origin or '')[:100]!r} may not connect")
        presented = find_token(upgrade, allows_query=self._allows_query)
        token = self._verified(presented, now)
        _spend(self._per_key, token.key, now, "sessions of this API key connect too often")
        return Visitor(upgrade, presented, token, address, traceparent_of(upgrade, self._draw))

    def _verified(self, presented: Presented, now: float) -> SessionToken:
        try:
            token = verify(presented.token, self._keys(), now)
        except InvalidToken as error:
            raise Refusal(Code.INVALID_SESSION_TOKEN, str(error)) from error
        if token.session_expires_at <= now:
            raise Refusal(Code.SESSION_EXPIRED)
        if self.revocations.refuses(token, now):
            raise Refusal(Code.SESSION_ENDED, "the session, its user, key or workspace was revoked")
        region = self._region
        if region and token.regions and region not in token.regions:
            raise Refusal(
                Code.PERMISSION_DENIED, f"this gateway serves {region}, the token allows {list(token.regions)}"
            )
        return token


def _spend(buckets: Buckets, key: str, now: float, detail: str) -> None:
    wait = buckets.take(key, now)
    if wait:
        raise Refusal(Code.RATE_LIMIT_EXCEEDED, detail, retry_after=wait)
