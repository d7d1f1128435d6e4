"""The chart's README: what people wrote in introduction.md, then a table of every value."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from helm.bounds import bound
from helm.shape import Value

LONGEST_DEFAULT = 60
"""Letters; a longer one is said to be in values.yaml."""

HEAD = ("| value | default | what it is |", "|---|---|---|")


def readme(introduction: str, values: Value) -> str:
    """Markdown, with a newline at its end."""
    loose = [part for part in values.parts if not part.parts]
    lines = [introduction.rstrip(), "", "## Values", "", *HEAD, *(_row(value) for value in loose)]
    for group in values.parts:
        if group.parts:
            lines += ["", f"### {group.name}", *(["", group.about] if group.about else []), "", *HEAD]
            lines += [_row(value) for value in _leaves(group.parts)]
    return "\n".join(lines) + "\n"


def _leaves(values: Iterable[Value]) -> Iterator[Value]:
    for value in values:
        if value.parts and not value.about and bound(value.name) is None:
            yield from _leaves(value.parts)
        else:
            yield value


def _row(value: Value) -> str:
    about = value.about.replace("|", "\\|")
    return f"| `{value.name}` | {_default(value.default)} | {about} |"


def _default(default: Any) -> str:
    text = json.dumps(default)
    return f"`{text}`" if len(text) <= LONGEST_DEFAULT else "see values.yaml"
