"""The metrics of all children as one page: asked for when somebody scrapes, and remembered of those that are gone."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import structlog
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families

from moorage.cli.metricsmerge import carried, merged
from moorage.cli.programs.child import Life

ANSWER_WITHIN = 2.0
MOST_BYTES = 8 << 20
_log = structlog.get_logger("moorage.up.metrics")


class Pages:
    """`own` is the parent's registry, shown as process `up`; its families come last as they are."""

    def __init__(self, own: CollectorRegistry, fleet: CollectorRegistry, lives: Callable[[], Iterable[Life]]) -> None:
        self._own = own
        self._fleet = fleet
        self._lives = lives
        self._last: dict[Life, Sequence[Metric]] = {}
        self._gone: Sequence[Metric] = ()

    async def page(self) -> bytes:
        """What Prometheus reads. A child that does not answer in time shows what it showed last."""
        lives = [life for life in self._lives() if life.observe is not None and life.ready.is_set()]
        await asyncio.gather(*(self.ask(life) for life in lives))
        living = [("up", list(self._own.collect())), *((life.place, self._last.get(life, ())) for life in lives)]
        return generate_latest(_Page(merged(living, self._gone))) + generate_latest(self._fleet)

    async def ask(self, life: Life) -> None:
        """Reads one child's page; also its last word before it goes."""
        if life.observe is None:
            return
        try:
            async with asyncio.timeout(ANSWER_WITHIN):
                text = await fetch(life.observe)
            page = list(text_string_to_metric_families(text))
        except (OSError, ValueError, TimeoutError) as error:
            _log.warning("metrics_missing", place=life.place, error=repr(error))
            return
        if not life.ended.is_set():
            self._last[life] = page

    def ended(self, life: Life) -> None:
        """Its counters stay in the sums."""
        self._gone = carried(self._gone, self._last.pop(life, ()))


class _Page(CollectorRegistry):
    """A registry of families that were collected elsewhere."""

    def __init__(self, families: Sequence[Metric]) -> None:
        super().__init__()
        self._families = families

    def collect(self) -> Iterator[Metric]:
        yield from self._families


async def fetch(path: Path) -> str:
    """/metrics of whoever listens at a socket of the file system. Raises OSError, ValueError."""
    reader, writer = await asyncio.open_unix_connection(str(path), limit=MOST_BYTES)
    try:
        writer.write(b"GET /metrics HTTP/1.0\r\n\r\n")
        head = await reader.readuntil(b"\r\n\r\n")
        if b" 200 " not in head.partition(b"\r\n")[0]:
            raise ValueError(f"it answered {head[:40]!r}")
        return (await reader.read(-1)).decode()
    except (asyncio.IncompleteReadError, asyncio.LimitOverrunError) as error:
        raise ValueError(str(error)) from error
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()
