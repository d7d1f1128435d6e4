"""How a call of the API server fails.

Trouble
├── Refused       it answered, and not with success
├── Unreachable   no answer in time, or none that can be read: a write may have happened
└── NotLeading    nothing was sent: another autoscaler may lead
"""

from __future__ import annotations

from http import HTTPStatus


class Trouble(Exception):
    """Any of them. `retry_after`: seconds, where the server asked for it."""

    retry_after: float | None = None


class Refused(Trouble):
    """The server's own word. `message` is its Status's."""

    def __init__(self, status: int, message: str, retry_after: float | None = None) -> None:
        super().__init__(f"{status}: {message}")
        self.status = status
        self.message = message
        self.retry_after = retry_after

    @property
    def is_absent(self) -> bool:
        """There is no such object, or no such kind."""
        return self.status == HTTPStatus.NOT_FOUND

    @property
    def is_forbidden(self) -> bool:
        """A right is missing, or the credentials are not good."""
        return self.status in (HTTPStatus.FORBIDDEN, HTTPStatus.UNAUTHORIZED)

    @property
    def is_conflict(self) -> bool:
        """Somebody else wrote first: a precondition, a resourceVersion or a JSON Patch test did not hold."""
        return self.status in (HTTPStatus.CONFLICT, HTTPStatus.UNPROCESSABLE_ENTITY)

    @property
    def is_expired(self) -> bool:
        """The resourceVersion, or the page of a list, is too old."""
        return self.status == HTTPStatus.GONE

    @property
    def is_throttled(self) -> bool:
        """Later."""
        return self.status == HTTPStatus.TOO_MANY_REQUESTS


class Unreachable(Trouble):
    """Time-out, reset, TLS, DNS, half an answer."""


class NotLeading(Trouble):
    """Judged right before the write."""
