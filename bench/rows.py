"""What a bench returns, how it is written and printed, and the goals it is held against. Knows no process and no clock."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

OURS = "moorage"
OURS_PURE = "moorage-pure"


@dataclass(frozen=True, slots=True)
class Row:
    """One figure: whose it is, what was measured, how much, in which unit."""

    name: str
    metric: str
    value: float
    unit: str


@dataclass(frozen=True, slots=True)
class Goal:
    """A bound on one row, either fixed or a factor of other rows of the same metric.

    `than` names the rows it is compared with ("below haproxy and envoy"); empty means that `bound` is the limit itself.
    """

    metric: str
    bound: float
    name: str = OURS
    at_least: bool = False
    than: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Verdict:
    """A goal held against the rows; `limit` and `seen` are None where the rows do not say (a peer that is not installed)."""

    goal: Goal
    limit: float | None
    seen: float | None

    @property
    def is_met(self) -> bool | None:
        """None when it could not be judged."""
        if self.limit is None or self.seen is None:
            return None
        return self.seen >= self.limit if self.goal.at_least else self.seen <= self.limit


def judge(goals: Iterable[Goal], rows: Sequence[Row]) -> list[Verdict]:
    """Holds every goal against the rows."""
    values = {(row.name, row.metric): row.value for row in rows}
    return [_verdict(goal, values) for goal in goals]


def _verdict(goal: Goal, values: dict[tuple[str, str], float]) -> Verdict:
    seen = values.get((goal.name, goal.metric))
    if not goal.than:
        return Verdict(goal, goal.bound, seen)
    others = [values[name, goal.metric] for name in goal.than if (name, goal.metric) in values]
    return Verdict(goal, min(others) * goal.bound if others else None, seen)


def write_json(path: Path, rows: Iterable[Row]) -> None:
    """A JSON list of {name, metric, value, unit}."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps([asdict(row) for row in rows], indent=1) + "\n")


def table(rows: Sequence[Row]) -> str:
    """Metrics down, names across, in the order they came."""
    names = list(dict.fromkeys(row.name for row in rows))
    units = {row.metric: row.unit for row in rows}
    values = {(row.name, row.metric): row.value for row in rows}
    head = ["metric", "unit", *names]
    lines = [head]
    for metric, unit in units.items():
        cells = [_number(values[name, metric]) if (name, metric) in values else "-" for name in names]
        lines.append([metric, unit, *cells])
    widths = [max(len(line[i]) for line in lines) for i in range(len(head))]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if i < 2 else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(line, widths, strict=True))
        )
        for line in lines
    )


def verdicts(judged: Iterable[Verdict]) -> str:
    """One line a goal: what was asked, what was seen, whether it is met."""
    return "\n".join(_sentence(verdict) for verdict in judged)


def _sentence(verdict: Verdict) -> str:
    goal = verdict.goal
    sign = ">=" if goal.at_least else "<="
    limit = "?" if verdict.limit is None else _number(verdict.limit)
    seen = "not measured" if verdict.seen is None else _number(verdict.seen)
    mark = {True: "met    ", False: "NOT MET", None: "unknown"}[verdict.is_met]
    against = f" ({' and '.join(goal.than)})" if goal.than else ""
    return f"{mark}  {goal.name} {goal.metric}: {seen}, goal {sign} {limit}{against}"


def _number(value: float) -> str:
    if value >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3f}" if abs(value) < 10 else f"{value:.1f}"
