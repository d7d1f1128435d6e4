"""How many sessions are live at once for each user, key and workspace. A session counts once from its first claim or
its place in the queue until its end, however often its client reconnects."""

from __future__ import annotations

from typing import TypeVar

from moorage.ids import KeyId, UserId, WorkspaceId
from scheduler.values import ClaimRequest


class Limits:
    """Counts that leave nothing behind at zero."""

    __slots__ = ("_keys", "_users", "_workspaces")

    def __init__(self) -> None:
        self._users: dict[UserId, int] = {}
        self._keys: dict[KeyId, int] = {}
        self._workspaces: dict[WorkspaceId, int] = {}

    def __len__(self) -> int:
        return len(self._users) + len(self._keys) + len(self._workspaces)

    def broken_by(self, request: ClaimRequest) -> str | None:
        """What one session more would break, as a sentence; None when there is room."""
        limits = request.limits
        if limits.per_user and self._users.get(request.user, 0) >= limits.per_user:
            return _sentence("user", limits.per_user)
        if limits.per_key and self._keys.get(request.key, 0) >= limits.per_key:
            return _sentence("API key", limits.per_key)
        if limits.per_workspace and self._workspaces.get(request.workspace, 0) >= limits.per_workspace:
            return _sentence("workspace", limits.per_workspace)
        return None

    def add(self, user: UserId, key: KeyId, workspace: WorkspaceId) -> None:
        """One session more."""
        self._users[user] = self._users.get(user, 0) + 1
        self._keys[key] = self._keys.get(key, 0) + 1
        self._workspaces[workspace] = self._workspaces.get(workspace, 0) + 1

    def remove(self, user: UserId, key: KeyId, workspace: WorkspaceId) -> None:
        """One session fewer."""
        _less(self._users, user)
        _less(self._keys, key)
        _less(self._workspaces, workspace)


T = TypeVar("T", bound=str)


def _less(counts: dict[T, int], key: T) -> None:
    left = counts[key] - 1
    if left:
        counts[key] = left
    else:
        del counts[key]


def _sentence(whose: str, most: int) -> str:
    return f"the {whose} has {most} live sessions, its limit; end one or wait"
