"""The Lua scripts: one file an operation, put together with the library files that it uses, known to Redis by their SHA-1.

A script file starts with comment lines `--! use base slots`: library files lua/lib/<name>.lua, which are put before it,
each once, after those they use themselves. What is hashed and loaded is the whole.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from hashlib import sha1
from importlib.resources import files

_USE = "--! use "

Read = Callable[[str], str]
"""The text of `<name>.lua` under lua/, or FileNotFoundError."""


class WrongScript(ValueError):
    """A script cannot be put together: a library is missing, or libraries use each other in a circle."""


@dataclass(frozen=True, slots=True)
class Script:
    """A Lua script; `is_idempotent` when asking it twice with the same arguments is the same as asking it once."""

    name: str
    body: str = field(repr=False)
    is_idempotent: bool = False
    sha: bytes = field(init=False)

    def __post_init__(self) -> None:
        digest = sha1(self.body.encode(), usedforsecurity=False).hexdigest()
        object.__setattr__(self, "sha", digest.encode())


def compose(name: str, read: Read) -> str:
    """The body of script `name` with its libraries before it. Raises WrongScript."""
    parts: dict[str, str] = {}
    _gather(name, read, parts, ())
    return "\n".join(parts.values())


def _gather(name: str, read: Read, parts: dict[str, str], users: tuple[str, ...]) -> None:
    if name in parts:
        return
    if name in users:
        raise WrongScript(f"Lua libraries use each other in a circle: {' -> '.join([*users, name])}")
    try:
        text = read(name)
    except FileNotFoundError:
        by = f", which {users[-1]} uses" if users else ""
        raise WrongScript(f"there is no lua/{name}.lua{by}") from None
    for library in _used(text):
        _gather(f"lib/{library}", read, parts, (*users, name))
    parts[name] = text


def _used(text: str) -> list[str]:
    used: list[str] = []
    for line in text.splitlines():
        if line.strip() and not line.startswith("--"):
            break
        if line.startswith(_USE):
            used += line.removeprefix(_USE).split()
    return used


@cache
def packaged(name: str, *, is_idempotent: bool = False) -> Script:
    """The script lua/<name>.lua of this package."""
    return Script(name, compose(name, _read), is_idempotent)


def _read(name: str) -> str:
    return files(__package__).joinpath("lua", f"{name}.lua").read_text(encoding="utf-8")
