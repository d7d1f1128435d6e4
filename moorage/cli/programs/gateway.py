"""`moorage gateway`: clients' WebSockets and workers' links over a store that others share."""

from __future__ import annotations

import os
from typing import Any

import structlog

from gateway.io.app import Gateway
from gateway.io.tokenkeys import TokenKeys
from moorage.cli.addresses import reachable, url
from moorage.cli.policies import gateway_policy
from moorage.cli.programs.lifecycle import Lifecycle
from moorage.cli.programs.pairs import check_pair
from moorage.cli.store_pulse import StorePulse
from moorage.cli.stores import open_store, shared

_log = structlog.get_logger("moorage.gateway")


class GatewayProgram(Lifecycle):
    """Ready once the store was reached and the token keys are known; later outages of the store cost no live relay."""

    name = "gateway"
    _gateway: Gateway | None = None
    _is_leaving = False

    def renew(self) -> None:
        """SIGUSR2: another process takes over the listening sockets. Nobody is refused, live sessions are moved."""
        self._is_leaving = True
        self.stop()

    def document(self) -> dict[str, Any]:
        """Where it is, once ready."""
        gateway = self._opened
        link = url("wss" if gateway.policy.link_tls else "ws", reachable(gateway.policy.link_host), gateway.link_port)
        return {
            "program": self.name,
            "pid": os.getpid(),
            "id": str(gateway.id),
            "node": gateway.node,
            "link": f"{link}/link",
            "observe": self._observe.url,
            "relay": gateway.wire.name,
        }

    async def open(self) -> None:
        shared(self.settings.store.url, self.name)
        policy = gateway_policy(self.settings)
        check_pair(policy.tls, "gateway.tls")
        check_pair(policy.link_tls, "gateway.link_tls")
        keys: TokenKeys | None = None
        pulse: StorePulse | None = None
        checks = {
            "gateway": lambda: self._gateway is not None and self._gateway.is_ready,
            "keys": lambda: keys is not None and keys.is_loaded,
            "store": lambda: pulse is not None and pulse.is_up,
        }
        self._observe = self.observe(checks)
        store = await self.entered("store", open_store(self.settings, self.registry))
        pulse = StorePulse(store, self.registry, self.name)
        self.refreshing(pulse.refresh)
        keys = TokenKeys(store, self.registry)
        await keys.load()
        self.keep(keys.run(), "token-keys")
        self.work_for(store)
        verifying = keys
        gateway = Gateway(policy, store, lambda: verifying.current, self.registry)
        seat = self.start.inherited.seat if self.start.inherited else None
        await gateway.start(self.start.socket("clients"), self.start.socket("link"), seat)
        self.closing("gateway", gateway.close)
        self._gateway = gateway

    async def drain(self) -> None:
        gateway = self._opened
        _log.info("draining", sessions=gateway.sessions, seconds=gateway.policy.drain_seconds)
        if self._is_leaving:
            await self.unless_hurried(gateway.hand_over())  # no new clients; those in the door still come in
        await self.unless_hurried(gateway.drain())  # clients are told to come back, at a steady rate

    @property
    def is_serving(self) -> bool:
        return self.is_ready and self._opened.is_ready

    def reloaded(self) -> None:
        self._opened.reload(gateway_policy(self.settings))

    @property
    def _opened(self) -> Gateway:
        assert self._gateway is not None
        return self._gateway
