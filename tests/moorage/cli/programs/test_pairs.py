"""A certificate and a key that cannot be used are said at once."""

from __future__ import annotations

from pathlib import Path

import pytest
import trustme

from gateway.policy import TlsFiles
from moorage.cli.programs.pairs import check_pair
from moorage.cli.sources import WrongSetting


def a_pair(folder: Path, name: str) -> TlsFiles:
    made = trustme.CA().issue_cert("127.0.0.1")
    files = TlsFiles(folder / f"{name}.crt", folder / f"{name}.key")
    made.cert_chain_pems[0].write_to_path(str(files.certificate))
    made.private_key_pem.write_to_path(str(files.key))
    return files


def test_a_pair_that_fits_is_fine_and_so_is_none(tmp_path: Path) -> None:
    check_pair(a_pair(tmp_path, "a"), "gateway.tls")
    check_pair(None, "gateway.tls")


def test_a_key_of_another_certificate_is_named(tmp_path: Path) -> None:
    files = TlsFiles(a_pair(tmp_path, "a").certificate, a_pair(tmp_path, "b").key)

    with pytest.raises(
        WrongSetting, match=r"gateway\.tls\.certificate .*a\.crt and .*b\.key are no PEM chain with its key"
    ):
        check_pair(files, "gateway.tls")


def test_a_file_of_something_else_is_named(tmp_path: Path) -> None:
    files = a_pair(tmp_path, "a")
    files.certificate.write_text("nothing")

    with pytest.raises(WrongSetting, match="are no PEM chain with its key"):
        check_pair(files, "gateway.tls")


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    files = TlsFiles(tmp_path / "none.crt", tmp_path / "none.key")

    with pytest.raises(FileNotFoundError, match=r"none\.crt"):
        check_pair(files, "gateway.link_tls")
