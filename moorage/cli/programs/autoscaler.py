"""`moorage autoscaler run`: the pools of a policy file, over a store that others share."""

from __future__ import annotations

import os
from typing import Any

import structlog

from autoscaler.io.loop import Autoscaler, Makers
from autoscaler.io.metrics import AutoscalerMetrics
from autoscaler.policy import PoolPolicy
from moorage.cli.pool_policies import read_policies
from moorage.cli.programs.lifecycle import Lifecycle
from moorage.cli.signals import open_signals
from moorage.cli.sources import WrongSetting
from moorage.cli.store_pulse import StorePulse
from moorage.cli.stores import open_store, shared
from moorage.cli.targets import Targets, check_installed

_log = structlog.get_logger("moorage.autoscaler")


class AutoscalerProgram(Lifecycle):
    """Ready once its policies are read and the store was reached; whether it leads makes no difference to that."""

    name = "autoscaler"
    _autoscaler: Autoscaler | None = None

    def document(self) -> dict[str, Any]:
        """Where it is, and which pools it knows."""
        pools = self._autoscaler.pools if self._autoscaler is not None else ()
        return {
            "program": self.name,
            "pid": os.getpid(),
            "observe": self._observe.url,
            "pools": ["/".join(place) for place in pools],
        }

    async def open(self) -> None:
        settings = self.settings
        shared(settings.store.url, self.name)
        policies = self._policies()
        pulse: StorePulse | None = None
        checks = {
            "autoscaler": lambda: self._autoscaler is not None and self._autoscaler.is_looking,
            "store": lambda: pulse is not None and pulse.is_up,
        }
        self._observe = self.observe(checks)
        store = await self.entered("store", open_store(settings, self.registry))
        pulse = StorePulse(store, self.registry, self.name)
        self.refreshing(pulse.refresh)
        self.work_for(store)
        targets = Targets(settings.autoscaler, store, self.registry)
        self.closing("targets", targets.close)
        await targets.reach(policies)
        signals = open_signals(settings.autoscaler.prometheus, store.now)
        makers = Makers(targets.leader, targets.target)
        self._autoscaler = Autoscaler(store, makers, signals, AutoscalerMetrics(self.registry))
        self.closing("autoscaler", self._autoscaler.close)
        await self._autoscaler.start(policies)

    async def drain(self) -> None:
        """Nothing to drain: no look goes on, and another one may lead at once."""
        if self._autoscaler is not None:
            await self.unless_hurried(self._autoscaler.stop())

    def reloaded(self) -> None:
        """A wrong file leaves what is in force."""
        try:
            policies = self._policies()
        except WrongSetting as error:
            _log.error("policies_not_reloaded", why=str(error))
            return
        if self._autoscaler is not None:
            self._autoscaler.follow(policies)
            _log.info("policies_reloaded", pools=["/".join(place) for place in self._autoscaler.pools])

    def _policies(self) -> tuple[PoolPolicy, ...]:
        policies = read_policies(self.settings.autoscaler.policy)
        without = [policy for policy in policies if policy.rules and not self.settings.autoscaler.prometheus.urls]
        if without:
            raise WrongSetting(
                f"pool {without[0].region}/{without[0].pool} has rules, and nobody to ask: "
                "name a Prometheus in autoscaler.prometheus.urls (MOORAGE_AUTOSCALER__PROMETHEUS__URLS)"
            )
        check_installed(policies)
        return policies
