"""Watching a drain: a bar on a terminal, a line a change anywhere else."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import click

from moorage.cli.durations import shown
from moorage.cli.report import show_json
from moorage.cli.rest import Problem, Rest

EVERY = 0.5
PATIENCE = 30.0  # an API that restarts is waited for
STUCK_SECONDS = 15.0  # nobody was told for longer than it takes to tell somebody twice
DONE, CANCELLED, TIMED_OUT = 0, 1, 3
Document = dict[str, Any]
Show = Callable[[Document, str], None]


def watch(api: Rest, drain: str, *, timeout: float | None, as_json: bool) -> int:
    """Until it is over: the exit status. Interrupted, the drain itself goes on. Raises what `Rest.call` raises."""
    ends_at = None if timeout is None else time.monotonic() + timeout
    with _display(as_json=as_json) as show:
        try:
            found = _follow(api, drain, show, ends_at)
        except KeyboardInterrupt:
            found = None
    if found is not None and found["state"] in ("done", "cancelled"):
        return DONE if found["state"] == "done" else CANCELLED
    click.echo(f"the drain goes on; `moorage drain cancel {drain}` calls it off", err=True)
    return 130 if found is None else TIMED_OUT


def line(drain: Document, still_for: float = 0.0) -> str:
    """How far it is, in one line. `still_for` is how long nothing has changed."""
    left, start = drain["sessions_left"], drain["sessions_at_start"]
    said = [f"{drain['state']}: {left} of {max(start, left)} sessions left, {drain['sessions_told']} told"]
    if drain["state"] == "moving" and left and still_for >= STUCK_SECONDS:
        said.append("no room elsewhere for those left")
    elif drain["eta_seconds"] is not None:
        said.append(f"about {shown(drain['eta_seconds'])} to go")
    return ", ".join(said)


def target(drain: Document) -> str:
    """What is drained."""
    place = "/".join(filter(None, (drain["region"], drain["pool"])))
    return f"{drain['kind']} {drain['worker_id'] or drain['gateway_id'] or place}"


def _follow(api: Rest, drain: str, show: Show, ends_at: float | None) -> Document:
    """The last that was seen of it."""
    before: tuple[object, ...] = ()
    changed_at = time.monotonic()
    while True:
        found = _read(api, drain)
        now = time.monotonic()
        here = (found["state"], found["sessions_left"], found["sessions_told"])
        if here != before:
            before, changed_at = here, now
        show(found, line(found, now - changed_at))
        if found["state"] in ("done", "cancelled") or (ends_at is not None and now >= ends_at):
            return found
        time.sleep(EVERY)


def _read(api: Rest, drain: str) -> Document:
    gives_up_at = time.monotonic() + PATIENCE
    while True:
        try:
            found: Document = api.call("GET", f"/drains/{drain}")
        except click.ClickException as error:
            is_refused = isinstance(error, Problem) and not error.said.get("retryable")
            if is_refused or time.monotonic() >= gives_up_at:
                raise
            time.sleep(EVERY)
        else:
            return found


@contextmanager
def _display(*, as_json: bool) -> Iterator[Show]:
    if as_json:
        yield _changes(lambda drain, _: show_json(drain))
    elif not sys.stdout.isatty() or not _has_rich():
        yield _changes(lambda drain, text: click.echo(f"{target(drain)} {text}"))
    else:
        with _bar() as show:
            yield show


def _changes(say: Show) -> Show:
    """Only what is new: time that passes is no news."""
    before: list[tuple[object, ...]] = []

    def show(drain: Document, text: str) -> None:
        news = (drain["state"], drain["sessions_left"], drain["sessions_told"], "no room" in text)
        if before != [news]:
            before[:] = [news]
            say(drain, text)

    return show


def _has_rich() -> bool:
    try:
        import rich.progress  # noqa: F401
    except ImportError:  # the [server] extra is not installed: lines say the same
        return False
    return True


@contextmanager
def _bar() -> Iterator[Show]:
    from rich.progress import BarColumn, Progress, TextColumn

    with Progress(BarColumn(bar_width=20), TextColumn("{task.description}")) as progress:
        task = progress.add_task("", total=1)

        def show(drain: Document, text: str) -> None:
            start = max(drain["sessions_at_start"], drain["sessions_left"])
            gone = start - drain["sessions_left"] if start else int(drain["state"] == "done")
            progress.update(task, total=start or 1, completed=gone, description=text)

        yield show
