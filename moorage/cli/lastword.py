"""Why a program of a pod did not start, where `kubectl describe pod` shows it."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

TERMINATION_LOG = "/dev/termination-log"
MOST_BYTES = 4096  # of all that Kubernetes shows


def leave_word(sentence: str) -> None:
    """In a pod (MOORAGE_POD_NAME is set), the sentence as the container's termination message. The file is the kubelet's: it is
    never made here, and one that cannot be written is no further trouble."""
    if not os.environ.get("MOORAGE_POD_NAME"):
        return
    path = Path(os.environ.get("MOORAGE_POD_TERMINATION_LOG") or TERMINATION_LOG)
    with suppress(OSError):
        descriptor = os.open(path, os.O_WRONLY | os.O_TRUNC)
        with os.fdopen(descriptor, "wb") as file:
            file.write(sentence.encode(errors="replace")[:MOST_BYTES])
