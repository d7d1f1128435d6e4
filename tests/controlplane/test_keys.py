"""Tests of controlplane/keys.py."""

from __future__ import annotations

from dataclasses import replace

import pytest

from controlplane.keys import ApiKey, caller_of, is_use_worth_writing, missing
from controlplane.policy import NO_RATE_LIMIT, RateLimit
from controlplane.scopes import Permission
from moorage.errors import Code, MoorageError
from scheduler.values import Concurrency
from tests.controlplane.builders import KEY, NOW, WORKSPACE, a_policy

A_KEY = ApiKey(KEY, WORKSPACE, "backend", "d" * 64, "ak_abc…wxyz", ("sessions:read",), NOW)


def test_a_key_becomes_a_caller_with_the_usual_limits() -> None:
    caller = caller_of(A_KEY, a_policy(), NOW)

    assert (caller.key, caller.workspace) == (KEY, WORKSPACE)
    assert caller.permissions == {Permission.SESSION_READ}
    assert caller.concurrency == Concurrency(10, 10, 100)
    assert caller.rate == RateLimit(100, 1000)


def test_a_key_may_have_limits_of_its_own() -> None:
    own = replace(A_KEY, sessions_per_key=5, requests_per_minute=7, requests_per_hour=0)

    caller = caller_of(own, a_policy(), NOW)

    assert caller.concurrency == Concurrency(10, 5, 100)
    assert caller.rate == RateLimit(7, 0)


def test_the_bootstrap_key_has_no_limits() -> None:
    caller = caller_of(replace(A_KEY, is_bootstrap=True), a_policy(), NOW)

    assert caller.concurrency == Concurrency()
    assert caller.rate == NO_RATE_LIMIT


@pytest.mark.parametrize(
    ("found", "code"),
    [
        (None, Code.INVALID_API_KEY),
        (replace(A_KEY, revoked_at=NOW), Code.INVALID_API_KEY),
        (replace(A_KEY, expires_at=NOW), Code.API_KEY_EXPIRED),
    ],
)
def test_a_key_out_of_force_is_no_caller(found: ApiKey | None, code: Code) -> None:
    with pytest.raises(MoorageError) as refused:
        caller_of(found, a_policy(), NOW)

    assert refused.value.code is code


def test_a_missing_permission_is_refused_with_the_scope_to_ask_for() -> None:
    caller = caller_of(A_KEY, a_policy(), NOW)

    refused = missing(caller, Permission.WORKER_WRITE)

    assert missing(caller, Permission.SESSION_READ) is None
    assert refused is not None
    assert refused.code is Code.PERMISSION_DENIED
    assert refused.detail == "this API key lacks the scope workers:write"


def test_a_use_is_written_once_a_minute() -> None:
    assert is_use_worth_writing(A_KEY, NOW)
    assert not is_use_worth_writing(replace(A_KEY, last_used_at=NOW - 59), NOW)
    assert is_use_worth_writing(replace(A_KEY, last_used_at=NOW - 60), NOW)
