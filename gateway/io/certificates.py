"""Certificates that are read again when their files change, and on SIGHUP. Live connections keep what they have."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from pathlib import Path

import structlog
from cryptography import x509

from gateway.io.metrics import GatewayMetrics
from gateway.io.wire import TlsContext
from gateway.policy import TlsFiles

log = structlog.get_logger(__name__)


Load = Callable[[Path, Path], TlsContext]


class Certificates:
    """The context in force. `load` makes one of a certificate and a key; it raises ssl.SSLError or OSError. `use` is the
    metric's label: clients, links."""

    def __init__(self, load: Load, files: TlsFiles | None, metrics: GatewayMetrics, use: str) -> None:
        self._load = load
        self._files = files
        self._metrics = metrics
        self._use = use
        self._seen = _stamps(files)
        self._context = self._loaded(files) if files else None

    def current(self) -> TlsContext | None:
        """None where TLS is off."""
        return self._context

    def reload_if_changed(self) -> None:
        """Looks at the files; a broken pair keeps the old context and is said once per change."""
        stamps = _stamps(self._files)
        if stamps != self._seen:
            self._seen = stamps
            self.reload()

    def reload(self) -> None:
        """Reads the files now."""
        if self._files is None:
            return
        try:
            self._context = self._loaded(self._files)
        except (ssl.SSLError, OSError) as error:
            self._metrics.certificate_reloads.labels("failed").inc()
            log.error("certificate_not_reloaded", certificate=str(self._files.certificate), why=str(error))
        else:
            self._metrics.certificate_reloads.labels("ok").inc()
            log.info("certificate_reloaded", certificate=str(self._files.certificate))

    def _loaded(self, files: TlsFiles) -> TlsContext:
        context = self._load(files.certificate, files.key)
        if (ends_at := _ends_at(files.certificate)) is not None:
            self._metrics.certificate_expiry.labels(self._use).set(ends_at)
        return context


def _ends_at(certificate: Path) -> float | None:
    """Unix time at which the first certificate of the chain ends; None for what only OpenSSL can read."""
    try:
        return x509.load_pem_x509_certificates(certificate.read_bytes())[0].not_valid_after_utc.timestamp()
    except ValueError:
        return None


def _stamps(files: TlsFiles | None) -> list[tuple[int, int, int] | None]:
    return [_stamp(path) for path in (files.certificate, files.key)] if files else []


def _stamp(path: Path) -> tuple[int, int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino
