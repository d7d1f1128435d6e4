"""Logs of a program: JSON lines on stderr, or coloured ones on a terminal; libraries' logs in the same form."""

from __future__ import annotations

import logging
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog
from structlog.typing import Processor

SECRET_KEYS = frozenset(
    {"token", "authorization", "api_key", "admin_key", "join_key", "claim_key", "secret", "password"}
)
CHATTY = ("websockets", "uvicorn", "aiosqlite", "alembic", "httpx", "httpcore", "asyncio")


def set_up_logs(level: str, form: str) -> None:
    """`level` debug|info|warning|error, `form` auto|json|console. Replaces whatever was set up before."""
    is_console = form == "console" or (form == "auto" and sys.stderr.isatty())
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        redact,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    stream = logging.StreamHandler(sys.stderr)
    stream.setFormatter(structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=_last(is_console)))
    root = logging.getLogger()
    root.handlers = [stream]
    root.setLevel(level.upper())
    for name in CHATTY:
        logging.getLogger(name).setLevel(logging.WARNING if level != "debug" else logging.INFO)


def redact(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """The last line of defence: values under these names never leave the process."""
    for name in SECRET_KEYS & event.keys():
        event[name] = "***"
    return event


def _last(is_console: bool) -> list[Processor]:
    strip = structlog.stdlib.ProcessorFormatter.remove_processors_meta
    if is_console:
        return [strip, structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())]
    return [strip, structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
