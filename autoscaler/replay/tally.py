"""What a run counts while it goes on: sessions and pods as areas under their curves, and what befell sessions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from autoscaler.replay.measures import Measures, Write, turns
from autoscaler.replay.setting import Setting


@dataclass(slots=True)
class Tally:
    """Since the warm-up's end; before it, since the start."""

    since: float  # up to when the areas are known
    live: int = 0  # sessions that are served
    pods: int = 0  # that are paid for
    sessions: int = 0
    cut: int = 0
    rejected: int = 0
    waited: int = 0
    pod_seconds: float = 0.0
    slot_seconds: float = 0.0
    peak_pods: int = 0
    unserved_until: float = 0.0

    def advance(self, now: float) -> None:
        """Adds the time that has passed to the areas."""
        lately = now - self.since
        self.slot_seconds += self.live * lately
        self.pod_seconds += self.pods * lately
        self.since = now

    def serve(self, now: float, sessions: int) -> None:
        """So many more are served."""
        self.advance(now)
        self.live += sessions

    def pay(self, now: float, pods: int) -> None:
        """So many more are paid for."""
        self.advance(now)
        self.pods += pods
        self.peak_pods = max(self.peak_pods, self.pods)

    def begun(self, now: float) -> Tally:
        """Another one that counts from now on."""
        return Tally(now, self.live, self.pods, peak_pods=self.pods)

    def measures(self, setting: Setting, writes: Sequence[Write]) -> Measures:
        """At the end of the run; of the writes, those after the warm-up."""
        self.advance(setting.end)
        counted = [write for write in writes if write.at >= setting.begin]
        reversals, changes = turns(counted)
        return Measures(
            seconds=setting.end - setting.begin,
            slots=setting.slots,
            sessions=self.sessions,
            cut=self.cut,
            rejected=self.rejected,
            waited=self.waited,
            pod_seconds=self.pod_seconds,
            slot_seconds=self.slot_seconds,
            writes=len(counted),
            reversals=reversals,
            turns=changes,
            peak_pods=self.peak_pods,
            unserved_until=self.unserved_until,
        )
