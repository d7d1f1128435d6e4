"""`python -m bench.replaying.page FILE.json …`: rows of replays as the tables of docs/autoscaler.md.

Several files where several runs shared the work.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

from autoscaler.replay.faults import Fault
from bench.replaying.contestants import CONTESTANTS
from bench.replaying.mishaps import FAULTS, SCENES_WITH_FAULTS
from bench.replaying.playing import FIRST_SIGN
from bench.replaying.scenes import SCENES
from bench.rows import Row

COLUMNS = (
    ("cut", "cut", "{:,.0f}"),
    ("rejected, %", "rejected", "{:.3f}"),
    ("pod-hours", "pod-hours", "{:.3f}"),
    ("utilisation, %", "utilisation", "{:.0f}"),
    ("writes a day", "writes", "{:,.0f}"),
    ("reversals a day", "reversals", "{:,.0f}"),
)
FAULTY = (("cut", "{:,.0f}"), ("rejected", "{:.2f}"))

Figures = dict[tuple[str, str], float]
"""By contestant and metric."""


def tables(rows: list[Row]) -> Iterator[str]:
    """Markdown: a table for each scene without faults, and one of all faults."""
    figures = {(row.name, row.metric): row.value for row in rows}
    for scene in SCENES:
        yield from _scene(scene, figures)
    yield from _faults(figures)


def _scene(scene: str, figures: Figures) -> Iterator[str]:
    names = [name for name in (*CONTESTANTS, FIRST_SIGN) if (name, f"{scene}: cut") in figures]
    if not names:
        return
    yield f"| {scene} | {' | '.join(title for title, _, _ in COLUMNS)} |"
    yield "|---" * (1 + len(COLUMNS)) + "|"
    for name in names:
        cells = [form.format(figures[name, f"{scene}: {metric}"]) for _, metric, form in COLUMNS]
        yield f"| {name} | {' | '.join(cells)} |"
    yield ""


def _faults(figures: Figures) -> Iterator[str]:
    names = [name for name in CONTESTANTS if any(seen == name and ", " in metric for seen, metric in figures)]
    if not names:
        return
    yield f"| cut / rejected % | {' | '.join(names)} |"
    yield "|---" * (1 + len(names)) + "|"
    for scene in SCENES_WITH_FAULTS:
        for fault in FAULTS:
            cells = [_pair(figures, name, scene, fault) for name in names]
            if any(cell != "-" for cell in cells):
                yield f"| {scene}, {fault.value} | {' | '.join(cells)} |"


def _pair(figures: Figures, name: str, scene: str, fault: Fault) -> str:
    values = [(figures.get((name, f"{scene}, {fault.value}: {metric}")), form) for metric, form in FAULTY]
    return " / ".join(form.format(value) for value, form in values if value is not None) or "-"


if __name__ == "__main__":
    files = [json.loads(Path(name).read_text()) for name in sys.argv[1:]]
    print("\n".join(tables([Row(**row) for rows in files for row in rows])))
