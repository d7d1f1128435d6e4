"""Chooses the wire: compiled where the extension was built, pure elsewhere. Says why, for the doctor."""

from __future__ import annotations

import asyncio
import ctypes
import importlib
from functools import cache
from types import ModuleType

from gateway.io.pure.wire import PureWire
from gateway.io.wire import Wire


def _load() -> tuple[ModuleType | None, str]:
    try:
        return importlib.import_module("gateway.io.compiled.pump"), ""
    except ImportError as error:
        return None, str(error)


pump, _MISSING = _load()

PREFERENCES = ("auto", "compiled", "pure")

# glibc gives memory back to the kernel after every larger free and asks for it again: TLS relays 3-4 times slower.
_MALLOC_OPTIONS = ((-1, 256 << 20), (-2, 16 << 20), (-3, 32 << 20))  # M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_THRESHOLD


def make_wire(loop: asyncio.AbstractEventLoop, prefer: str = "auto", *, tls: bool = False) -> Wire:
    """An engine on `loop`. With `tls` the compiled one must be able to call this interpreter's OpenSSL, else it is pure.

    Raises RuntimeError when "compiled" is asked for and not there, ValueError for a word not in PREFERENCES.
    """
    if prefer not in PREFERENCES:
        raise ValueError(f"unknown wire {prefer!r}: use one of {', '.join(PREFERENCES)}")
    _keep_freed_memory()
    if prefer == "pure":
        return PureWire(loop)
    if pump is not None and (pump.TLS_LIBRARY_IS_SHARED or not tls):
        wire: Wire = pump.Engine(loop)
        return wire
    if prefer == "compiled":
        raise RuntimeError(available())
    return PureWire(loop)


def available() -> str:
    """One sentence: which wire runs, and what to do when it is the slower one."""
    if pump is None:
        return (
            f"the pure-Python relay runs ({_MISSING}): install a C compiler and reinstall moorage for the compiled one"
        )
    if not pump.TLS_LIBRARY_IS_SHARED:
        return "the compiled relay runs, for TLS the pure-Python one: this interpreter links OpenSSL statically"
    return "the compiled relay runs, with TLS"


@cache
def _keep_freed_memory() -> None:
    libc = ctypes.CDLL(None)
    if hasattr(libc, "mallopt"):
        for option, value in _MALLOC_OPTIONS:
            libc.mallopt(option, value)
