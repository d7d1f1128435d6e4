"""`moorage doctor --kubernetes`, asked about a release as an operator does."""

from __future__ import annotations

import json
from typing import Any

from click.testing import CliRunner

from moorage.cli.root import moorage
from tests.helm.real.release import Release


def doctor(release: Release, *, asks_rest: bool = False) -> list[str]:
    """What it has against the release: "subject: sentence" each."""
    command = ["doctor", "--kubernetes", "--namespace", release.namespace, "--json"]
    environment = {"KUBECONFIG": str(release.node.place.kubeconfig)}
    if asks_rest:
        environment |= {"MOORAGE_URL": release.rest_url, "MOORAGE_API_KEY": release.secret("admin", "admin.key")}
    done = CliRunner().invoke(moorage, command, env=environment, catch_exceptions=False)
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return [f"{each['subject']}: {each['sentence']}" for each in found if each["grade"] in ("fail", "warn")]
