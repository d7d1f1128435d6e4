"""Moorage: what other programs import.

`import moorage` loads nothing that waits: the SDK's names resolve on first use.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from moorage.errors import MoorageError as MoorageError
    from moorage.io.client import Connection as Connection
    from moorage.io.client import connect as connect
    from moorage.io.worker import Session as Session
    from moorage.io.worker import Worker as Worker

__version__ = "0.1.0"
__all__ = ["Connection", "MoorageError", "Session", "Worker", "connect"]

_HOMES = {
    "Connection": "moorage.io.client",
    "MoorageError": "moorage.errors",
    "Session": "moorage.io.worker",
    "Worker": "moorage.io.worker",
    "connect": "moorage.io.client",
}


def __getattr__(name: str) -> object:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'moorage' has no attribute {name!r}")
    return getattr(import_module(home), name)
