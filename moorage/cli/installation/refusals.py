"""Why something could not be read, so that all that share the reason are one line."""

from __future__ import annotations

import re

from autoscaler.io.kubernetes.troubles import Refused, Trouble


def refusal(trouble: Trouble) -> str:
    """Without the kind of object."""
    if isinstance(trouble, Refused) and trouble.is_forbidden:
        who = re.search(r'User "([^"]+)"', trouble.message)
        return f"{who[1]} may not read them" if who else "that is forbidden"
    return f"the API server answers {trouble}" if isinstance(trouble, Refused) else "no answer in time"
