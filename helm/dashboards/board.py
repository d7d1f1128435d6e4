"""A dashboard's panels, and the JSON that Grafana makes a page of. It knows no metric."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

WIDTH = 24  # of Grafana's grid
HEIGHT = 8
STAT_HEIGHT = 4
SOURCE = {"type": "prometheus", "uid": "${datasource}"}

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Line:
    """One query, and how its series are called: {{label}} stands for a label's value."""

    expression: str
    legend: str


@dataclass(frozen=True, slots=True)
class Panel:
    """`unit` is Grafana's: short, s, Bps, percentunit, reqps, bytes. A `stat` shows the newest value as a number."""

    title: str
    about: str
    unit: str
    lines: tuple[Line, ...]
    width: int = 8
    is_stat: bool = False
    is_stacked: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """Panels under one heading."""

    title: str
    panels: tuple[Panel, ...]


@dataclass(frozen=True, slots=True)
class Variable:
    """Chosen at the top of the page: the values that `label` has in `metric`."""

    label: str
    metric: str
    is_many: bool = True


@dataclass(frozen=True, slots=True)
class Board:
    """One page."""

    name: str
    title: str
    variables: tuple[Variable, ...]
    rows: tuple[Row, ...]


def document(board: Board) -> Document:
    """What Grafana imports, and its sidecar reads from a ConfigMap."""
    return {
        "uid": f"moorage-{board.name}",
        "title": board.title,
        "tags": ["moorage"],
        "schemaVersion": 39,
        "version": 1,
        "editable": True,
        "graphTooltip": 1,
        "refresh": "30s",
        "time": {"from": "now-3h", "to": "now"},
        "timezone": "browser",
        "templating": {"list": [_source(), *map(_variable, board.variables)]},
        "links": [
            {"type": "dashboards", "tags": ["moorage"], "asDropdown": True, "title": "Moorage", "keepTime": True}
        ],
        "panels": [{"id": number, **panel} for number, panel in enumerate(_panels(board), 1)],
    }


def _source() -> Document:
    return {"name": "datasource", "label": "Prometheus", "type": "datasource", "query": "prometheus"}


def _variable(variable: Variable) -> Document:
    scope = "" if variable.label == "namespace" else '{namespace="$namespace"}'
    query = f"label_values({variable.metric}{scope}, {variable.label})"
    return {
        "name": variable.label,
        "type": "query",
        "datasource": SOURCE,
        "query": {"query": query, "refId": variable.label},
        "definition": query,
        "refresh": 2,
        "sort": 1,
        "multi": variable.is_many,
        "includeAll": variable.is_many,
        **({"allValue": ".*", "current": {"text": "All", "value": "$__all"}} if variable.is_many else {}),
    }


def _panels(board: Board) -> Iterator[Document]:
    """From left to right, a new line where a panel does not fit any more."""
    y = 0
    for row in board.rows:
        yield {"type": "row", "title": row.title, "collapsed": False, "panels": [], "gridPos": _place(0, y, WIDTH, 1)}
        x, y = 0, y + 1
        height = STAT_HEIGHT if all(panel.is_stat for panel in row.panels) else HEIGHT
        for panel in row.panels:
            if x + panel.width > WIDTH:
                x, y = 0, y + height
            yield {**_panel(panel), "gridPos": _place(x, y, panel.width, height)}
            x += panel.width
        y += height


def _place(x: int, y: int, width: int, height: int) -> Document:
    return {"x": x, "y": y, "w": width, "h": height}


def _panel(panel: Panel) -> Document:
    custom = {
        "fillOpacity": 20 if panel.is_stacked else 5,
        "stacking": {"mode": "normal" if panel.is_stacked else "none"},
    }
    defaults: Document = {"unit": panel.unit, "min": 0, **({} if panel.is_stat else {"custom": custom})}
    return {
        "type": "stat" if panel.is_stat else "timeseries",
        "title": panel.title,
        "description": panel.about,
        "datasource": SOURCE,
        "fieldConfig": {"defaults": defaults, "overrides": []},
        "options": _STAT if panel.is_stat else _SERIES,
        "targets": [
            {
                "refId": chr(ord("A") + number),
                "datasource": SOURCE,
                "expr": line.expression,
                "legendFormat": line.legend,
            }
            for number, line in enumerate(panel.lines)
        ],
    }


_STAT = {"reduceOptions": {"calcs": ["lastNotNull"]}, "colorMode": "value", "graphMode": "area"}
_SERIES = {"legend": {"displayMode": "list", "placement": "bottom"}, "tooltip": {"mode": "multi", "sort": "desc"}}
