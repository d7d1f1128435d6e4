"""How long a test waits for what should come at once: it bounds a hang and measures nothing.

A machine that several others use stalls a process for seconds. Where a bound is what a test is about, it has a number
of its own, beside the reason.
"""

from __future__ import annotations

SOON = 20.0

PROGRAM = 90.0
"""From the start of a program to its first word, or to its end: it loads a thousand modules, which costs a second or two of a
processor of its own."""
