"""What many sessions ask of one shard in the same turn of the loop leaves as one call: a step of the server for sixteen claims
costs it less than sixteen steps, since they read and write together. Each is answered as if it had come alone, and one alone
is sent alone.

What is asked otherwise meanwhile leaves after what was gathered before it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import NamedTuple

from hiredis import ReplyError

from scheduler.io.redis.client.failures import StoreFailed, failure

MOST = 16  # a millisecond of the server's time: others' calls wait no longer for their turn
TOGETHER = {
    "claim": "together",
    "confirm": "together_freeing",
    "release": "together_freeing",
    "suspend": "together_freeing",
    "checkpoint": "together_freeing",
    "end": "together_freeing",
}
"""Operation -> the script that runs several such. Those that free run in a full server, and are not held up by a claim."""


class Asked(NamedTuple):
    """One of several."""

    name: str
    packed: bytes
    answer: asyncio.Future[bytes]


Send = Callable[[str, str, tuple[str | bytes, ...]], "asyncio.Future[object]"]
"""Script, tag, arguments from the third on -> its answer."""


class Gathering:
    """Of one store. Belongs to the running loop."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._open: dict[tuple[str, str], list[Asked]] = {}

    def ask(self, name: str, tag: str, packed: bytes) -> asyncio.Future[bytes]:
        """The packed answer. Fails with StoreFailed."""
        loop = asyncio.get_running_loop()
        place = (TOGETHER[name], tag)
        asked = Asked(name, packed, loop.create_future())
        several = self._open.get(place)
        if several is None:
            if not self._open:
                loop.call_soon(self.flush)
            several = self._open[place] = []
        several.append(asked)
        if len(several) >= MOST:
            self._leave(place)
        return asked.answer

    def flush(self) -> None:
        """Nothing is held back any longer."""
        for place in list(self._open):
            self._leave(place)

    def _leave(self, place: tuple[str, str]) -> None:
        script, tag = place
        several = self._open.pop(place)
        if len(several) == 1:
            (only,) = several
            self._send(only.name, tag, (only.packed,)).add_done_callback(
                lambda sent: _settle([only], sent, is_one=True)
            )
            return
        parts = tuple(part for asked in several for part in (asked.name, asked.packed))
        self._send(script, tag, parts).add_done_callback(lambda sent: _settle(several, sent, is_one=False))


def _settle(several: list[Asked], sent: asyncio.Future[object], *, is_one: bool) -> None:
    """Whoever still waits hears."""
    if sent.cancelled():
        for asked in several:
            asked.answer.cancel()
        return
    error = sent.exception()
    answers = [error] * len(several) if error is not None else [sent.result()] if is_one else sent.result()
    assert isinstance(answers, list)
    for asked, answer in zip(several, answers, strict=True):
        if asked.answer.done():
            continue
        if isinstance(answer, ReplyError):
            asked.answer.set_exception(StoreFailed(failure(str(answer), "the store", asked.name)))
        elif isinstance(answer, BaseException):
            asked.answer.set_exception(answer)
        else:
            asked.answer.set_result(answer)
