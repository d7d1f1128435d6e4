"""What an API key may do: scopes as tenants know them, permissions as routes ask for them, and the table between."""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum


class Permission(Enum):
    """One thing a route asks for; the value is the scope to name when it is missing."""

    SESSION_CREATE = "sessions:write"
    SESSION_MANAGE = "sessions:write (or session_manage)"
    SESSION_READ = "sessions:read"
    WORKER_READ = "workers:read"
    WORKER_WRITE = "workers:write"
    USER_READ = "users:read"
    USER_WRITE = "users:write"
    BILLING_READ = "billing:read"
    BILLING_WRITE = "billing:write"
    ADMIN = "admin:all"


_ALL = frozenset(Permission)

GRANTS: dict[str, frozenset[Permission]] = {
    "sessions:read": frozenset({Permission.SESSION_READ}),
    "sessions:write": frozenset({Permission.SESSION_CREATE, Permission.SESSION_MANAGE}),
    "users:read": frozenset({Permission.USER_READ}),
    "users:write": frozenset({Permission.USER_WRITE}),
    "billing:read": frozenset({Permission.BILLING_READ}),
    "billing:write": frozenset({Permission.BILLING_WRITE}),
    "workers:read": frozenset({Permission.WORKER_READ}),
    "workers:write": frozenset({Permission.WORKER_WRITE}),
    "admin:all": _ALL,
    # flags of older keys
    "session_create": frozenset({Permission.SESSION_CREATE}),
    "session_manage": frozenset({Permission.SESSION_READ, Permission.SESSION_MANAGE}),
    "usage_read": frozenset({Permission.BILLING_READ}),
}


def granted(scopes: Iterable[str]) -> frozenset[Permission]:
    """All that these scopes allow. An unknown scope allows nothing."""
    return frozenset().union(*(GRANTS.get(scope, frozenset()) for scope in scopes))
