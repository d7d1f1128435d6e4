"""The token a client shows, from wherever it comes."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable

from moorage.errors import Code, MoorageError, error_for

TOKEN_SECONDS = 10.0

Token = str | Callable[[], str | Awaitable[str]]
"""A token, or a function (plain or async) that fetches a fresh one."""


class Credentials:
    """Keeps the token it has until a gateway refuses it."""

    def __init__(self, token: Token) -> None:
        self._source = token
        self._token = token if isinstance(token, str) else None

    @property
    def is_renewable(self) -> bool:
        """Whether a refused token can be replaced by a fresh one."""
        return not isinstance(self._source, str)

    async def token(self) -> str:
        """Raises MoorageError INVALID_SESSION_TOKEN when the function fails or takes longer than TOKEN_SECONDS."""
        if self._token is None:
            self._token = await self._fetched()
        return self._token

    def refuse(self) -> None:
        """The gateway does not take it: the next one is fetched."""
        if self.is_renewable:
            self._token = None

    async def _fetched(self) -> str:
        assert not isinstance(self._source, str)
        try:
            async with asyncio.timeout(TOKEN_SECONDS):
                token = self._source()
                return await token if inspect.isawaitable(token) else token
        except MoorageError:
            raise
        except Exception as error:
            why = f"no fresh token: {type(error).__name__}"  # its text may hold the token
            raise error_for(Code.INVALID_SESSION_TOKEN, why) from error
