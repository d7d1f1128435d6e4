"""How sessions leave a drained worker or gateway: who is told, when, and where they go.

Before a drain's deadline sessions end or leave by themselves. From the deadline on those still attached are told to
reconnect, and are placed elsewhere; who does not leave is told again. How many may be told is scheduler/drainpace.py's.
"""

from __future__ import annotations

from moorage.ids import Draw

TOLD_AGAIN_AFTER = 10.0  # a session that was told and is still, or again, attached


def retry_after(draw: Draw) -> float:
    """Seconds until a moved client should be back: 0.2 to 1.2, so that they do not come in one wave."""
    return 0.2 + int.from_bytes(draw(2), "big") / 65536
