"""The `Moorage-Claim` header: `<worker>.<session>.<fence>.<mac>`, by which a worker knows that the gateway sent a client.

The MAC is HMAC-SHA256 over the first three parts, with the key the worker got when it registered, in base64url
without padding. A worker refuses whoever bypasses the gateway, and attaches with an old fence.
"""

from __future__ import annotations

import hmac
from typing import NamedTuple

from moorage.ids import SessionId, WorkerId
from moorage.macs import mac


class Claim(NamedTuple):
    """Which session is at which worker, by which attach."""

    worker: WorkerId
    session: SessionId
    fence: int


def sign_claim(claim: Claim, key: bytes) -> str:
    """The header's value."""
    said = f"{claim.worker}.{claim.session}.{claim.fence}"
    return f"{said}.{mac(said.encode(), key).decode()}"


def verify_claim(text: str, key: bytes) -> Claim:
    """Raises ValueError saying what is wrong; never which part of the MAC."""
    parts = text.split(".")
    if len(parts) != 4 or not parts[2].isdecimal() or len(text) > 256:
        raise ValueError("Moorage-Claim has not the form worker.session.fence.mac")
    worker, session, fence, shown = parts
    if not hmac.compare_digest(shown.encode(), mac(f"{worker}.{session}.{fence}".encode(), key)):
        raise ValueError("Moorage-Claim was not made with this worker's key")
    return Claim(WorkerId(worker), SessionId(session), int(fence))
