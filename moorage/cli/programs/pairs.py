"""Whether a certificate and its key can be used, before anything is waited for."""

from __future__ import annotations

import ssl

from gateway.policy import TlsFiles
from moorage.cli.sources import WrongSetting


def check_pair(files: TlsFiles | None, setting: str) -> None:
    """`setting` is the name of their table. Raises WrongSetting for files that are no pair, OSError naming an unreadable one."""
    if files is None:
        return
    for path in (files.certificate, files.key):
        path.open("rb").close()
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(files.certificate, files.key, password=_none)
    except (ssl.SSLError, ValueError) as error:
        why = error.reason if isinstance(error, ssl.SSLError) and error.reason else str(error)
        raise WrongSetting(
            f"{setting}.certificate {files.certificate} and {setting}.key {files.key} are no PEM chain with its key: {why}"
        ) from error


def _none() -> str:
    """OpenSSL would ask the terminal."""
    raise ValueError("the key is locked with a password")
