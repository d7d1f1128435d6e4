"""Which series an expression asks for, and which labels it speaks of: enough of PromQL's grammar to find a misspelt name.

Whether it is PromQL at all is promtool's to say.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

WORDS = frozenset({"and", "or", "unless", "bool", "offset", "inf", "nan", "atan2"})
GROUPINGS = frozenset({"by", "without", "on", "ignoring", "group_left", "group_right"})
_TOKEN = re.compile(
    r"""(?P<text>"(?:[^"\\]|\\.)*")|(?P<range>\[[^\]]*\])|(?P<number>\d[\w.]*)|(?P<name>[A-Za-z_:$][\w:$]*)|(?P<sign>\S)"""
)
_MATCHER = re.compile(r'\s*(\w+)\s*(=~|!~|!=|=)\s*"((?:[^"\\]|\\.)*)"\s*')


@dataclass(frozen=True, slots=True)
class Matcher:
    """One condition on a label."""

    label: str
    operator: str
    value: str


@dataclass(frozen=True, slots=True)
class Selector:
    """Series that are asked for."""

    metric: str
    matchers: tuple[Matcher, ...] = ()


@dataclass(frozen=True, slots=True)
class Asked:
    """Of one expression."""

    selectors: tuple[Selector, ...]
    grouped: frozenset[str]  # labels of by, on, group_left, …

    @property
    def metrics(self) -> frozenset[str]:
        """Names."""
        return frozenset(selector.metric for selector in self.selectors)


def asked(expression: str) -> Asked:
    """Every selector and every label.

    >>> found = asked('sum by (pool) (rate(a_total{code=~"x|y"}[5m])) > 2 * b')
    >>> sorted(found.metrics), sorted(found.grouped), found.selectors[0].matchers[0].value
    (['a_total', 'b'], ['pool'], 'x|y')
    """
    text = re.sub(r"#.*", "", expression)
    selectors: list[Selector] = []
    grouped: set[str] = set()
    at = 0
    while match := _TOKEN.search(text, at):
        at = match.end()
        name = match["name"]
        if name is None or name.lower() in WORDS:
            continue
        rest = text[at:].lstrip()
        if name in GROUPINGS:
            inside, at = _enclosed(text, at, "(", ")")
            grouped |= {label.strip() for label in inside.split(",") if label.strip()}
        elif rest.startswith("{"):
            inside, at = _enclosed(text, at, "{", "}")
            selectors.append(Selector(name, _matchers(inside)))
        elif not rest.startswith("(") and not _is_aggregation(name, rest):
            selectors.append(Selector(name))
    return Asked(tuple(selectors), frozenset(grouped))


def _is_aggregation(name: str, rest: str) -> bool:
    """`sum by (…)`: an aggregation whose grouping comes first."""
    following = re.match(r"\w+", rest)
    return following is not None and following[0] in {"by", "without"} and ":" not in name


def _enclosed(text: str, at: int, opening: str, closing: str) -> tuple[str, int]:
    """What is between the next pair, and where it ends. A closing brace inside quotes is none."""
    begins = text.index(opening, at)
    bare = re.sub(r'"(?:[^"\\]|\\.)*"', lambda quoted: "_" * len(quoted[0]), text)
    ends = bare.index(closing, begins)
    return text[begins + 1 : ends], ends + 1


def _matchers(inside: str) -> tuple[Matcher, ...]:
    found = _MATCHER.findall(inside)
    return tuple(Matcher(label, operator, value) for label, operator, value in found)
