"""What `moorage doctor` looks at: the machine, the settings' files and what runs here. Gives findings, changes nothing."""

from __future__ import annotations

import ctypes
import errno
import json
import os
import re
import resource
import socket
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any
from urllib.request import ProxyHandler, build_opener

from moorage.cli import findings, running, serverprobes
from moorage.cli.findings import Finding
from moorage.cli.settings import Settings, TlsGroup

ANSWER_WITHIN = 2.0
_LABEL = re.compile(r'(\w+)="([^"]*)"')
_TIMEX_BYTES = 1024  # struct timex has 208 on 64-bit Linux
_TIME_ERROR = 5  # adjtimex(2): the clock is not synchronised


def examine(settings: Settings) -> Iterator[Finding]:
    """Every check, in the order in which a start would fail."""
    here = running.read(settings.data)
    live = here if here is not None and _answers(here.observe) else None
    yield findings.data_folder(str(settings.data), _folder_error(settings.data))
    yield from _ports(settings, live)
    yield from _certificates(settings)
    yield findings.file_descriptors(*resource.getrlimit(resource.RLIMIT_NOFILE))
    yield findings.clock(is_synchronised=_is_synchronised(), offset_seconds=_offset(live))
    yield from serverprobes.store(settings, is_running=_is_store_up(live))
    if (found := serverprobes.database(settings)) is not None:
        yield found
    if live is not None:
        yield _autoscaler(live)
    yield _relay(settings)
    yield findings.loop(_version("uvloop"))


def port_error(host: str, port: int) -> str | None:
    """Why a port cannot be bound, in words; None where it can."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as sock:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.bind(address)
            sock.listen(1)
    except OSError as error:
        known = {errno.EADDRINUSE: "it is taken", errno.EACCES: "ports below 1024 need privileges"}
        return known.get(error.errno or 0, error.strerror or str(error))
    return None


def doors(settings: Settings) -> list[tuple[str, str, int, str]]:
    """What each listener is for, its address, its port, and the option that changes it."""
    gateway = settings.gateway
    return [
        ("clients", gateway.host or settings.host, gateway.port, "--port"),
        ("REST", settings.controlplane.host or settings.host, settings.controlplane.port, "--rest-port"),
        ("metrics and health", settings.observe.host or settings.host, settings.observe.port, "--metrics-port"),
        ("workers' links", gateway.link_host or settings.host, gateway.link_port, "--link-port"),
    ]


def _ports(settings: Settings, live: running.Running | None) -> Iterator[Finding]:
    ours = (
        {url.rpartition(":")[2].partition("/")[0] for url in (live.node, live.rest, live.observe, live.link)}
        if live
        else set()
    )
    for name, host, number, option in doors(settings):
        if number:
            error = port_error(host, number)
            is_ours = error is not None and str(number) in ours
            yield findings.port(name, f"{host}:{number}", error=error, is_ours=is_ours, option=option)


def _folder_error(folder: Path) -> str | None:
    """A folder that is not there yet is judged by the one it will be made in."""
    nearest = next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())
    try:
        with TemporaryFile(dir=nearest) as file:
            file.write(b"x")
    except OSError as error:
        return error.strerror or str(error)
    return None


def _certificates(settings: Settings) -> Iterator[Finding]:
    for name, group in (("clients", settings.gateway.tls), ("links", settings.gateway.link_tls)):
        if group.certificate and group.key:
            yield _certificate(name, group)


def _certificate(name: str, group: TlsGroup) -> Finding:
    from cryptography.x509 import load_pem_x509_certificate

    assert group.certificate is not None
    now = datetime.now(UTC)
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(group.certificate, group.key)
        expires_at = load_pem_x509_certificate(group.certificate.read_bytes()).not_valid_after_utc
    except (OSError, ValueError) as error:
        return findings.certificate(name, None, getattr(error, "strerror", None) or str(error), now)
    return findings.certificate(name, expires_at, None, now)


def _is_synchronised() -> bool | None:
    """Linux's own word on its clock; None where it gives none."""
    try:
        state = ctypes.CDLL(None, use_errno=True).adjtimex(ctypes.create_string_buffer(_TIMEX_BYTES))
    except (AttributeError, OSError):
        return None
    return None if state < 0 else state != _TIME_ERROR


def _offset(live: running.Running | None) -> float | None:
    """Seconds that this clock is ahead of the API's, by its Date header."""
    url = live.rest if live else os.environ.get("MOORAGE_URL")
    if not url:
        return None
    try:
        with _direct().open(f"{url.rstrip('/')}/livez", timeout=ANSWER_WITHIN) as answer:
            said = answer.headers.get("date")
    except OSError:
        return None
    return (datetime.now(UTC) - parsedate_to_datetime(said)).total_seconds() if said else None


def _is_store_up(live: running.Running | None) -> bool | None:
    if live is None:
        return None
    parts = (_ask(f"{live.observe}/readyz") or {}).get("parts", {})
    return bool(parts.get("store", False))


def _autoscaler(live: running.Running) -> Finding:
    parts = (_ask(f"{live.observe}/readyz") or {}).get("parts", {})
    return findings.autoscaler(is_looking=bool(parts.get("autoscaler", False)), frozen=_frozen(live.observe))


def _frozen(observe: str) -> Iterator[tuple[str, str]]:
    """Pool and reason of each freeze that the metrics show."""
    try:
        with _direct().open(f"{observe}/metrics", timeout=ANSWER_WITHIN) as answer:
            lines = answer.read().decode().splitlines()
    except (OSError, UnicodeDecodeError):
        return
    for line in lines:
        if line.startswith("moorage_autoscaler_frozen{") and line.endswith(" 1.0"):
            labels = dict(_LABEL.findall(line))
            yield f"{labels.get('region')}/{labels.get('pool')}", labels.get("reason", "")


def _answers(observe: str) -> bool:
    return _ask(f"{observe}/livez") is not None


def _ask(url: str) -> dict[str, Any] | None:
    """The JSON body, also of a 503; None where nobody of ours answers."""
    try:
        with _direct().open(url, timeout=ANSWER_WITHIN) as answer:
            said = json.load(answer)
    except (OSError, ValueError) as error:
        body = getattr(error, "fp", None)
        try:
            said = json.load(body) if body is not None else None
        except (OSError, ValueError):
            return None
        finally:
            if body is not None:
                body.close()
    return said if isinstance(said, dict) else None


def _direct() -> Any:
    return build_opener(ProxyHandler({}))


def _relay(settings: Settings) -> Finding:
    from gateway.io import engine

    wanted, has_tls = (
        settings.gateway.wire,
        settings.gateway.tls.enabled or settings.gateway.tls.certificate is not None,
    )
    can_run = engine.pump is not None and (engine.pump.TLS_LIBRARY_IS_SHARED or not has_tls)
    if wanted == "pure":
        return findings.relay("pure", "gateway.wire asks for it")
    if can_run:
        return findings.relay("compiled", engine.available())
    if wanted == "compiled":
        return findings.relay(None, f"gateway.wire asks for the compiled relay, but {engine.available()}")
    return findings.relay("pure", engine.available())


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
