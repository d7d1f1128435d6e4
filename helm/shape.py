"""values.yaml as a tree: each value with its default and the sentence above it.

Knows YAML and the `# --` convention, and nothing of what the values mean.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import yaml

ABOUT = "# --"
"""Begins the sentence about the value below it."""


@dataclass(frozen=True, slots=True)
class Value:
    """One key. `parts` are those of a mapping that is not empty; `about` is "" where nothing was said."""

    path: tuple[str, ...]
    default: Any
    about: str
    parts: tuple[Value, ...] = ()

    @property
    def name(self) -> str:
        """With dots: "gateway.service.port"."""
        return ".".join(self.path)


def read(text: str) -> Value:
    """The whole file, as a value without a name."""
    return _value((), yaml.compose(text, yaml.SafeLoader), yaml.safe_load(text), text.splitlines(), "")


def _value(path: tuple[str, ...], node: yaml.Node | None, default: Any, lines: list[str], about: str) -> Value:
    if not isinstance(node, yaml.MappingNode):
        return Value(path, default, about)
    parts = (
        _value((*path, key.value), child, default[key.value], lines, _about(key.start_mark, lines))
        for key, child in node.value
    )
    return Value(path, default, about, tuple(parts))


def _about(key: yaml.Mark, lines: list[str]) -> str:
    if lines[key.line][: key.column].strip():
        return ""  # it shares its line with the mapping that it is in
    said: list[str] = []
    for line in reversed(lines[: key.line]):
        if not line.strip().startswith("#"):
            return ""
        if line.strip().startswith(ABOUT):
            return " ".join([line.strip().removeprefix(ABOUT).strip(), *said])
        said.insert(0, line.strip().removeprefix("#").strip())
    return ""
