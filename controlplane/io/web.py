"""The FastAPI application: routes, strict JSON, and every error as a problem document."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

import structlog
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from controlplane.io.callers import Callers
from controlplane.io.context import Context
from controlplane.io.edge import EXCHANGE, Exchange
from controlplane.io.routes import (
    audit,
    capacity,
    drains,
    gateways,
    health,
    joinkeys,
    keys,
    revocations,
    scaling,
    sessions,
    tokens,
    workers,
)
from controlplane.io.routes.dependencies import API
from controlplane.io.troubles import FAILURES, typed
from controlplane.problems import CONTENT_TYPE, headers_of, problem, status_of, wrong_fields
from moorage import __version__
from moorage.errors import Code, MoorageError, error_for
from scheduler.store import Unavailable

STORE_RETRY = 1.0
_CODES = {404: Code.NOT_FOUND, 405: Code.METHOD_NOT_ALLOWED, 413: Code.BODY_TOO_LARGE}

_log = structlog.get_logger("moorage.controlplane.http")


def application(context: Context, callers: Callers) -> FastAPI:
    """Not yet wrapped in the edge."""
    app = FastAPI(
        title="Moorage",
        summary="Sessions, tokens, workers and capacity of a Moorage fleet",
        version=__version__,
        openapi_url=f"{API}/openapi.json",
        docs_url=f"{API}/docs",
        swagger_ui_oauth2_redirect_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    app.state.context = context
    app.state.callers = callers
    for resource in (
        sessions,
        tokens,
        revocations,
        keys,
        workers,
        drains,
        scaling,
        gateways,
        joinkeys,
        audit,
        capacity,
        health,
    ):
        app.include_router(resource.router)
    for kind, answer in _answers(context).items():
        app.add_exception_handler(kind, answer)
    return app


Answer = Callable[[Request, Exception], Coroutine[Any, Any, Response]]


def _answers(context: Context) -> dict[type[Exception], Answer]:
    def answering(to_error: Callable[[Any], MoorageError]) -> Answer:
        async def answer(request: Request, error: Exception) -> Response:
            known = to_error(error)
            context.metrics.refusals.labels(known.code.value).inc()
            exchange: Exchange = request.scope[EXCHANGE]
            exchange.code = known.code.value
            if isinstance(error, FAILURES):
                _log.error("database_failed", request_id=exchange.request_id, error=str(getattr(error, "orig", error)))
            return _problem_response(known, exchange, getattr(error, "headers", None))

        return answer

    return {
        MoorageError: answering(lambda error: error),
        RequestValidationError: answering(_invalid),
        HTTPException: answering(_http),
        Unavailable: answering(_store_away),
        **{kind: answering(typed) for kind in FAILURES},
    }


def _problem_response(error: MoorageError, exchange: Exchange, headers: dict[str, str] | None) -> Response:
    return JSONResponse(
        problem(error, exchange.request_id),
        status_of(error.code),
        headers={**(headers or {}), **headers_of(error)},
        media_type=CONTENT_TYPE,
    )


def _invalid(error: RequestValidationError) -> MoorageError:
    return error_for(Code.UNPROCESSABLE, wrong_fields(error.errors()))


def _http(error: HTTPException) -> MoorageError:
    return error_for(_CODES.get(error.status_code, Code.BAD_REQUEST), error.detail if error.status_code == 400 else "")


def _store_away(error: Unavailable) -> MoorageError:
    return error_for(Code.STORE_UNAVAILABLE, "the fleet's store cannot be reached: try again", retry_after=STORE_RETRY)
