"""How a command becomes a long-running program: settings, ports, logs, the loop, signals, and one sentence where it fails."""

from __future__ import annotations

import asyncio
import errno
import json
import os
import signal
from collections.abc import Callable, Mapping
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any, TypeVar

import click

from moorage.cli.config import config_option, loaded_or_exit

if TYPE_CHECKING:
    from moorage.cli.programs.lifecycle import Lifecycle
    from moorage.cli.programs.start import Start
    from moorage.cli.settings import Settings

_F = TypeVar("_F", bound=Callable[..., None])
_P = TypeVar("_P", bound="Lifecycle")


def program_options(command: _F) -> _F:
    """What every program takes."""
    for option in (
        click.option("--json", "as_json", is_flag=True, help="Say where things are as one line of JSON."),
        click.option("--log-level", help="debug, info, warning or error.  [info]"),
        click.option("--metrics-port", type=int, help="For metrics and health.  [7402]"),
        click.option("--host", help="Address of all listeners.  [127.0.0.1]"),
        click.option("--inherit", hidden=True, help="Sockets of the parent process; it stops with its stdin."),
        config_option,
    ):
        command = option(command)
    return command


def store_option(about: str) -> Callable[[_F], _F]:
    """`--store`, whose meaning differs where it may be left out."""
    return click.option("--store", metavar="URL", help=about)


def start_of(flags: Mapping[str, object], config: Path | None, inherit: str | None = None) -> Start:
    """The settings in force, and what a parent left. A wrong one is the command's error."""
    from moorage.cli.programs.start import Start, inheritance
    from moorage.cli.sources import WrongSetting

    settings = loaded_or_exit(dict(flags), config).settings
    try:
        return Start(settings, flags, config, inheritance(inherit) if inherit else None)
    except WrongSetting as error:
        raise click.ClickException(str(error)) from error


def launch(make: Callable[[Start], _P], start: Start, announce: Callable[[_P], None]) -> None:
    """Runs the program to its end, and exits with its status."""
    import structlog

    from moorage.cli.fast_loop import run_fast
    from moorage.cli.logs import set_up_logs

    set_up_logs(start.settings.log_level, start.settings.log_format)
    if start.inherited is not None:
        structlog.contextvars.bind_contextvars(process=start.inherited.name)
        Thread(target=_stop_with_stdin, name="stdin", daemon=True).start()
    run_fast(_run(make, start, announce))
    raise SystemExit(0)


async def _run(make: Callable[[Start], _P], start: Start, announce: Callable[[_P], None]) -> None:
    from sqlalchemy.exc import SQLAlchemyError

    program = make(start)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, program.stop)
    loop.add_signal_handler(signal.SIGHUP, program.reload)
    loop.add_signal_handler(signal.SIGUSR2, program.renew)
    try:
        await program.serve(lambda: announce(program))
    except (OSError, ValueError, RuntimeError, SQLAlchemyError) as error:
        if start.inherited is not None:  # the parent says it
            click.echo(json.dumps({"failed": first_line(error)}))
            raise SystemExit(1) from error
        raise click.ClickException(f"the start failed: {first_line(error)}") from error


_ADVICE = {
    errno.ENOSPC: "the volume is full: enlarge it, or free some of it",
    errno.EDQUOT: "the quota is used up: raise it, or free some of it",
    errno.EROFS: "it is mounted read-only: mount a writable volume there",
    errno.EACCES: "user {user} may not: give it to that user (in a pod: fsGroup, or the Secret's defaultMode)",
}


def first_line(error: Exception) -> str:
    """What a person needs of it: SQLAlchemy adds statements and links, OSError its number."""
    if isinstance(error, OSError) and error.strerror:
        said = f"{error.strerror}{f': {error.filename}' if error.filename else ''}"
        advice = _ADVICE.get(error.errno or 0)
        return f"{said}; {advice.format(user=os.geteuid())}" if advice else said
    return str(error).partition("\n")[0]


def check_ports(settings: Settings, *wanted: str) -> None:
    """Before anything is opened, so that a taken port is one sentence. Raises ClickException."""
    from moorage.cli.catalogue import FLAGS
    from moorage.cli.probes import doors, port_error
    from moorage.cli.sources import variable

    names = {flag: name for name, flag in FLAGS.items()}
    for name, host, number, option in doors(settings):
        error = port_error(host, number) if number and option in wanted else None
        if error is not None:
            raise click.ClickException(
                f"port {number} for {name} cannot be used on {host}: {error}. Stop what uses it "
                f"(`ss -ltnp 'sport = :{number}'`), or choose another with {option} or {variable(names[option])}."
            )


def _stop_with_stdin() -> None:
    """The parent closes it, or is gone."""
    while os.read(0, 4096):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


def given(options: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, object]:
    """Options by the settings they override, those left out included."""
    return {names[name]: value for name, value in options.items()}
