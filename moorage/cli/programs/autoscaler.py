"""`moorage autoscaler run`: the pools of a policy file, over a store that others share."""

from __future__ import annotations

import os
from typing import Any

from moorage.cli.programs.lifecycle import Lifecycle


class AutoscalerProgram(Lifecycle):
    """Ready once its policies are read and the store was reached; whether it leads makes no difference to that."""

    name = "autoscaler"

    def document(self) -> dict[str, Any]:
        """Where it is, and which pools it knows."""
        return {"program": self.name, "pid": os.getpid(), "pools": [], "observe": ""}
