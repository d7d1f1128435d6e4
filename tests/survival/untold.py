"""Sessions of which nobody is left who knew that they began: their rows are PENDING, and end EXPIRED at their connect deadline.

What knew: the store, until it lost its data; the control plane, which was down from before the session connected until after that
loss; and its gateway, which was killed before it could tell the new store. Their worker may live on: it can lose claims, never
make any. Their client could still bring them back with its token, and did not.
"""

from __future__ import annotations

from tests.survival.faults import Harm, harms
from tests.survival.history import Connected, History


def untold(history: History) -> set[str]:
    """Of a house with one control plane."""
    first: dict[str, Connected] = {}
    last: dict[str, Connected] = {}
    for fact in history.facts:
        if isinstance(fact, Connected):
            first.setdefault(fact.session, fact)
            last[fact.session] = fact
    all_harms = harms(history)
    return {session for session in first if _is_untold(first[session], last[session], all_harms)}


def _is_untold(first: Connected, last: Connected, all_harms: list[Harm]) -> bool:
    return any(
        _is_down("controlplane", all_harms, first.at, loss.since)
        and _dies(last.gateway, all_harms, last.at, loss.until)
        for loss in all_harms
        if loss.fault == "flushed" and last.at < loss.since
    )


def _is_down(kind: str, all_harms: list[Harm], since: float, until: float) -> bool:
    """From one time to another, without a break."""
    return any(harm.is_of(kind) and harm.since <= since and harm.until >= until for harm in all_harms)


def _dies(gateway: str, all_harms: list[Harm], since: float, until: float) -> bool:
    """Between two times."""
    return any(harm.fault == "killed" and harm.target == gateway and since <= harm.since <= until for harm in all_harms)
