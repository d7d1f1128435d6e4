"""API keys: who calls, what they may do, how much at once."""

from __future__ import annotations

from dataclasses import dataclass

from controlplane.policy import NO_RATE_LIMIT, ControlPlanePolicy, RateLimit
from controlplane.scopes import Permission, granted
from moorage.errors import Code, MoorageError, error_for
from moorage.ids import KeyId, WorkspaceId
from scheduler.values import Concurrency

LAST_USED_EVERY = 60.0  # how exact "last used" is: not a write for every request


@dataclass(frozen=True, slots=True)
class ApiKey:
    """One key's row. Overrides are None where the policy's defaults hold."""

    id: KeyId
    workspace: WorkspaceId
    name: str
    digest: str
    hint: str
    scopes: tuple[str, ...]
    created_at: float
    expires_at: float | None = None
    revoked_at: float | None = None
    last_used_at: float | None = None
    is_bootstrap: bool = False
    sessions_per_key: int | None = None
    requests_per_minute: int | None = None
    requests_per_hour: int | None = None


@dataclass(frozen=True, slots=True)
class Caller:
    """Who a request comes from, checked."""

    key: KeyId
    workspace: WorkspaceId
    permissions: frozenset[Permission]
    concurrency: Concurrency
    rate: RateLimit
    is_operator: bool = False  # the bootstrap key's holder runs the installation, whatever its workspaces


def caller_of(found: ApiKey | None, policy: ControlPlanePolicy, now: float) -> Caller:
    """Raises INVALID_API_KEY or API_KEY_EXPIRED."""
    if found is None or found.revoked_at is not None:
        raise error_for(Code.INVALID_API_KEY, "no such API key, or it was revoked")
    if found.expires_at is not None and found.expires_at <= now:
        raise error_for(Code.API_KEY_EXPIRED, f"API key {found.hint} has expired: make a new one")
    return Caller(
        found.id,
        found.workspace,
        granted(found.scopes),
        _concurrency(found, policy),
        _rate(found, policy),
        found.is_bootstrap,
    )


def missing(caller: Caller, wanted: Permission) -> MoorageError | None:
    """The refusal where a caller lacks a permission."""
    if wanted in caller.permissions:
        return None
    return error_for(Code.PERMISSION_DENIED, f"this API key lacks the scope {wanted.value}")


def is_use_worth_writing(found: ApiKey, now: float) -> bool:
    """Whether "last used" is old enough to be written again."""
    return found.last_used_at is None or now - found.last_used_at >= LAST_USED_EVERY


def _concurrency(key: ApiKey, policy: ControlPlanePolicy) -> Concurrency:
    if key.is_bootstrap:
        return Concurrency()
    usual = policy.concurrency
    per_key = usual.per_key if key.sessions_per_key is None else key.sessions_per_key
    return Concurrency(usual.per_user, per_key, usual.per_workspace)


def _rate(key: ApiKey, policy: ControlPlanePolicy) -> RateLimit:
    if key.is_bootstrap:
        return NO_RATE_LIMIT
    usual = policy.rate_limit
    return RateLimit(
        usual.per_minute if key.requests_per_minute is None else key.requests_per_minute,
        usual.per_hour if key.requests_per_hour is None else key.requests_per_hour,
    )
