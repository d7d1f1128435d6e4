"""Errors as documents: RFC 9457 problem+json with our stable code."""

from __future__ import annotations

from collections.abc import Iterable
from math import ceil
from typing import Any

from moorage.errors import CATALOGUE, Code, MoorageError

CONTENT_TYPE = "application/problem+json"
MAX_NAMED_FIELDS = 5
_SOURCES = ("body", "query", "path", "header")


def problem(error: MoorageError, request_id: str) -> dict[str, Any]:
    """The body of a refusal. `type` is about:blank: the code says what a link would."""
    document: dict[str, Any] = {
        "type": "about:blank",
        "title": CATALOGUE[error.code].meaning,
        "status": status_of(error.code),
        "code": error.code.value,
        "detail": error.detail,
        "request_id": request_id,
        "retryable": error.is_retryable,
    }
    if error.retry_after is not None:
        document["retry_after"] = round(error.retry_after, 3)
    return document


def status_of(code: Code) -> int:
    """The HTTP status; 500 for codes that only a WebSocket sees."""
    return CATALOGUE[code].status or 500


def headers_of(error: MoorageError) -> dict[str, str]:
    """Retry-After in whole seconds, rounded up (RFC 9110 section 10.2.3)."""
    return {} if error.retry_after is None else {"retry-after": str(max(1, ceil(error.retry_after)))}


def wrong_fields(errors: Iterable[dict[str, Any]]) -> str:
    """A sentence that names each wrong field and what it may be, from pydantic's errors; never their values."""
    said = [_wrong_field(error) for error in errors]
    more = len(said) - MAX_NAMED_FIELDS
    return "; ".join(said[:MAX_NAMED_FIELDS]) + (f"; and {more} more" if more > 0 else "")


def _wrong_field(error: dict[str, Any]) -> str:
    where = [str(part)[:80] for part in error.get("loc", ()) if part not in _SOURCES]
    name = ".".join(where) or "the body"
    if error.get("type") == "extra_forbidden":
        return f"{name}: unknown field"
    if error.get("type") == "missing":
        return f"{name}: required"
    if not where and error.get("type") in ("model_attributes_type", "model_type", "dict_type"):
        return "the body: must be a JSON object, sent with content-type application/json"
    message = str(error.get("msg", "is wrong")).removeprefix("Value error, ")
    return f"{name}: {message[:1].lower()}{message[1:]}"
