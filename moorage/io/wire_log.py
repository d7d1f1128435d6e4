"""The logger that `websockets` writes to: quiet, since at DEBUG it would write headers, and in them keys and tokens."""

from __future__ import annotations

import logging

WIRE_LOG = logging.getLogger("moorage.websockets")
WIRE_LOG.setLevel(logging.WARNING)
