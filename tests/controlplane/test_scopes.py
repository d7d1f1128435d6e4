"""Tests of controlplane/scopes.py."""

from __future__ import annotations

from controlplane.scopes import GRANTS, Permission, granted


def test_admin_may_do_everything() -> None:
    assert granted(["admin:all"]) == set(Permission)


def test_every_permission_but_admin_has_a_narrower_scope() -> None:
    narrow = granted(scope for scope in GRANTS if scope != "admin:all")

    assert set(Permission) - narrow == {Permission.ADMIN}


def test_older_flags_mean_what_they_meant() -> None:
    assert granted(["session_create"]) == {Permission.SESSION_CREATE}
    assert granted(["session_manage"]) == {Permission.SESSION_READ, Permission.SESSION_MANAGE}
    assert granted(["usage_read"]) == {Permission.BILLING_READ}


def test_scopes_add_up_and_unknown_ones_allow_nothing() -> None:
    assert granted(["sessions:read", "workers:read", "root"]) == {Permission.SESSION_READ, Permission.WORKER_READ}
    assert granted([]) == set()
