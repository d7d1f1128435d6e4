"""Operations become functions of one library, which is named by all that is in it."""

from __future__ import annotations

from hashlib import sha1

from scheduler.io.redis.client.functions import library
from tests.redis_server import RedisServer


def test_a_library_and_its_functions_are_named_by_the_hash_of_its_text() -> None:
    one = library({"one": "return 1"})

    text = one.code.split("\n", 2)[2]
    assert sha1(text.encode(), usedforsecurity=False).hexdigest().startswith(one.sha)
    assert one.script("one").function == f"one_{one.sha}".encode()


def test_what_is_shared_comes_before_the_operations(server: RedisServer) -> None:
    greeting = library({"greet": "return word"}, ["local word = 'ahoy'"])

    server.call("FUNCTION", "LOAD", greeting.code)

    assert server.call("FCALL", greeting.script("greet").function.decode(), "0") == b"ahoy"
