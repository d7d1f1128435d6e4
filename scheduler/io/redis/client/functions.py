"""Lua as a function library of the server, made by the hash of its text: other versions, and other policies, live beside it.

A library is loaded where a call finds it missing. Functions, not EVALSHA: a script defines all the Lua it is made of
again in each run, which was more than half of what a claim cost the server.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha1

_ALLOW_OOM = "--! flags allow-oom"  # an operation's first line, where it frees: it runs also in a full server


@dataclass(frozen=True, slots=True)
class Library:
    """Lua source, whole; `code` is what FUNCTION LOAD takes."""

    sha: str
    code: str

    def script(self, name: str, *, is_idempotent: bool = False) -> Script:
        """One of its operations."""
        return Script(name, f"{name}_{self.sha}".encode(), self, is_idempotent)


@dataclass(frozen=True, slots=True)
class Script:
    """An operation; `is_idempotent` when asking it twice with the same arguments is the same as asking it once."""

    name: str
    function: bytes
    library: Library
    is_idempotent: bool = False


def library(operations: Mapping[str, str], shared: Iterable[str] = ()) -> Library:
    """Put together from the bodies of operations, which see KEYS and ARGV, and from what they share. Among themselves they are
    OPERATIONS[name](KEYS, ARGV)."""
    text = "\n".join([*shared, *(_operation(name, body) for name, body in operations.items())])
    sha = sha1(text.encode(), usedforsecurity=False).hexdigest()[:16]
    return Library(sha, f"#!lua name=moorage_{sha}\nlocal SHA, OPERATIONS = '{sha}', {{}}\n{text}")


def _operation(name: str, body: str) -> str:
    flags = "flags = {'allow-oom'}, " if body.startswith(_ALLOW_OOM) else ""
    return (
        f"do\nlocal function callback(KEYS, ARGV)\n{body}\nend\nOPERATIONS['{name}'] = callback\n"
        f"redis.register_function{{function_name = '{name}_' .. SHA, {flags}callback = callback}}\nend"
    )
