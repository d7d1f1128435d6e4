"""What programs leave for each other: drains, roles, the keys of tokens and of workers. Nothing here places a session."""

from __future__ import annotations

from dataclasses import dataclass, field

from scheduler.values import DrainPlan, DrainState, JoinKey


@dataclass(slots=True)
class Board:
    """Replaced piece by piece; the store decides nothing from it."""

    drains: dict[str, DrainPlan] = field(default_factory=dict)
    roles: dict[str, tuple[str, float]] = field(default_factory=dict)  # who has it, until when
    join_keys: dict[str, JoinKey] = field(default_factory=dict)
    token_keys: bytes | None = None

    def put(self, drain: DrainPlan) -> bool:
        """A cancelled plan gives way to a cancelled one only."""
        known = self.drains.get(drain.id)
        if known is not None and known.state is DrainState.CANCELLED is not drain.state:
            return False
        self.drains[drain.id] = drain
        return True

    def lead(self, role: str, holder: str, seconds: float, now: float) -> bool:
        """Whoever has a role keeps it by asking again."""
        has, until = self.roles.get(role, (holder, now))
        if has != holder and until > now:
            return False
        self.roles[role] = (holder, now + seconds)
        return True
