"""`python -m moorage.cli.tied PARENT PROGRAM ARGUMENTS`: becomes that program, and gets SIGTERM when PARENT dies.

For programs that do not watch their stdin. Imports nothing but what it needs: it is there for a moment.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1  # prctl(2)


def main() -> None:
    """The kernel's order outlives the exec."""
    parent = int(sys.argv[1])
    libc = ctypes.CDLL(None)
    if hasattr(libc, "prctl"):
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() == parent:  # else it died before we asked
        os.execv(sys.argv[2], sys.argv[2:])  # noqa: S606 - that is what it is for


if __name__ == "__main__":
    main()
