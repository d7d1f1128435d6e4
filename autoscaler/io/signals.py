"""Where the samples of rules come from. autoscaler.io.prometheus asks a Prometheus; without one every rule is lost.

The loop never waits for a sample: whoever implements this asks in the background and keeps what was answered last.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from autoscaler.observation import Health, Sample
from autoscaler.policy import PoolPolicy


class Signals(Protocol):
    """The newest answer to each rule of each pool."""

    def follow(self, policies: Sequence[PoolPolicy]) -> None:
        """Their rules are asked for from now on, and no others: at the start, and again when policies were reloaded.
        Returns at once."""

    def samples(self, policy: PoolPolicy) -> Mapping[str, Sample]:
        """One for each rule of the pool, by the rule's name, judged by age at this moment: a rule that was never answered
        is LOST. Returns at once."""

    async def run(self) -> None:
        """Asks in the background until cancelled; survives every failure of what it asks."""

    async def close(self) -> None:
        """Lets go of connections."""


class NoSignals:
    """There is no Prometheus: the registry alone says what is needed."""

    def follow(self, policies: Iterable[PoolPolicy]) -> None:
        """Nothing is asked."""

    def samples(self, policy: PoolPolicy) -> Mapping[str, Sample]:
        """Every rule is lost, which keeps what there is and lowers nothing."""
        lost = Sample(Health.LOST, None, 0.0, "no Prometheus is configured")
        return dict.fromkeys((rule.name for rule in policy.rules), lost)

    async def run(self) -> None:
        """Nothing to ask."""

    async def close(self) -> None:
        """Nothing is open."""
