"""NetworkPolicies: that they are there says nothing of whether anybody enforces them."""

from __future__ import annotations

from collections.abc import Iterator

from moorage.cli.findings import Finding, Grade
from moorage.cli.installation.documents import Seen

SUBJECT = "network policies"


def examine(seen: Seen) -> Iterator[Finding]:
    """A note either way; nothing where they may not be read."""
    if "networkpolicies" not in seen.lists:
        return
    count = len(seen.all("networkpolicies"))
    if count:
        sentence = f"{count} are there; whether the cluster's network enforces them cannot be seen from here"
        yield Finding(SUBJECT, Grade.NOTE, sentence, "it does with Calico, Cilium and the like; flannel alone does not")
        return
    sentence = "there are none: every pod of the cluster reaches the links, the store and the REST API"
    yield Finding(SUBJECT, Grade.NOTE, sentence, "networkPolicy.enabled makes a default deny with a rule an arrow")
