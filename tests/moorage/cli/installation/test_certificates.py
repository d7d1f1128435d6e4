"""Until when certificates are good."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import trustme
from cryptography.x509 import load_pem_x509_certificate

from moorage.cli.findings import Finding, Grade
from moorage.cli.installation import (
    certificates,
)
from tests.moorage.cli.installation.builders import a_look


def judged(left: timedelta) -> Finding:
    chain = trustme.CA().issue_cert("a").cert_chain_pems[0].bytes().decode()
    ends = load_pem_x509_certificate(chain.encode()).not_valid_after_utc
    seen = replace(a_look(certificates={"m-tls": chain}), now=(ends - left).timestamp())
    [found] = certificates.examine(seen)
    return found


def test_a_certificate_is_judged_by_its_end() -> None:
    assert judged(timedelta(days=40)).grade is Grade.OK
    assert judged(timedelta(days=3)).grade is Grade.WARN
    assert "3 days from now" in judged(timedelta(days=3)).sentence
    assert judged(timedelta(days=-1)).grade is Grade.FAIL


def test_what_is_no_certificate_fails() -> None:
    [found] = certificates.examine(a_look(certificates={"m-tls": "nothing"}))

    assert (found.grade, found.sentence) == (Grade.FAIL, "Secret m-tls has no certificate that can be read")
