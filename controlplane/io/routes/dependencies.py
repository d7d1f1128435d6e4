"""What routes depend on: the context, a checked caller, strict JSON, and the forms of fields."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Annotated, Any

from fastapi import Depends, Request, Response
from fastapi.routing import APIRoute
from fastapi.security import APIKeyHeader, HTTPBearer
from pydantic import BaseModel, ConfigDict, StringConstraints
from pydantic_core import from_json
from starlette.exceptions import HTTPException

from controlplane.io.callers import Callers
from controlplane.io.context import Context
from controlplane.io.edge import EXCHANGE, Exchange
from controlplane.keys import Caller, missing
from controlplane.scopes import Permission
from moorage.errors import Code, error_for

API = "/api/v1"

_SHOWN = (
    r"[^\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]"  # no control of a terminal, no line end, no turn of direction
)
Text = Annotated[str, StringConstraints(min_length=1, max_length=256, pattern=f"^{_SHOWN}+$")]
Name = Annotated[str, StringConstraints(min_length=1, max_length=63, pattern=r"^[A-Za-z0-9][A-Za-z0-9._/-]*$")]
Reason = Annotated[str, StringConstraints(max_length=256, pattern=f"^{_SHOWN}*$")]

_BEARER = HTTPBearer(auto_error=False, description="an API key `ak_…`, or a join key `jk_…` where workers speak")
_HEADER = APIKeyHeader(name="x-api-key", auto_error=False)


class Asked(BaseModel):
    """A request's body: unknown fields are refused."""

    model_config = ConfigDict(extra="forbid")


class Told(BaseModel):
    """A part of an answer."""

    model_config = ConfigDict(extra="forbid")


class Problem(Told):
    """A refusal (RFC 9457)."""

    type: str
    title: str
    status: int
    code: str
    detail: str
    request_id: str
    retryable: bool
    retry_after: float | None = None


PROBLEMS: dict[int | str, dict[str, Any]] = {
    "4XX": {"model": Problem, "description": "Refused; `code` says why"},
    "5XX": {"model": Problem, "description": "Failed; `retryable` says whether to try again"},
}


class StrictRequest(Request):
    """JSON as RFC 8259 has it: no NaN, no lone surrogates, no bottomless nesting."""

    async def json(self) -> Any:
        """Raises HTTPException 400 saying where it stops being JSON."""
        try:
            return from_json(await self.body(), allow_inf_nan=False)
        except ValueError as error:
            raise HTTPException(400, f"the body is not JSON: {error}") from error


class StrictRoute(APIRoute):
    """A route that reads its body strictly."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """FastAPI's hook for it."""
        inner = super().get_route_handler()

        async def handle(request: Request) -> Response:
            return await inner(StrictRequest(request.scope, request.receive))

        return handle


async def context_of(request: Request) -> Context:
    """The application's context. Async: FastAPI would send a plain function to a thread, 0.2 ms a request."""
    context: Context = request.app.state.context
    return context


def callers_of(request: Request) -> Callers:
    """The application's callers."""
    callers: Callers = request.app.state.callers
    return callers


async def credential_of(request: Request) -> str:
    """The bearer token or x-api-key, unchecked; empty where there is none."""
    scheme, _, text = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and text.strip():
        return text.strip()
    return request.headers.get("x-api-key", "")


async def admitted(request: Request, permission: Permission | None) -> Caller:
    """The caller, with this permission (None: what it needs depends on what it asks) and within its pace; raises otherwise."""
    caller, paced = await callers_of(request).caller(await credential_of(request))
    exchange: Exchange = request.scope[EXCHANGE]
    if paced is not None:
        exchange.headers.update(paced.headers)
        if paced.retry_after:
            detail = f"this API key may send {caller.rate.per_minute} requests/min and {caller.rate.per_hour}/h"
            raise error_for(Code.RATE_LIMIT_EXCEEDED, detail, retry_after=paced.retry_after)
    refused = None if permission is None else missing(caller, permission)
    if refused is not None:
        raise refused
    return caller


def allowed(permission: Permission | None) -> Any:
    """Depends on a caller with this permission (None: any caller), within its pace."""

    async def check(
        request: Request, _bearer: Annotated[Any, Depends(_BEARER)], _key: Annotated[Any, Depends(_HEADER)]
    ) -> Caller:
        return await admitted(request, permission)

    return Depends(check)


Ctx = Annotated[Context, Depends(context_of)]
Credentials = Annotated[str, Depends(credential_of)]
