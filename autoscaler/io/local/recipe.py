"""How one worker process is started, and how it knows which member it is.

It says so when it registers, in the fields that a pod has of its own, by an id that is never used twice: a name can be
anybody's, also that of another machine's worker over the same store.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field

NAMESPACE = "process"  # where a pod has its namespace


@dataclass(frozen=True, slots=True)
class Recipe:
    """The same for every member. Its stdin is a pipe that ends when this process is gone, however it went."""

    name: str  # of the first member's place: `<name>-1`
    command: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=lambda: dict(os.environ), repr=False)

    def environment_of(self, name: str, member: str) -> dict[str, str]:
        """What `moorage.Worker` reads of itself."""
        return {
            **self.environment,
            "MOORAGE_WORKER_NAME": name,
            "MOORAGE_POD_NAMESPACE": NAMESPACE,
            "MOORAGE_POD_NAME": name,
            "MOORAGE_POD_UID": member,
            "MOORAGE_POD_IP": "",  # several share an address,
            "MOORAGE_WORKER_PORT": "0",  # so none has the port that a pod has for itself
        }


def new_member() -> str:
    """Never used twice."""
    return uuid.uuid4().hex
