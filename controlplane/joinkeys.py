"""Join keys: who may register workers of which pool in which region. Shown once, kept as a digest."""

from __future__ import annotations

from dataclasses import dataclass

from moorage.ids import KeyId
from scheduler.values import JoinKey


@dataclass(frozen=True, slots=True)
class JoinKeyRow:
    """One join key's row. "*" is any pool or region."""

    id: KeyId
    name: str
    digest: str
    hint: str
    pool: str
    region: str
    created_at: float
    is_bootstrap: bool = False

    @property
    def entry(self) -> JoinKey:
        """What the store needs of it."""
        return JoinKey(self.digest, self.pool, self.region)
