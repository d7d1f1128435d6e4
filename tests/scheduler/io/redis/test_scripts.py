"""Operations become functions of one library, which is named by all that is in it."""

from __future__ import annotations

from hashlib import sha1

from scheduler.io.redis.prelude import prelude
from scheduler.io.redis.scripts import library, packaged
from scheduler.policy import SchedulerPolicy
from tests.redis_server import RedisServer


def test_a_library_and_its_functions_are_named_by_the_hash_of_its_text() -> None:
    one = library({"one": "return 1"})

    text = one.code.split("\n", 2)[2]
    assert sha1(text.encode(), usedforsecurity=False).hexdigest().startswith(one.sha)
    assert one.script("one").function == f"one_{one.sha}".encode()


def test_another_policy_is_another_library() -> None:
    operations, shared = packaged()
    patient = SchedulerPolicy(reservation=20.0)

    one = library(operations, [prelude(SchedulerPolicy()), *shared])
    other = library(operations, [prelude(patient), *shared])

    assert one.sha != other.sha


def test_what_is_shared_comes_before_the_operations(server: RedisServer) -> None:
    greeting = library({"greet": "return word"}, ["local word = 'ahoy'"])

    server.call("FUNCTION", "LOAD", greeting.code)

    assert server.call("FCALL", greeting.script("greet").function.decode(), "0") == b"ahoy"


def test_the_package_is_a_library_that_a_server_takes(server: RedisServer) -> None:
    operations, shared = packaged()

    server.call("FUNCTION", "LOAD", library(operations, [prelude(SchedulerPolicy()), *shared]).code)

    assert len(operations) > 30
