"""What a worker may say of itself when it registers. Bounds keep one worker's words small in everyone's memory."""

from __future__ import annotations

from moorage import dialout
from scheduler.values import Registration

CLAIM_KEY_BYTES = 32
MAX_SLOTS = 100_000
MAX_WORD = 128  # characters of a name, region, pool, version; Kubernetes names have at most 253 together with the pod
MAX_ADDRESS = 260  # "host:port", a DNS name has at most 253
MAX_LABELS = 32
MAX_LABEL = 253  # characters of a key or a value, as Kubernetes allows for keys


def flaw(registration: Registration) -> str | None:
    """The first thing wrong, as a sentence that names the field; None when all is well."""
    if not 1 <= registration.slots <= MAX_SLOTS:
        return f"slots is {registration.slots}; a worker has 1 to {MAX_SLOTS}"
    for field in ("name", "region", "pool"):
        word: str = getattr(registration, field)
        if not 1 <= len(word) <= MAX_WORD or not word.isprintable():
            return f"{field} has 1 to {MAX_WORD} printable characters, this one {len(word)}"
    if len(registration.version) > MAX_WORD:
        return f"version has at most {MAX_WORD} characters, this one {len(registration.version)}"
    if registration.address != dialout.ADDRESS and (
        not 3 <= len(registration.address) <= MAX_ADDRESS or ":" not in registration.address
    ):
        return f"address is neither of the form host:port nor {dialout.ADDRESS}"
    return _labels_flaw(registration) or _sessions_flaw(registration)


def _labels_flaw(registration: Registration) -> str | None:
    if len(registration.labels) > MAX_LABELS:
        return f"labels has {len(registration.labels)} entries; a worker has at most {MAX_LABELS}"
    if any(not 1 <= len(key) <= MAX_LABEL or len(value) > MAX_LABEL for key, value in registration.labels):
        return f"labels has a key or value over {MAX_LABEL} characters, or an empty key"
    if len({key for key, _ in registration.labels}) < len(registration.labels):
        return "labels has two values for one key"
    return None


def _sessions_flaw(registration: Registration) -> str | None:
    if len(registration.sessions) > 2 * registration.slots:  # suspended ones that the store gave up may still be there
        return f"sessions lists {len(registration.sessions)} for {registration.slots} slots"
    return None
