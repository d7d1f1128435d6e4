import pytest

from autoscaler.replay.faults import Fault, View
from autoscaler.replay.peers.keda import Keda
from tests.autoscaler.replay.builders import a_setting, played

BUSY = [(0.0, 5000.0)] * 6


@pytest.mark.parametrize("fault", [Fault.EMPTY, Fault.NAN])
def test_what_is_no_number_counts_as_zero_and_empties_the_fleet_after_five_minutes(fault: Fault) -> None:
    view = View(fault, ((600.0, 1800.0),))

    measures = played(*BUSY, controller=Keda(2.0, view=view), setting=a_setting(initial=3, end=1500.0))

    assert measures.cut == 6


def test_an_error_changes_nothing() -> None:
    view = View(Fault.ERROR, ((600.0, 1800.0),))

    measures = played(*BUSY, controller=Keda(2.0, view=view), setting=a_setting(initial=3, end=1500.0))

    assert (measures.cut, measures.writes) == (0, 0)


def test_it_goes_to_zero_after_the_cool_down_and_wakes_for_who_waits_at_a_poll() -> None:
    idle = played(controller=Keda(2.0), setting=a_setting(end=1000.0))
    woken = played((910.0, 10.0), controller=Keda(2.0), setting=a_setting(end=1000.0))

    assert idle.pod_seconds == 15.0 + 300.0
    assert woken.rejected == 1  # its pod needs 60 s
    assert woken.pod_seconds == 15.0 + 300.0 + 85.0


def test_above_zero_its_hpa_divides_the_demand_by_the_target() -> None:
    measures = played(*BUSY, controller=Keda(1.5), setting=a_setting(initial=3, end=200.0))

    assert (measures.writes, measures.peak_pods) == (1, 4)
