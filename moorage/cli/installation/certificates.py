"""Certificates in the release's TLS Secrets: until when they are good."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from moorage.cli.findings import SOON, Finding, Grade
from moorage.cli.installation.documents import Seen

SUBJECT = "TLS"


def examine(seen: Seen) -> Iterator[Finding]:
    """One line a Secret: the earliest end of its chain decides."""
    for secret, chain in sorted(seen.certificates.items()):
        yield _finding(secret, chain, datetime.fromtimestamp(seen.now, UTC))


def _finding(secret: str, chain: str, now: datetime) -> Finding:
    from cryptography.x509 import load_pem_x509_certificates

    try:
        ends = min(each.not_valid_after_utc for each in load_pem_x509_certificates(chain.encode()))
    except ValueError:
        advice = "put a PEM chain into tls.crt and its key into tls.key"
        return Finding(SUBJECT, Grade.FAIL, f"Secret {secret} has no certificate that can be read", advice)
    if ends <= now:
        advice = "renew it: gateways read the Secret again by themselves"
        return Finding(SUBJECT, Grade.FAIL, f"the certificate in Secret {secret} ran out on {ends:%Y-%m-%d}", advice)
    sentence = f"the certificate in Secret {secret} is good until {ends:%Y-%m-%d}"
    if ends - now < SOON:
        days = (ends - now) // timedelta(days=1)
        advice = "renew it (docs/security.md, Rotate); where cert-manager should have, look at its Certificate"
        return Finding(SUBJECT, Grade.WARN, f"{sentence}, {days} days from now", advice)
    return Finding(SUBJECT, Grade.OK, sentence)
