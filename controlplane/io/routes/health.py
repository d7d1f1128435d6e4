"""GET /livez, /readyz, /.well-known/jwks.json: for machines, without a key."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Any

from fastapi import APIRouter, Response

from controlplane.io.routes.dependencies import Ctx

CHECK_SECONDS = 2.0

router = APIRouter(tags=["health"])


@router.get("/livez")
async def livez() -> dict[str, str]:
    """The process answers."""
    return {"status": "ok"}


@router.get("/readyz")
async def readyz(context: Ctx, response: Response) -> dict[str, Any]:
    """The database and the store can be reached; else 503 saying which cannot."""
    database, store = await asyncio.gather(_check(context.database.ping()), _check(context.store.nodes()))
    if not (database == store == "ok"):
        response.status_code = 503
    return {"status": "ok" if response.status_code != 503 else "unready", "database": database, "store": store}


@router.get("/.well-known/jwks.json")
async def jwks(context: Ctx, response: Response) -> dict[str, Any]:
    """Public keys that verify session tokens. A shared secret has no public half: then the list is empty."""
    response.headers["cache-control"] = "public, max-age=300"
    return context.keys.current.jwks()


async def _check(asking: Awaitable[object]) -> str:
    try:
        async with asyncio.timeout(CHECK_SECONDS):
            await asking
    except Exception:
        return "unreachable"
    return "ok"
