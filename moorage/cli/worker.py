"""`moorage worker`: serves sessions with a function, through the worker SDK. Needs no extra."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from importlib import import_module
from inspect import iscoroutinefunction
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any

import click

from moorage.cli.session import pairs

if TYPE_CHECKING:
    from moorage import Worker


@click.command()
@click.argument("target", metavar="MODULE:FUNCTION", envvar="MOORAGE_WORKER_TARGET")
@click.option("--slots", type=click.IntRange(min=1), help="Sessions at once.  [1]")
@click.option("--pool", help="Pool to join.  [default]")
@click.option("--region", help="Region to join.  [local]")
@click.option(
    "--link", "links", multiple=True, help="Link address of a gateway, or of several by one name; may be repeated."
)
@click.option("--join-key", help="Key that lets workers in; else join.key of --data.")
@click.option("--data", envvar="MOORAGE_DATA", default="data", show_default=True, help="Data folder.")
@click.option("--name", help="Shown in `moorage workers`; host and pid otherwise.")
@click.option("--label", "labels", multiple=True, metavar="NAME=VALUE", help="Label of this worker; may be repeated.")
@click.option("--port", type=int, help="For sessions, /livez and /readyz.  [any free one; 7410 in a pod]")
@click.option(
    "--dial-out",
    is_flag=True,
    envvar="MOORAGE_WORKER_DIAL_OUT",
    help="Listen nowhere: open each session's connection to the gateway that asks for it.",
)
@click.option("--drain-seconds", type=float, help="How long sessions may finish after SIGTERM.  [30]")
@click.option("--log-level", envvar="MOORAGE_LOG_LEVEL", default="info", help="debug, info, warning or error.  [info]")
@click.option("--stop-with-stdin", is_flag=True, hidden=True, help="Drain when stdin ends: the parent is gone.")
def worker(target: str, *, stop_with_stdin: bool, **options: Any) -> None:
    """Serve sessions with FUNCTION of MODULE: `async def function(session)`.

    What is not given is taken from the environment: MOORAGE_LINK, MOORAGE_JOIN_KEY or MOORAGE_JOIN_KEY_FILE, MOORAGE_POOL,
    MOORAGE_REGION, MOORAGE_WORKER_TARGET, _SLOTS, _NAME, _LABELS, _PORT, _DIAL_OUT, _DRAIN_SECONDS, MOORAGE_LINK_CA_FILE.
    """
    _set_up_logs(options.pop("log_level"))
    handler = find(target)
    if stop_with_stdin:
        Thread(target=_stop_with_stdin, name="stdin", daemon=True).start()
    _serve(handler, options)


def find(target: str) -> Any:
    """The function. The working folder is looked in, as `python -m` does. Raises ClickException."""
    module, is_pair, name = target.partition(":")
    if not is_pair or not module or not name:
        raise click.BadParameter(f"{target!r} is no MODULE:FUNCTION", param_hint="MODULE:FUNCTION")
    sys.path.insert(0, str(Path.cwd()))
    try:
        found = getattr(import_module(module), name, None)
    except ModuleNotFoundError as error:
        if error.name is None or not (module == error.name or module.startswith(f"{error.name}.")):
            raise
        raise click.ClickException(
            f"there is no module {error.name} here: is it installed, or in this folder?"
        ) from error
    if not callable(found):
        raise click.ClickException(f"module {module} has no function {name}")
    if not iscoroutinefunction(found) and not iscoroutinefunction(found.__call__):
        raise click.ClickException(f"{target} is no `async def` function: it would answer nobody")
    return found


def join_key(given: str | None, data: str) -> str | None:
    """From the option or the data folder; None where the environment has it. Raises ClickException."""
    if given or os.environ.get("MOORAGE_JOIN_KEY") or os.environ.get("MOORAGE_JOIN_KEY_FILE"):
        return given
    try:
        return (Path(data) / "join.key").read_text().strip()
    except OSError as error:
        raise click.ClickException(
            f"no join key: give --join-key, MOORAGE_JOIN_KEY or MOORAGE_JOIN_KEY_FILE, or run where {data}/join.key is"
        ) from error


def _serve(handler: Any, options: dict[str, Any]) -> None:
    from moorage import Worker, dialout
    from moorage.cli.fast_loop import run_fast
    from moorage.errors import MoorageError

    try:
        worker = Worker(
            handler,
            slots=options["slots"] or (None if os.environ.get("MOORAGE_WORKER_SLOTS") else 1),
            pool=options["pool"],
            region=options["region"],
            gateways=options["links"] or None,
            join_key=join_key(options["join_key"], options["data"]),
            labels=dict(pairs(options["labels"], "--label")) or None,
            port=options["port"],
            name=options["name"],
            address=dialout.ADDRESS if options["dial_out"] else None,
            drain_seconds=options["drain_seconds"],
        )
        run_fast(_until_told(worker))
    except (MoorageError, ValueError) as error:
        raise click.ClickException(str(error)) from error
    except ExceptionGroup as group:  # of its tasks; only its own port can be an OSError there
        taken, rest = group.split(OSError)
        if taken is None or rest is not None:
            raise
        raise click.ClickException(f"the worker's port cannot be used: {_first(taken)}") from group


def _first(group: ExceptionGroup[OSError]) -> str:
    found: BaseException = group
    while isinstance(found, BaseExceptionGroup):
        found = found.exceptions[0]
    return str(found)


async def _until_told(worker: Worker) -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, worker.leave)
    await worker.serve()


def _set_up_logs(level: str) -> None:
    """As the programs log, where structlog is installed; else plain lines."""
    try:
        from moorage.cli.logs import set_up_logs
    except ModuleNotFoundError:
        import logging

        logging.basicConfig(level=level.upper(), format="%(asctime)s %(levelname)s %(name)s: %(message)s")
        logging.getLogger("websockets").setLevel(logging.WARNING)
    else:
        set_up_logs(level, os.environ.get("MOORAGE_LOG_FORMAT") or "auto")


def _stop_with_stdin() -> None:
    while os.read(0, 4096):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
