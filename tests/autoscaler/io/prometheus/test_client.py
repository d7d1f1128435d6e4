"""The client against a real Prometheus, and against servers that misbehave as no real one does on request."""

from __future__ import annotations

import asyncio
import gc
import gzip
import json
import ssl
import tracemalloc
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
import trustme
import uvloop
from prometheus_client import CollectorRegistry, Gauge, start_http_server

from autoscaler.io.prometheus import client as module
from autoscaler.io.prometheus.client import Access, AccessError, Prometheus
from autoscaler.promql import Fault, NoNumber, Number, Series
from tests.prometheus_server import PrometheusServer

Head = dict[str, str]
Answer = Callable[[Head, bytes], bytes]
GOOD = json.dumps(
    {"status": "success", "data": {"resultType": "vector", "result": [{"metric": {}, "value": [1000.0, "7"]}]}}
).encode()


def ok(body: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\nconnection: close\r\n\r\n%s" % (len(body), body)


@asynccontextmanager
async def a_server(answer: Answer | None, tls: ssl.SSLContext | None = None) -> AsyncIterator[str]:
    """Answers each request with these bytes; None: it never answers. Gives its address."""
    hung: set[asyncio.Task[Any]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        hung.add(task)
        try:
            await _serve_one(answer, reader, writer)
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            return
        finally:
            hung.discard(task)
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
    try:
        scheme = "https" if tls else "http"
        yield f"{scheme}://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        for task in list(hung):
            task.cancel()
        await asyncio.gather(*hung, return_exceptions=True)
        server.close()
        await server.wait_closed()


async def _serve_one(answer: Answer | None, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    raw = (await reader.readuntil(b"\r\n\r\n")).decode()
    head = {name.lower(): value for name, _, value in (line.partition(": ") for line in raw.split("\r\n")[1:])}
    body = await reader.readexactly(int(head.get("content-length", "0")))
    if answer is None:
        await asyncio.Event().wait()
    else:
        writer.write(answer(head, body))
        await writer.drain()


async def ask(prometheus: Prometheus, query: str = "up") -> Number | NoNumber:
    return await prometheus.instant(query, lookback=60.0, stale_after=60.0)


async def ask_at(*urls: str, **more: Any) -> Number | NoNumber:
    async with Prometheus(Access(urls, **more)) as prometheus:
        return await ask(prometheus)


def fault_of(answer: object) -> Fault:
    assert isinstance(answer, NoNumber), answer
    return answer.fault


@pytest.fixture
async def scraped(tmp_path: Path) -> AsyncIterator[PrometheusServer]:
    """A real one, which has scraped `demo_sessions{pod=…}` of two pods: 3 and 4."""
    registry = CollectorRegistry()
    gauge = Gauge("demo_sessions", "A demand.", ["pod"], registry=registry)
    gauge.labels("a").set(3)
    gauge.labels("b").set(4)
    server, thread = start_http_server(0, "127.0.0.1", registry)
    try:
        async with PrometheusServer(tmp_path, (f"127.0.0.1:{server.server_port}",)) as prometheus:
            yield prometheus
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


async def answered(prometheus: Prometheus, query: str) -> Number:
    async with asyncio.timeout(20):
        while not isinstance(answer := await ask(prometheus, query), Number):  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.1)
    return answer


async def test_a_real_one_is_understood(scraped: PrometheusServer) -> None:
    async with Prometheus(Access((scraped.url,))) as prometheus:
        number = await answered(prometheus, "sum(demo_sessions)")

        assert number.value == 7.0
        assert fault_of(await ask(prometheus, "demo_sessions")) is Fault.SEVERAL
        assert fault_of(await ask(prometheus, "nothing_of_that_name")) is Fault.EMPTY
        assert fault_of(await ask(prometheus, "sum(demo_sessions")) is Fault.QUERY
        assert fault_of(await ask(prometheus, "sum(demo_sessions) / 0")) is Fault.NOT_A_NUMBER
        assert fault_of(await ask(prometheus, "demo_sessions * on() demo_sessions")) is Fault.QUERY
        series = await prometheus.range("sum(demo_sessions)", number.at - 2, number.at, 1.0)
        assert isinstance(series, Series)
        assert series.points[-1][1] == 7.0


async def test_ten_thousand_series_and_numbers_beyond_all_bounds_of_a_real_one_are_told_apart(tmp_path: Path) -> None:
    registry = CollectorRegistry()
    pods = Gauge("demo_pods", "Sessions of each pod.", ["namespace", "pod"], registry=registry)
    for number in range(10_000):
        pods.labels("production", f"workers-{number}").set(1)
    huge = Gauge("demo_huge", "As a bug writes it.", registry=registry)
    huge.set(1e300)
    server, thread = start_http_server(0, "127.0.0.1", registry)
    try:
        async with (
            PrometheusServer(tmp_path, (f"127.0.0.1:{server.server_port}",)) as real,
            Prometheus(Access((real.url,))) as prometheus,
        ):
            assert (await answered(prometheus, "sum(demo_pods)")).value == 10_000.0
            many = await ask(prometheus, "demo_pods")

            assert many == NoNumber(Fault.SEVERAL, "10000 series; aggregate them to one, as sum(…) does")
            assert fault_of(await ask(prometheus, "demo_huge")) is Fault.OUT_OF_RANGE
            assert fault_of(await ask(prometheus, "demo_huge * demo_huge")) is Fault.NOT_A_NUMBER  # an infinity
            assert fault_of(await ask(prometheus, "-sum(demo_pods)")) is Fault.OUT_OF_RANGE
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


async def test_a_paused_one_costs_the_time_out_and_no_more(scraped: PrometheusServer) -> None:
    async with Prometheus(Access((scraped.url,), timeout=0.3)) as prometheus:
        await answered(prometheus, "sum(demo_sessions)")
        scraped.pause()

        try:
            assert fault_of(await ask(prometheus)) is Fault.TIMED_OUT
        finally:
            scraped.resume()


async def test_one_that_forgot_everything_says_empty(scraped: PrometheusServer) -> None:
    async with Prometheus(Access((scraped.url,))) as prometheus:
        await answered(prometheus, "sum(demo_sessions)")
        await scraped.kill()
        assert fault_of(await ask(prometheus)) is Fault.UNREACHABLE

        scraped.forget()
        await scraped.start()

        assert fault_of(await ask(prometheus, "sum_over_time(demo_sessions[1h] offset 5s)")) is Fault.EMPTY


async def test_one_that_hangs_is_given_up() -> None:
    async with a_server(None) as url:
        assert fault_of(await ask_at(url, timeout=0.2)) is Fault.TIMED_OUT


async def test_nobody_at_the_address_is_unreachable() -> None:
    assert fault_of(await ask_at("http://127.0.0.1:1")) is Fault.UNREACHABLE


async def test_what_is_no_http_is_unreachable() -> None:
    async with a_server(lambda head, body: b"SSH-2.0-nothing\r\n") as url:
        assert fault_of(await ask_at(url)) is Fault.UNREACHABLE


async def test_an_answer_is_read_no_further_than_its_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_BYTES", 1_000)

    async with a_server(lambda head, body: ok(b" " * 100_000)) as url:
        assert fault_of(await ask_at(url)) is Fault.TOO_LARGE


async def test_of_answers_without_an_end_little_stays_in_memory_though_nobody_collects() -> None:
    async def pour(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        piece = b"f4240\r\n" + b"x" * 1_000_000 + b"\r\n"
        with suppress(OSError):
            writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
            while True:
                writer.write(piece)
                await writer.drain()
        writer.close()

    async def asked(url: str) -> int:
        async with Prometheus(Access((url,), timeout=20.0)) as prometheus:
            assert fault_of(await ask(prometheus)) is Fault.TOO_LARGE
            before, _ = tracemalloc.get_traced_memory()
            for _ in range(8):
                await ask(prometheus)
            return tracemalloc.get_traced_memory()[0] - before

    server = await asyncio.start_server(pour, "127.0.0.1", 0)
    gc.disable()
    tracemalloc.start()
    try:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        grown = await asyncio.to_thread(uvloop.run, asked(url))
    finally:
        tracemalloc.stop()
        gc.enable()
        server.close()
        await server.wait_closed()

    assert grown < 20_000_000  # with those that the server still holds; 41 MB with the buffers that the system chooses


async def test_the_environments_proxy_is_used_where_it_does_not_except_the_address(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with a_server(lambda head, body: ok(GOOD)) as proxy:
        monkeypatch.setenv("http_proxy", proxy)
        monkeypatch.setenv("no_proxy", "127.0.0.1")

        assert await ask_at("http://prometheus.invalid:9090") == Number(7.0, 1000.0)
        assert fault_of(await ask_at("http://127.0.0.1:1")) is Fault.UNREACHABLE


async def test_a_redirect_is_not_followed() -> None:
    moved = b"HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"

    async with a_server(lambda head, body: moved) as url:
        assert fault_of(await ask_at(url)) is Fault.BROKEN


async def test_all_replicas_are_asked_and_the_living_one_counts() -> None:
    async with a_server(lambda head, body: ok(GOOD)) as good, a_server(None) as hangs:
        assert Number(7.0, 1000.0) == await ask_at(hangs, good, "http://127.0.0.1:1", timeout=0.5)


async def test_a_token_is_read_anew_for_each_query(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("first\n")
    seen = []

    def answer(head: Head, body: bytes) -> bytes:
        seen.append(head["authorization"])
        return ok(GOOD)

    async with a_server(answer) as url, Prometheus(Access((url,), bearer_token_file=token)) as prometheus:
        await ask(prometheus)
        token.write_text("second\n")
        await ask(prometheus)

    assert seen == ["Bearer first", "Bearer second"]


async def test_user_and_password_are_basic_credentials(tmp_path: Path) -> None:
    password = tmp_path / "password"
    password.write_text("open sesame\n")
    seen = []

    def answer(head: Head, body: bytes) -> bytes:
        seen.append(head["authorization"])
        return ok(GOOD)

    async with a_server(answer) as url:
        await ask_at(url, username="ali", password_file=password)

    assert seen == ["Basic YWxpOm9wZW4gc2VzYW1l"]


async def test_a_missing_token_file_is_said(tmp_path: Path) -> None:
    answer = await ask_at("http://127.0.0.1:1", bearer_token_file=tmp_path / "gone")

    assert isinstance(answer, NoNumber)
    assert "gone" in answer.detail


@pytest.mark.parametrize("secret", [b"\xff\xfeSECRET", b"SECRET\nSECRET", "SECRET\u00e4".encode(), b" \n"])
async def test_a_file_that_holds_no_token_is_named_and_nothing_of_it_is_said(tmp_path: Path, secret: bytes) -> None:
    token = tmp_path / "token"
    token.write_bytes(secret)

    answer = await ask_at("http://127.0.0.1:1", bearer_token_file=token)

    assert fault_of(answer) is Fault.REFUSED
    assert isinstance(answer, NoNumber)
    assert str(token) in answer.detail
    assert "SECRET" not in answer.detail


async def test_a_password_that_is_no_text_is_said(tmp_path: Path) -> None:
    password = tmp_path / "password"
    password.write_bytes(b"\xff")

    answer = await ask_at("http://127.0.0.1:1", username="ali", password_file=password)

    assert fault_of(answer) is Fault.REFUSED


async def test_a_compressed_answer_is_not_asked_for_and_not_unpacked() -> None:
    seen = []

    def answer(head: Head, body: bytes) -> bytes:
        seen.append(head["accept-encoding"])
        packed = gzip.compress(gzip.compress(GOOD))  # each layer may be a thousand times larger than what came
        return ok(packed).replace(b"connection: close", b"content-encoding: gzip, gzip\r\nconnection: close", 1)

    async with a_server(answer) as url:
        assert fault_of(await ask_at(url)) is Fault.BROKEN

    assert seen == ["identity"]


async def test_a_time_of_four_hundred_digits_is_no_number() -> None:
    async with a_server(lambda head, body: ok(GOOD.replace(b"1000.0", b"1" + b"0" * 400))) as url:
        assert fault_of(await ask_at(url)) is Fault.OUT_OF_RANGE


async def test_tls_is_verified_with_the_given_authority(tmp_path: Path) -> None:
    authority = trustme.CA()
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(server)
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")

    async with a_server(lambda head, body: ok(GOOD), server) as url:
        trusted = await ask_at(url, ca_file=tmp_path / "ca.pem")
        unknown = await ask_at(url)

    assert trusted == Number(7.0, 1000.0)
    assert fault_of(unknown) is Fault.UNREACHABLE


@pytest.mark.parametrize(
    "url", ["prometheus:9090", "ftp://prometheus", "http://", "http://prometheus:port", "http://[::1", "http://p/?x=1"]
)
async def test_a_wrong_address_stops_the_start(url: str) -> None:
    with pytest.raises(AccessError, match="prometheus"):
        Prometheus(Access((url,)))


async def test_the_password_in_a_wrong_address_is_not_said() -> None:
    with pytest.raises(AccessError) as wrong:
        Prometheus(Access(("http://ali:sesame@prometheus:port",)))

    assert "sesame" not in str(wrong.value)


@pytest.mark.parametrize("header", [{"X-Scope-OrgID": "\u00e4"}, {"X-Scope-OrgID": "a\r\nb: c"}, {"X Y": "a"}])
async def test_a_header_that_cannot_be_sent_stops_the_start(header: dict[str, str]) -> None:
    with pytest.raises(AccessError, match="header"):
        Prometheus(Access(("http://127.0.0.1:1",), headers=header))


async def test_a_wrong_authority_stops_the_start(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("nothing")

    with pytest.raises(AccessError, match=r"ca\.pem"):
        Prometheus(Access(("http://127.0.0.1:1",), ca_file=tmp_path / "ca.pem"))


async def test_two_ways_in_are_one_too_many(tmp_path: Path) -> None:
    with pytest.raises(AccessError, match="not both"):
        Prometheus(Access(("http://127.0.0.1:1",), bearer_token_file=tmp_path, username="ali"))
