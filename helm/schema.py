"""values.schema.json from the shape of the values: no key that is not there, and no value of another kind."""

from __future__ import annotations

from typing import Any

from helm import programs
from helm.bounds import bound
from helm.shape import Value

POOLS = "pools"
POOL = "poolDefaults"

_PROGRAMS = {
    "settings": programs.settings,
    f"{POOL}.policy": programs.policy,
    "autoscaler.policyDefaults": programs.policy_defaults,
}
"""What is free for the chart, and not for who reads it."""

_TYPES = {bool: "boolean", int: "integer", float: "number", str: "string"}


def schema(values: Value) -> dict[str, Any]:
    """JSON Schema, draft 7, as helm reads it."""
    parts = {part.path[0]: part for part in values.parts}
    properties = {name: _pools(part) if name == POOLS else _of(part) for name, part in parts.items()}
    pool = properties[POOL]
    whole = {"type": "object", "required": _required(parts[POOL])}
    properties[POOL] = {"description": parts[POOL].about, "allOf": [{"$ref": "#/definitions/pool"}, whole]}
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "Values of the moorage chart",
        "type": "object",
        "definitions": {"pool": {**pool, "type": ["object", "null"]}},
        # `global` is Helm's own: it is there wherever this chart is part of another.
        "properties": {**properties, "global": {"type": "object"}},
        "required": _required(values),
        "additionalProperties": False,
    }


def _of(value: Value) -> dict[str, Any]:
    about = {"description": value.about} if value.about else {}
    if value.name in _PROGRAMS:
        return {**_PROGRAMS[value.name](), **about}
    if (found := bound(value.name)) is not None:
        return {**about, **found}
    if value.parts:
        return {**about, **_table(value)}
    if value.default == {}:
        return {**about, "type": "object"}
    kind = _TYPES.get(type(value.default))
    if kind is None:
        raise ValueError(
            f"{value.name}: its default {value.default!r} does not say what it may be: add it to helm/bounds.py"
        )
    return {**about, "type": kind, **({"minimum": 0} if kind == "integer" else {})}


def _table(value: Value) -> dict[str, Any]:
    table: dict[str, Any] = {"type": "object", "properties": {part.path[-1]: _of(part) for part in value.parts}}
    if value.path[0] != POOL:  # a pool says what differs
        table["required"] = _required(value)
    return {**table, "additionalProperties": False}


def _required(value: Value) -> list[str]:
    """Who writes `null`, or a key without a value, takes the default away: what templates read without asking must be there.
    An empty list or table may go."""
    return [part.path[-1] for part in value.parts if part.default not in (None, [], {})]


def _pools(value: Value) -> dict[str, Any]:
    """What a pool may be called is in templates/_validate.tpl: the schema could not say it in words."""
    return {
        "description": value.about,
        "type": "object",
        "additionalProperties": {"$ref": "#/definitions/pool"},
    }
