"""How settings are written down: a default, a sentence, a unit, bounds. Groups are made of these."""

from __future__ import annotations

from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_settings import NoDecode

_T = TypeVar("_T")


def _split(value: object) -> object:
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


Commas = Annotated[tuple[_T, ...], NoDecode, BeforeValidator(_split)]
"""A list; in the environment with commas."""


def setting(default: object, about: str, unit: str = "", **bounds: Any) -> Any:
    """One setting."""
    return Field(default=default, description=about, json_schema_extra={"unit": unit}, **bounds)


def group(kind: type[BaseModel], about: str) -> Any:
    """Settings inside settings."""
    return Field(default_factory=kind, description=about)


def port_number(default: int, about: str) -> Any:
    """A listener's."""
    return setting(default, f"{about}; 0 takes a free one", ge=0, le=65535)


class Group(BaseModel):
    """Settings that belong together."""

    model_config = ConfigDict(extra="forbid", frozen=True)
