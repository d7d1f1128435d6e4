"""How our `websockets` servers refuse an upgrade: a status of the catalogue, and why as a problem document."""

from __future__ import annotations

import json

from websockets.asyncio.server import ServerConnection
from websockets.http11 import Response

from moorage.errors import CATALOGUE, Code


def problem(connection: ServerConnection, code: Code, detail: str) -> Response:
    """The answer instead of a 101."""
    status = CATALOGUE[code].status or 503
    response = connection.respond(status, json.dumps({"code": code.value, "status": status, "detail": detail}))
    del response.headers["Content-Type"]
    response.headers["Content-Type"] = "application/problem+json"
    if status == 503:
        response.headers["Retry-After"] = "1"
    return response
