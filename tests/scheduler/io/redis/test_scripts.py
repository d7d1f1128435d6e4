"""What the package ships is one library, another one for each policy; a record's fields are its places."""

from __future__ import annotations

import re

from scheduler.io.redis.client.functions import library
from scheduler.io.redis.prelude import prelude
from scheduler.io.redis.scripts import RECORD, packaged
from scheduler.policy import SchedulerPolicy
from tests.redis_server import RedisServer


def test_another_policy_is_another_library() -> None:
    operations, shared = packaged()
    patient = SchedulerPolicy(reservation=20.0)

    one = library(operations, [prelude(SchedulerPolicy()), *shared])
    other = library(operations, [prelude(patient), *shared])

    assert one.sha != other.sha


def test_the_package_is_a_library_that_a_server_takes(server: RedisServer) -> None:
    operations, shared = packaged()

    server.call("FUNCTION", "LOAD", library(operations, [prelude(SchedulerPolicy()), *shared]).code)

    assert len(operations) > 30


def test_the_fields_of_a_record_are_loaded_as_places() -> None:
    operations, shared = packaged()
    text = "\n".join([*operations.values(), *shared])

    assert f"s[{RECORD.index('fence') + 1}]" in operations["confirm"]
    assert not re.search(rf"\b(s|here)\.({'|'.join(RECORD)})\b", text)
