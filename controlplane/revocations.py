"""Revocations as they are written down: what they name, from when on and for how long they hold."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from controlplane.keys import Caller
from controlplane.policy import ControlPlanePolicy
from controlplane.scopes import Permission
from moorage.errors import Code
from moorage.ids import KeyId, RevocationId, WorkspaceId
from moorage.tokens import LEEWAY
from scheduler.values import Revocation

DEFAULT_REASON = "REVOKED"


class Kind(Enum):
    """What can be revoked."""

    SESSION = "session"
    USER = "user"
    KEY = "key"
    WORKSPACE = "workspace"


NEEDED: dict[Kind, Permission] = {
    Kind.SESSION: Permission.SESSION_MANAGE,
    Kind.USER: Permission.USER_WRITE,
    Kind.KEY: Permission.ADMIN,
    Kind.WORKSPACE: Permission.ADMIN,
}
"""Who may revoke what."""

UNKNOWN: dict[Kind, Code] = {
    Kind.SESSION: Code.SESSION_NOT_FOUND,
    Kind.USER: Code.NOT_FOUND,
    Kind.KEY: Code.NOT_FOUND,
    Kind.WORKSPACE: Code.NOT_FOUND,
}
"""What is answered for an id that is nobody's, or another workspace's."""


class Standing(Enum):
    """Where a revocation is."""

    PENDING = "pending"  # the store has not heard of it, or gateways are ending what they hold
    APPLIED = "applied"
    OVER = "over"  # no token that it could refuse can be valid any more


@dataclass(frozen=True, slots=True)
class RevocationRow:
    """One revocation's row. Times are Unix seconds of the store's clock."""

    id: RevocationId
    workspace: WorkspaceId  # whose it is
    kind: Kind
    target: str  # the id that is revoked
    reason: str
    by: KeyId  # the API key that asked for it
    created_at: float
    before: float  # tokens issued before this instant are refused,
    until: float  # and it is remembered until the last of them has expired
    applied_at: float | None = None  # when nothing was live under it any more

    @property
    def value(self) -> Revocation:
        """What the store needs of it."""
        return Revocation(self.kind.value, self.target, self.until, self.before, self.reason)


def standing(row: RevocationRow, now: float) -> Standing:
    """Where it is now."""
    if row.applied_at is None:
        return Standing.PENDING
    return Standing.APPLIED if row.until > now else Standing.OVER


def in_force_until(policy: ControlPlanePolicy, now: float, latest_end: float) -> float:
    """When the last token it applies to has expired, and the last socket it could have missed is over.

    A token never outlives its session, and a session made by now ends at `now + max_session_seconds` at the latest, or at
    `latest_end` where a longer life was allowed when it was made. A gateway that was cut off may hold its socket as long.
    """
    return max(now + policy.max_session_seconds, latest_end) + LEEWAY


def may_name(caller: Caller, kind: Kind, owner: WorkspaceId) -> bool:
    """Its own workspace's things; any workspace as a whole for who runs the installation."""
    return owner == caller.workspace or (kind is Kind.WORKSPACE and caller.is_operator)
