"""The load generator against its own worker: what it reports is what happened."""

from collections.abc import Iterator

import pytest

from bench.generator import Client, EchoWorker, Load
from bench.machine import CannotMeasureError, free_port


@pytest.fixture
def worker() -> Iterator[EchoWorker]:
    with EchoWorker() as started:
        yield started


@pytest.mark.parametrize("message_bytes", [0, 125, 126, 65535, 65536, 1 << 20])
def test_messages_of_any_length_come_back(worker: EchoWorker, message_bytes: int) -> None:
    with Client(Load(worker.port, message_bytes)) as client:
        opened, tripped = client.open(3), client.trip()

    assert (opened.done, tripped.done) == (3, 3)


def test_a_closed_loop_keeps_going_until_its_time_is_over(worker: EchoWorker) -> None:
    with Client(Load(worker.port)) as client:
        client.open(4)
        answer = client.go(0.05)

    assert answer.done > 4
    assert 0 < answer.p50_us <= answer.p99_us


def test_churn_and_rate_open_as_many_as_they_say(worker: EchoWorker) -> None:
    with Client(Load(worker.port)) as client:
        churned, paced = client.churn(20, 4), client.rate(200, 0.1)

    assert (churned.done, paced.done) == (20, 20)


def test_a_dead_worker_is_seen_as_connections_gone_without_a_close_frame(worker: EchoWorker) -> None:
    with Client(Load(worker.port)) as client:
        client.open(5)
        worker.process.kill()
        gone = client.watch(5)

    assert (gone.still_open, gone.by_code) == (0, {1006: 5})


def test_connections_refused_are_errors_not_figures() -> None:
    with Client(Load(free_port())) as client, pytest.raises(CannotMeasureError, match="2 errors beside 0 done"):
        client.open(2)


def test_who_is_lost_comes_back_through_another_port(worker: EchoWorker) -> None:
    with EchoWorker() as other, Client(Load(worker.port)) as client:
        client.open(5)
        client.roam(5, 10, [other.port])
        worker.process.kill()
        roamed = client.roamed(15)

    assert (roamed.back, roamed.away, roamed.refusals) == (5, 0, {})
    assert 0 < roamed.admission_us[2] <= roamed.back_us[2]


def test_a_way_back_that_is_shut_is_counted(worker: EchoWorker) -> None:
    with Client(Load(worker.port)) as client:
        client.open(2)
        client.roam(2, 0.5, [free_port()])
        worker.process.kill()
        roamed = client.roamed(15)

    assert (roamed.back, roamed.away) == (0, 2)
    assert set(roamed.refusals) == {"unreached"}
