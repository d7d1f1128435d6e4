"""`moorage controlplane`: the REST API over a store and a database that others share."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Any

from controlplane.io.app import ControlPlane
from controlplane.io.bootstrap import Welcome
from moorage.cli import running
from moorage.cli.addresses import reachable, url
from moorage.cli.fleet_metrics import FleetCollector
from moorage.cli.keyrings import keyring, shared_keyring, turn_keys
from moorage.cli.policies import control_plane_policy
from moorage.cli.programs.lifecycle import Lifecycle
from moorage.cli.stores import open_store, shared


class ControlPlaneProgram(Lifecycle):
    """Ready once it serves; the data folder keeps its keys, and the database where there is no URL of one."""

    name = "controlplane"
    _control: ControlPlane
    _welcome: Welcome | None = None

    def document(self) -> dict[str, Any]:
        """Where it is, once ready. A parent alone gets the new admin key, to show it once."""
        return {
            "program": self.name,
            "pid": os.getpid(),
            "rest": url("http", reachable(self._policy.host), self._control.port),
            "observe": self._observe.url,
            "data": str(self._policy.data_folder),
            **({"new_admin_key": self.new_admin_key} if self.start.inherited else {}),
        }

    @property
    def new_admin_key(self) -> str | None:
        """Where one was made just now."""
        return self._welcome.new_admin_key if self._welcome else None

    async def open(self) -> None:
        settings = self.settings
        shared(settings.store.url, self.name)
        policy = control_plane_policy(settings)
        # A parent's example workers need the general key, whoever else has one of their own.
        is_apart = self.start.inherited is None
        self._policy = replace(policy, makes_join_key=not (policy.join_keys and is_apart))
        fleet: FleetCollector | None = None
        checks = {
            "controlplane": lambda: self._welcome is not None,
            "store": lambda: fleet is not None and fleet.is_store_up,
            "database": lambda: self._welcome is not None and self._control.is_database_up,
        }
        self._observe = self.observe(checks)
        self._policy.data_folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if self.start.inherited is None and not settings.controlplane.database_url:
            await self.entered("lock", running.held(self._policy.data_folder))
        store = await self.entered("store", open_store(settings, self.registry))
        fleet = FleetCollector(store)
        self.refreshing(fleet.refresh)
        if self.start.inherited is None:  # else the parent shows the fleet
            self.registry.register(fleet)
        keys = keyring(settings) if self.start.inherited else shared_keyring(settings)
        self._control = ControlPlane(self._policy, store, keys, self.registry)
        self.refreshing(self._control.look)
        self.work_for(store)
        self._welcome = await self._control.start(self.start.socket("rest"))
        self.closing("controlplane", self._control.close)

    async def drain(self) -> None:
        """Requests under way end while it closes."""

    def reloaded(self) -> None:
        turn_keys(self._control, self.settings)
