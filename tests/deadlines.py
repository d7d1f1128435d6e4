"""How long a test waits for what should come at once: it bounds a hang and measures nothing.

A machine that several others use stalls a process for seconds. Where a bound is what a test is about, it has a number
of its own, beside the reason.
"""

from __future__ import annotations

SOON = 20.0
