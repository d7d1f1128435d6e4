"""What was revoked and must stay out although its token verifies. Each entry is kept until no token of its can be valid."""

from __future__ import annotations

from dataclasses import replace
from typing import Protocol

from moorage.ids import KeyId, SessionId, UserId, WorkspaceId
from scheduler.values import Revocation


class Bearer(Protocol):
    """Whoever came in, or wants to, by a token: the token itself, or an attachment."""

    @property
    def session(self) -> SessionId: ...
    @property
    def user(self) -> UserId: ...
    @property
    def workspace(self) -> WorkspaceId: ...
    @property
    def key(self) -> KeyId: ...
    @property
    def issued_at(self) -> float: ...


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

    def refuses(self, bearer: Bearer, now: float) -> bool:
        """Whether its token was issued before something it belongs to was revoked."""
        return self.covering(bearer, now) is not None

    def covering(self, bearer: Bearer, now: float) -> Revocation | None:
        """The revocation that it falls under."""
        known = self._by_subject
        if not known:
            return None
        for subject in (
            ("session", bearer.session),
            ("user", bearer.user),
            ("key", bearer.key),
            ("workspace", bearer.workspace),
        ):
            one = known.get(subject)
            if one is not None and one.until > now and bearer.issued_at < one.before:
                return one
        return None

    def forget(self, now: float) -> None:
        """Drops what is over."""
        self._by_subject = {subject: one for subject, one in self._by_subject.items() if one.until > now}

    def __len__(self) -> int:
        return len(self._by_subject)
