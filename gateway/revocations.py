"""What was revoked and must stay out although its token verifies. Each entry is kept until no token of its can be valid."""

from __future__ import annotations

from dataclasses import replace

from moorage.tokens import SessionToken
from scheduler.values import Revocation


class Revocations:
    """Revocations in force, by kind and id."""

    def __init__(self) -> None:
        self._by_subject: dict[tuple[str, str], Revocation] = {}

    def add(self, revocation: Revocation) -> None:
        """Several of one subject become one that refuses whatever any of them does."""
        subject = (revocation.kind, revocation.id)
        known = self._by_subject.get(subject, revocation)
        until, before = max(known.until, revocation.until), max(known.before, revocation.before)
        self._by_subject[subject] = replace(revocation, until=until, before=before)

    def refuses(self, token: SessionToken, now: float) -> bool:
        """Whether the token was issued before something it belongs to was revoked."""
        if not self._by_subject:
            return False
        subjects = (
            ("session", token.session),
            ("user", token.user),
            ("key", token.key),
            ("workspace", token.workspace),
        )
        found = [self._by_subject[subject] for subject in subjects if subject in self._by_subject]
        return any(one.until > now and token.issued_at < one.before for one in found)

    def forget(self, now: float) -> None:
        """Drops what is over."""
        self._by_subject = {subject: one for subject, one in self._by_subject.items() if one.until > now}

    def __len__(self) -> int:
        return len(self._by_subject)
