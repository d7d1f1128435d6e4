"""What every act of the control plane needs, in one value."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from controlplane.pacing import Pacer
from moorage import ids

if TYPE_CHECKING:
    from controlplane.io.database import Database
    from controlplane.io.metrics import Metrics
    from controlplane.keyring import KeyRing
    from controlplane.policy import ControlPlanePolicy
    from moorage.ids import Draw
    from scheduler.store import Store


@dataclass(frozen=True, slots=True)
class Context:
    """Time is the store's: it is the clock that tokens and leases are judged by."""

    policy: ControlPlanePolicy
    store: Store
    keys: KeyRing
    database: Database
    metrics: Metrics
    pacer: Pacer = field(default_factory=Pacer)
    draw: Draw = os.urandom

    def new_id(self, prefix: str) -> str:
        """A new id of that type."""
        return ids.make(prefix, self.store.now(), self.draw)
