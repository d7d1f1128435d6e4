"""What SIGHUP changes in a running program, and what it cannot. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from moorage.cli.catalogue import Setting, catalogue
from moorage.cli.settings import Settings

RELOADED = (("log_level",), ("gateway", "limits"), ("gateway", "drain_seconds"), ("signing",))
"""Settings, and groups of them, that a running program takes over. Certificates are read again whatever was changed."""


def changes(old: Settings, new: Settings) -> tuple[list[str], list[str]]:
    """Names of the changed settings: those that are taken over, and those that need a restart."""
    names = list(_changed(old, new))
    taken = [".".join(name) for name in names if is_reloaded(name)]
    left = [".".join(name) for name in names if not is_reloaded(name)]
    return taken, left


def is_reloaded(name: tuple[str, ...]) -> bool:
    """Whether a running program takes it over.

    >>> is_reloaded(("gateway", "limits", "frame_bytes")), is_reloaded(("gateway", "port"))
    (True, False)
    """
    return any(name[: len(group)] == group for group in RELOADED)


def _changed(old: Settings, new: Settings) -> Iterator[tuple[str, ...]]:
    for setting in catalogue():
        if _value(old, setting) != _value(new, setting):
            yield setting.name


def _value(settings: Settings, setting: Setting) -> object:
    value: object = settings
    for part in setting.name:
        value = getattr(value, part)
    return value
