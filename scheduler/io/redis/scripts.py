"""What is loaded: lua/lib/*.lua is what the operations share, lua/<name>.lua is an operation."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

LIBRARIES = (
    "base",
    "fleet",
    "index",
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


@cache
def packaged() -> tuple[dict[str, str], list[str]]:
    """The operations and the shared files of this package, as texts."""
    folder = files(__package__).joinpath("lua")
    names = sorted(entry.name.removesuffix(".lua") for entry in folder.iterdir() if entry.name.endswith(".lua"))
    operations = {name: folder.joinpath(f"{name}.lua").read_text(encoding="utf-8") for name in names}
    shared = [folder.joinpath("lib", f"{name}.lua").read_text(encoding="utf-8") for name in LIBRARIES]
    return operations, shared
