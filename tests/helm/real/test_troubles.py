"""What goes wrong in an installation, on a real node: the doctor says what it is and where."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.helm.real.asking import doctor
from tests.helm.real.fleet import until
from tests.helm.real.node import Node
from tests.helm.real.release import Release

pytestmark = [pytest.mark.kubernetes, pytest.mark.slow, pytest.mark.timeout(300)]
SEEN_SECONDS = 120.0
POOLS = {
    "example": None,
    "far": {"region": "eu", "image": {"repository": "nowhere.invalid/worker", "tag": "x"}},
    "lost": {"region": "us", "env": [{"name": "MOORAGE_LINK", "value": "ws://nowhere.invalid:7403/link"}]},
}
NO_SECRET = [{"name": "X", "valueFrom": {"secretKeyRef": {"name": "not-there", "key": "x"}}}]
TOLD = {
    "pool far": "nowhere.invalid/worker:x",
    "pool lost": "nowhere.invalid:7403",
    "autoscaler": "Secret not-there",
}


def test_an_image_a_secret_and_a_link_that_are_not_there_are_named(node: Node, tmp_path: Path) -> None:
    with Release(node, tmp_path) as release:
        release.install(pools=POOLS, autoscaler={"env": NO_SECRET})
        last: list[str] = []

        def all_told() -> bool:
            last[:] = doctor(release)
            return all(any(said.startswith(f"{who}: ") and what in said for said in last) for who, what in TOLD.items())

        try:
            until(all_told, SEEN_SECONDS)
        except AssertionError:
            raise AssertionError("\n".join(last)) from None
