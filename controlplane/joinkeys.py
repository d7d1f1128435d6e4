"""Join keys: who may register workers of which pool in which region. Shown once, kept as a digest.

Some come from files (`controlplane.join_keys`): which rows a look at the files adds and which it takes away is decided here.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from controlplane.credentials import Credential
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
    source: str | None = None  # the entry of `controlplane.join_keys` whose file it is from

    @property
    def entry(self) -> JoinKey:
        """What the store needs of it."""
        return JoinKey(self.digest, self.pool, self.region)


@dataclass(frozen=True, slots=True)
class Presented:
    """A key that a file holds, and what it is good for."""

    key: Credential
    pool: str
    region: str

    def is_in(self, row: JoinKeyRow) -> bool:
        """Whether this row is it."""
        return (row.digest, row.pool, row.region) == (self.key.digest, self.pool, self.region)


@dataclass(frozen=True, slots=True)
class Amendment:
    """What a look at the files changes. `clashes` names entries whose key another row has: no key is good for two."""

    removed: tuple[JoinKeyRow, ...] = ()
    added: tuple[tuple[str, Presented], ...] = ()  # with the name of its entry
    clashes: tuple[str, ...] = ()


def amendment(
    rows: Sequence[JoinKeyRow], changed: Mapping[str, Presented | None], entries: Collection[str]
) -> Amendment:
    """`changed` is what differs from the look before, by entry; None where a file went. Files of other control planes may be
    older or newer for a minute: what did not change here is left as it is. Rows of no entry go."""
    gone = [row for row in rows if row.source is not None and _is_gone(row, changed, entries)]
    left = {row.digest: row for row in rows if row not in gone}
    added: list[tuple[str, Presented]] = []
    clashes: list[str] = []
    taken = set(left)
    for name, presented in changed.items():
        if presented is None or (presented.key.digest in left and left[presented.key.digest].source == name):
            continue
        if presented.key.digest in taken:
            clashes.append(name)
            continue
        taken.add(presented.key.digest)
        added.append((name, presented))
    return Amendment(tuple(gone), tuple(added), tuple(clashes))


def _is_gone(row: JoinKeyRow, changed: Mapping[str, Presented | None], entries: Collection[str]) -> bool:
    assert row.source is not None
    if row.source not in entries:
        return True
    if row.source not in changed:
        return False
    presented = changed[row.source]
    return presented is None or not presented.is_in(row)
