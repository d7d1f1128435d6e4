"""What is loaded: lua/lib/*.lua is what the operations share, lua/<name>.lua is an operation."""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files

from scheduler.io.redis.prelude import NUMBERS

LIBRARIES = (
    "base",
    "several",
    "sessions",
    "fleet",
    "index",
    "reading",
    "lives",
    "queue",
    "guests",
    "claims",
    "endings",
    "workers",
    "adopting",
    "witness",
    "contests",
    "attaching",
)
"""In the order of use: each may use those before it."""

RECORD = (
    "who",
    "id",
    "worker",
    "pool",
    "state",
    "fence",
    "due",
    "expires",
    "seq",
    "held",
    "since",
    "started",
    "was_held",
    "owes",
    "rest",
)
"""A session's record is a list in this order; see lua/lib/sessions.lua. Where a script says `s.fence` it is loaded as `s[6]`:
a list is read and written as it is kept, and a table with names costs as much again as all of MessagePack."""

_FIELD = re.compile(rf"\b(s|here)\.({'|'.join(RECORD)})\b")
_NUMBER = re.compile(rf"\b({'|'.join(NUMBERS)})\b")


@cache
def packaged() -> tuple[dict[str, str], list[str]]:
    """The operations and the shared files of this package, as texts to load."""
    folder = files(__package__).joinpath("lua")
    names = sorted(entry.name.removesuffix(".lua") for entry in folder.iterdir() if entry.name.endswith(".lua"))
    operations = {name: _placed(folder.joinpath(f"{name}.lua").read_text(encoding="utf-8")) for name in names}
    shared = [_placed(folder.joinpath("lib", f"{name}.lua").read_text(encoding="utf-8")) for name in LIBRARIES]
    return operations, shared


def _placed(text: str) -> str:
    """Fields of a record by their places, numbers of the policy by their table."""
    text = _FIELD.sub(lambda found: f"{found[1]}[{RECORD.index(found[2]) + 1}]", text)
    return _NUMBER.sub(r"NUMBERS.\1", text)
