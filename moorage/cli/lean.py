"""What a program that runs for long neither loads nor keeps: its memory is paid for in every pod."""

from __future__ import annotations

import ctypes
import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress


@contextmanager
def lean() -> Iterator[None]:
    """Around the imports of a program. structlog would load rich, and with it pygments and attrs (5 MB), to colour tracebacks
    on a terminal; where there is none it does without."""
    if sys.stderr.isatty() or "rich" in sys.modules:
        yield
        return
    sys.modules["rich"] = None  # type: ignore[assignment] # an import of it fails as if it were not installed
    try:
        yield
    finally:
        del sys.modules["rich"]


def trim() -> None:
    """Once, when a program is ready: what its start needed and freed goes back to the system. glibc only; others keep it."""
    gc.collect()
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
