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
