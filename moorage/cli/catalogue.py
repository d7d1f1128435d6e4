"""The settings as data: what documentation, error sentences and `moorage config` say of each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import BaseModel, TypeAdapter
from pydantic.fields import FieldInfo

from moorage.cli.settings import Settings

FLAGS = {
    ("data",): "--data",
    ("host",): "--host",
    ("log_level",): "--log-level",
    ("store", "url"): "--store",
    ("up", "gateways"): "--gateways",
    ("gateway", "port"): "--port",
    ("gateway", "node"): "--node",
    ("gateway", "link_port"): "--link-port",
    ("gateway", "drain_seconds"): "--drain-seconds",
    ("gateway", "tls", "enabled"): "--tls",
    ("gateway", "tls", "certificate"): "--tls-cert",
    ("gateway", "tls", "key"): "--tls-key",
    ("autoscaler", "policy"): "--policy",
    ("autoscaler", "kubeconfig"): "--kubeconfig",
    ("observe", "port"): "--metrics-port",
    ("controlplane", "port"): "--rest-port",
    ("controlplane", "database_url"): "--database",
    ("workers", "count"): "--workers",
    ("workers", "minimum"): "--min-workers",
    ("workers", "maximum"): "--max-workers",
    ("workers", "shrink_after_seconds"): "--shrink-after",
    ("workers", "slots"): "--slots",
    ("workers", "target"): "--target",
}
"""Settings that a program also takes as an option."""


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting, as people are told of it."""

    name: tuple[str, ...]
    about: str
    unit: str
    default: object
    may_be: str
    is_secret: bool
    flag: str | None

    @staticmethod
    def plain(value: object) -> object:
        """A value without our types: for JSON and tables."""
        match value:
            case Path():
                return str(value)
            case Enum():
                return value.value
            case tuple():
                return [Setting.plain(part) for part in value]
            case BaseModel():
                return Setting.plain(value.model_dump())
            case dict():
                return {name: Setting.plain(part) for name, part in value.items()}
            case None | bool() | int() | float() | str():
                return value
            case _:
                return str(value)


@cache
def catalogue() -> tuple[Setting, ...]:
    """All settings in the order of their definition."""
    return tuple(_walk(Settings, ()))


def groups() -> dict[tuple[str, ...], str]:
    """The sentence of each group, by its name; () is the top."""
    return dict(_groups(Settings, ()))


def _groups(model: type[BaseModel], above: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], str]]:
    yield above, (model.__doc__ or "").strip()
    for key, field in model.model_fields.items():
        if (inner := _inner(field)) is not None:
            yield from _groups(inner, (*above, key))


def _walk(model: type[BaseModel], above: tuple[str, ...]) -> Iterator[Setting]:
    nested: list[tuple[str, type[BaseModel]]] = []
    for key, field in model.model_fields.items():
        if (inner := _inner(field)) is not None:
            nested.append((key, inner))
        else:
            yield _setting((*above, key), field)
    for key, inner in nested:
        yield from _walk(inner, (*above, key))


def _inner(field: FieldInfo) -> type[BaseModel] | None:
    kind = field.annotation
    return kind if isinstance(kind, type) and issubclass(kind, BaseModel) else None


def _setting(name: tuple[str, ...], field: FieldInfo) -> Setting:
    extra = field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}
    schema = TypeAdapter(field.rebuild_annotation()).json_schema()
    return Setting(
        name=name,
        about=field.description or "",
        unit=str(extra.get("unit", "")),
        default=Setting.plain(field.default),
        may_be=_may_be(schema),
        is_secret="password" in str(schema),
        flag=FLAGS.get(name),
    )


_WORDS = {"integer": "a whole number", "number": "a number", "boolean": "true or false", "string": "a text"}


def _may_be(schema: dict[str, Any]) -> str:
    if "$ref" in schema:
        schema = schema["$defs"][schema["$ref"].rpartition("/")[2]]
    choices = [part for part in schema.get("anyOf", []) if part.get("type") != "null"]
    if choices:
        return _may_be(choices[0])
    if "enum" in schema:
        return " or ".join(map(str, schema["enum"]))
    if schema.get("format") == "path":
        return "a path"
    if schema.get("type") == "object":
        parts = str(schema.get("additionalProperties", ""))
        return f"a table of tables with {'file, pool and region' if 'JoinKey' in parts else 'pools and labels'}"
    if schema.get("type") == "array":
        kinds = {"network": "networks like 10.0.0.0/8", "'path'": "paths"}
        return next((many for kind, many in kinds.items() if kind in str(schema)), "texts") + ", separated by commas"
    return _WORDS.get(str(schema.get("type")), "a text") + _range(schema)


def _range(schema: dict[str, Any]) -> str:
    low, high, over = schema.get("minimum"), schema.get("maximum"), schema.get("exclusiveMinimum")
    if low is not None and high is not None:
        return f" from {low} to {high}"
    if low is not None:
        return f" from {low:g} up"
    if over is not None:
        return f" over {over:g}"
    return ", not empty" if schema.get("minLength") else ""
