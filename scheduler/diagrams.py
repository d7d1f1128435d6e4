"""The state tables as Mermaid diagrams, so that the documentation cannot disagree with them.

python -c "from scheduler.diagrams import all_diagrams; print(all_diagrams())"
"""

from __future__ import annotations

from collections.abc import Iterable

from scheduler import claims, drainplans, workers


def claim_diagram() -> str:
    """The life of a claim. [*] is a session without one."""
    arrows = [
        (state.value if state else "[*]", following.value if following else "[*]", change.value)
        for (state, change), following in claims.NEXT.items()
    ]
    return _diagram(arrows)


def duty_diagram() -> str:
    """What operators and the worker itself decide."""
    return _diagram((duty.value, after.value, change.value) for (duty, change), after in workers.NEXT_DUTY.items())


def health_diagram() -> str:
    """What silence tells."""
    return _diagram(
        (health.value, after.value, change.value) for (health, change), after in workers.NEXT_HEALTH.items()
    )


def drain_diagram() -> str:
    """From the order of a drain to its end."""
    return _diagram((state.value, after.value, change.value) for (state, change), after in drainplans.NEXT.items())


def all_diagrams() -> str:
    """As docs/scheduler.md holds them."""
    named = {"claim": claim_diagram(), "duty": duty_diagram(), "health": health_diagram(), "drain": drain_diagram()}
    return "\n".join(
        f"<!-- {name} -->\n```mermaid\n{diagram}```\n<!-- /{name} -->\n" for name, diagram in named.items()
    )


def _diagram(arrows: Iterable[tuple[str, str, str]]) -> str:
    lines = [f"    {start} --> {end}: {change}" for start, end, change in arrows if start != end]
    return "\n".join(["stateDiagram-v2", *lines, ""])
