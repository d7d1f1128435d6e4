"""Calls to the REST API, and its errors as one sentence each: what, the request id, and what to do."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar

import click

from moorage.cli import running

TIMEOUT = 15.0  # whole call
DEFAULT_URL = "http://127.0.0.1:7401"

ADVICE = {
    "INVALID_API_KEY": "give a key with --key or MOORAGE_API_KEY, or run in the folder that holds data/admin.key",
    "API_KEY_EXPIRED": "make a new API key",
    "PERMISSION_DENIED": "use a key with the scope that it names",
    "NOT_FOUND": "check the id",
    "SESSION_NOT_FOUND": "`moorage session list` shows the ids",
    "WORKER_NOT_FOUND": "`moorage workers` shows the ids",
    "SESSION_LIMIT_EXCEEDED": "end a session first: `moorage session end ID`",
    "NO_CAPACITY": "start workers, or raise their slots",
    "STORE_UNAVAILABLE": "`moorage doctor` checks the store",
    "INTERNAL": "the request id finds the cause in the logs",
}
"""What to do about a code; others explain themselves."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True, repr=False)
class Endpoint:
    """Where the API is, and by which key."""

    url: str
    key: str
    certificate: Path | None  # PEM to trust besides the system's
    data: Path

    def __repr__(self) -> str:
        return f"Endpoint({self.url!r})"


class Problem(click.ClickException):
    """A refusal of the API."""

    def __init__(self, said: Mapping[str, Any]) -> None:
        super().__init__(_sentence(said))
        self.code = str(said.get("code", ""))
        self.said = said


def find_endpoint(url: str | None, key: str | None, data: Path) -> Endpoint:
    """Options beat the environment (click reads it) beats what a running Moorage left in its data folder."""
    here = running.read(data)
    found = url or (here.rest if here else DEFAULT_URL)
    certificate = Path(here.certificate) if here and here.certificate else None
    return Endpoint(found.rstrip("/"), key or _admin_key(data), certificate, data)


def endpoint_options(command: Callable[..., T]) -> Callable[..., T]:
    """Gives a command its first argument, the endpoint, from --url, --key and --data."""

    @click.option("--url", envvar="MOORAGE_URL", help=f"Address of the REST API; {DEFAULT_URL} unless one runs here.")
    @click.option("--key", envvar="MOORAGE_API_KEY", help="API key; else admin.key of the data folder.")
    @click.option("--data", envvar="MOORAGE_DATA", default="data", show_default=True, help="Data folder.")
    @wraps(command)
    def with_endpoint(*, url: str | None, key: str | None, data: str, **given: Any) -> T:
        return command(find_endpoint(url, key, Path(data)), **given)

    return with_endpoint


class Rest:
    """One connection to the API."""

    def __init__(self, endpoint: Endpoint) -> None:
        import httpx

        self._endpoint = endpoint
        try:
            self._http = httpx.Client(
                base_url=f"{endpoint.url}/api/v1",
                headers={"user-agent": "moorage-cli", **_authorization(endpoint.key)},
                timeout=TIMEOUT,
                verify=trusting(endpoint.certificate) if endpoint.url.startswith("https") else True,
            )
        except OSError as error:  # an SSLError is one; httpx reads the authorities for http:// too
            file = os.environ.get("SSL_CERT_FILE") or endpoint.certificate or "the system's store"
            raise click.ClickException(f"no certificate authorities can be read from {file}: {error}") from error

    def call(self, method: str, path: str, *, body: object = None, query: Mapping[str, Any] | None = None) -> Any:
        """The decoded answer, None for 204. Raises Problem, or ClickException where nobody answers."""
        import httpx

        given = {name: value for name, value in (query or {}).items() if value is not None}
        try:
            answer = self._http.request(method, path, json=body, params=given)
        except httpx.TransportError as error:
            raise click.ClickException(_unreachable(self._endpoint.url, error)) from error
        if answer.is_success:
            return answer.json() if answer.content else None
        raise Problem(_problem(answer))

    def close(self) -> None:
        """Closes the connection."""
        self._http.close()


@contextmanager
def rest(endpoint: Endpoint) -> Iterator[Rest]:
    """A connection for the length of a block."""
    api = Rest(endpoint)
    try:
        yield api
    finally:
        api.close()


def trusting(certificate: Path | None) -> Any:
    """A TLS context that trusts the system's authorities and this one file."""
    import ssl

    context = ssl.create_default_context()
    if certificate is not None and certificate.exists():
        context.load_verify_locations(certificate)
    return context


def _authorization(key: str) -> dict[str, str]:
    """Nothing without a key: the API says what is missing. Raises ClickException for what no header can carry."""
    if not key.isascii() or not key.isprintable():
        raise click.ClickException("the API key holds characters that no key has: copy it again")
    return {"authorization": f"Bearer {key}"} if key else {}


def _admin_key(data: Path) -> str:
    try:
        return (data / "admin.key").read_text().strip()
    except OSError:
        return os.environ.get("MOORAGE_ADMIN_KEY", "")


def _problem(answer: Any) -> dict[str, Any]:
    try:
        said = answer.json()
    except ValueError:
        said = None
    fallback = {"code": f"HTTP_{answer.status_code}", "detail": answer.text[:200] or answer.reason_phrase}
    return said if isinstance(said, dict) and "code" in said else fallback


def _sentence(said: Mapping[str, Any]) -> str:
    code = str(said.get("code"))
    detail = str(said.get("detail") or said.get("title") or "refused").rstrip(".")
    asked = f" (request {said['request_id']})" if said.get("request_id") else ""
    wait = f"try again in {said['retry_after']:g} s" if said.get("retry_after") else ""
    advice = "; ".join(part for part in (ADVICE.get(code, ""), wait) if part)
    return f"{code}: {detail}{asked}" + (f". {advice[0].upper()}{advice[1:]}." if advice else ".")


def _unreachable(url: str, error: Exception) -> str:
    return (
        f"nobody answers at {url} ({str(error) or type(error).__name__}): start `moorage up`, "
        "or name the address with --url or MOORAGE_URL"
    )
