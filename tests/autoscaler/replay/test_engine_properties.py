"""Whatever comes and whoever scales: nothing is lost, nothing is counted twice, no slot is given twice."""

from dataclasses import dataclass
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from autoscaler.replay.controller import Controller
from autoscaler.replay.engine import Pool
from autoscaler.replay.ours import Ours
from autoscaler.replay.peers.agones import AgonesBuffer, AgonesCounter
from autoscaler.replay.peers.hpa import Hpa
from autoscaler.replay.reference import reference_pod_seconds
from autoscaler.replay.sessions import sessions_of
from tests.autoscaler.replay.builders import a_pool, a_setting
from tests.autoscaler.replay.test_ours import a_policy

SPANS = st.lists(st.tuples(st.floats(0.0, 900.0), st.floats(0.0, 400.0)), max_size=60)
END = 1500.0  # all are over by then, or were rejected

few = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@dataclass(slots=True)
class Whims:
    """Any order at any time."""

    chance: Random
    every: float = 7.0

    def step(self, pool: Pool) -> None:
        pods = list(pool.pods.values())
        some = [pod for pod in pods if self.chance.random() < 0.3]
        match self.chance.randrange(5):
            case 0:
                pool.raise_to(pool.replicas + 2)
            case 1:
                pool.remove(some, grace=self.chance.choice([0.0, 30.0, 300.0]))
            case 2:
                for pod in some:
                    pool.cordon(pod)
            case 3:
                for pod in some:
                    pool.uncordon(pod)
            case _:
                assert all(0 <= pod.used <= pod.slots for pod in pods)


@few
@given(SPANS, st.integers(0, 2**16))
def test_every_session_is_served_cut_or_rejected_and_pays_for_what_it_got(
    spans: list[tuple[float, float]], seed: int
) -> None:
    pool = a_pool(*spans, controller=Whims(Random(seed)), setting=a_setting(end=END), seed=seed)

    measures = pool.run()

    assert len(spans) == measures.sessions
    assert (pool.live, pool.leaving, pool.waiting) == (0, 0, 0)
    assert measures.cut + measures.rejected <= len(spans)
    most = sum(length for _, length in spans)
    assert measures.slot_seconds <= most + 1e-6
    if not measures.cut and not measures.rejected:
        assert pytest.approx(most) == measures.slot_seconds
    assert measures.slot_seconds <= measures.pod_seconds * measures.slots + 1e-6
    assert pool.replicas == len(pool.pods)


@few
@given(SPANS, st.sampled_from([lambda: Ours(a_policy()), AgonesBuffer, AgonesCounter, lambda: Hpa(1.4, grace=1e9)]))
def test_who_spares_busy_pods_cuts_nobody(spans: list[tuple[float, float]], controller: type[Controller]) -> None:
    assert a_pool(*spans, controller=controller(), setting=a_setting(end=END)).run().cut == 0


@few
@given(SPANS)
def test_the_reference_pays_at_least_for_what_is_used(spans: list[tuple[float, float]]) -> None:
    paid = reference_pod_seconds(sessions_of("eu", spans), a_setting(end=END))

    assert paid * 2 + 1e-6 >= sum(length for _, length in spans)
