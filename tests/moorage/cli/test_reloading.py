"""What SIGHUP takes over, and what waits for a restart."""

from __future__ import annotations

from moorage.cli.catalogue import catalogue
from moorage.cli.reloading import RELOADED, changes, is_reloaded
from moorage.cli.sources import load


def test_nothing_changed_is_nothing_to_say() -> None:
    settings = load({}, None).settings

    assert changes(settings, settings) == ([], [])


def test_changes_are_told_apart() -> None:
    old = load({"log_level": "info"}, None).settings
    new = load({"log_level": "debug", "gateway.limits.frame_bytes": 10, "gateway.port": 1}, None).settings

    assert changes(old, new) == (["log_level", "gateway.limits.frame_bytes"], ["gateway.port"])


def test_everything_that_is_said_to_be_reloaded_exists() -> None:
    names = {setting.name for setting in catalogue()}

    assert all(any(name[: len(group)] == group for name in names) for group in RELOADED)
    assert not is_reloaded(("store", "url"))
