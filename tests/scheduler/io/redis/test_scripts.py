"""Scripts are put together from their libraries, each once, what is used before what uses it."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha1
from importlib.resources import files

import pytest

from scheduler.io.redis import scripts
from scheduler.io.redis.scripts import Script, WrongScript, compose, packaged


def a_folder(**texts: str) -> Callable[[str], str]:
    """Reads from these texts; `lib_x` is lib/x."""

    def read(name: str) -> str:
        key = name.replace("/", "_")
        if key not in texts:
            raise FileNotFoundError(name)
        return texts[key]

    return read


def test_libraries_come_before_their_users_and_only_once() -> None:
    read = a_folder(
        claim="--! use slots base\nreturn 1",
        lib_slots="--! use base time\nlocal slots",
        lib_base="local base",
        lib_time="--! use base\nlocal time",
    )

    body = compose("claim", read)

    assert [line for line in body.splitlines() if not line.startswith("--!")] == [
        "local base",
        "local time",
        "local slots",
        "return 1",
    ]


def test_several_use_lines_count_and_those_below_the_first_code_do_not() -> None:
    read = a_folder(claim="-- what it does\n--! use a\n--! use b\n\nreturn 1\n--! use c", lib_a="A", lib_b="B")

    body = compose("claim", read)

    assert body.startswith("A\nB\n-- what")


def test_a_missing_library_is_named_with_its_user() -> None:
    with pytest.raises(WrongScript, match=r"there is no lua/lib/slots\.lua, which claim uses"):
        compose("claim", a_folder(claim="--! use slots\nreturn 1"))


def test_a_circle_is_named_whole() -> None:
    read = a_folder(claim="--! use a", lib_a="--! use b", lib_b="--! use a")

    with pytest.raises(WrongScript, match="lib/a -> lib/b -> lib/a"):
        compose("claim", read)


def test_the_hash_is_that_of_the_whole_body() -> None:
    script = Script("one", "return 1")

    assert sha1(b"return 1", usedforsecurity=False).hexdigest().encode() == script.sha


def test_every_script_of_the_package_can_be_put_together() -> None:
    names = [
        entry.name for entry in files(scripts.__package__).joinpath("lua").iterdir() if entry.name.endswith(".lua")
    ]

    bodies = [packaged(name.removesuffix(".lua")).body for name in names]

    assert all(bodies)
