"""What may be said to programs through the chart: their own settings and policies, as JSON Schema."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from autoscaler.policy import PoolPolicy
from moorage.cli.settings import Settings

_OF_ONE_POOL = frozenset({"region", "pool", "target", "rules", "schedules"})
"""Fields that [defaults] of a policy file does not have."""

_ABOUT_PYTHON = frozenset({"title", "default", "unit", "format", "writeOnly"})


def settings() -> dict[str, Any]:
    """All of docs/configuration.md. Which of them the chart decides itself is in templates/_validate.tpl."""
    document = Settings.model_json_schema()
    return _plain(document, document["$defs"])


def policy() -> dict[str, Any]:
    """Names only: `moorage autoscaler check` says what each may be. With `removal`, which the chart puts into the target."""
    return _named([each.name for each in fields(PoolPolicy)] + ["removal"])


def policy_defaults() -> dict[str, Any]:
    """Of all pools."""
    return _named([each.name for each in fields(PoolPolicy) if each.name not in _OF_ONE_POOL])


def _named(names: list[str]) -> dict[str, Any]:
    return {"type": "object", "properties": dict.fromkeys(names, True), "additionalProperties": False}


def _plain(node: Mapping[str, Any], definitions: Mapping[str, Any]) -> dict[str, Any]:
    """Without references and without what only Python reads."""
    if "$ref" in node:
        return _plain(definitions[node["$ref"].rpartition("/")[2]], definitions)
    found: dict[str, Any] = {}
    for key, value in node.items():
        if key == "properties":
            found[key] = {name: _plain(each, definitions) for name, each in value.items()}
        elif key in ("items", "additionalProperties") and isinstance(value, Mapping):
            found[key] = _plain(value, definitions)
        elif key in ("anyOf", "allOf"):
            found[key] = [_plain(each, definitions) for each in value]
        elif key not in _ABOUT_PYTHON and key != "$defs":
            found[key] = value
    if found.get("type") == "array":
        return {"anyOf": [found, {"type": "string"}]}  # with commas, as in the environment
    return found
