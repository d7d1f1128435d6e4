"""`moorage autoscaler replay`: what a policy would have made of sessions that were."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from importlib import import_module
from math import isnan
from operator import add
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

import click

from moorage.cli.extras import server_extra

if TYPE_CHECKING:
    from autoscaler.policy import PoolPolicy
    from autoscaler.replay.sessions import Sessions
    from autoscaler.replay.trial import Terms, Trial

PICTURES = (".png", ".svg")
DAY = 86_400.0
MOST_DAYS = 400.0  # of a trace: a day takes some seconds, so a year an hour
LATEST = 32_503_680_000.0  # the year 3000


@click.command()
@click.argument("trace", type=click.Path(path_type=Path))
@click.option("--policy", type=click.Path(path_type=Path), metavar="FILE", help="TOML file of the pools' policies.")
@click.option("--pool", metavar="POOL", help="Which pool of the file, where a region has several.")
@click.option(
    "--slots", default=8, show_default=True, type=click.IntRange(1, 100_000), help="Of a worker, without --policy."
)
@click.option(
    "--maximum", default=100, show_default=True, type=click.IntRange(1, 100_000), help="Workers, without --policy."
)
@click.option(
    "--pod-start", default=60.0, show_default=True, type=click.FloatRange(0, 86_400), help="Seconds, +- 20 %."
)
@click.option(
    "--wait", default=10.0, show_default=True, type=click.FloatRange(0, 86_400), help="Seconds until a rejection."
)
@click.option("--warm-up", default=0.0, show_default=True, type=click.FloatRange(0), help="Hours that are not counted.")
@click.option("--seed", default=1, show_default=True, help="Of the pods' start times.")
@click.option(
    "--plot", type=click.Path(path_type=Path), metavar="FILE", help="Draw it: a .png or .svg; needs the [plot] extra."
)
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
def replay(trace: Path, plot: Path | None, seed: int, *, as_json: bool, **options: Any) -> None:
    """Try a policy on the sessions of TRACE, and print what would have come of it.

    TRACE is a CSV file with the header start,end,region and one session a line; start and end are Unix seconds or RFC 3339
    with an offset. Each region is one pool of simulated workers. `cut` are sessions whose worker was taken away, `rejected`
    those that waited in vain; the reference has pods that start and stop in no time and no free slot to spare. The PromQL
    rules of a policy are left out, since nobody knows what they would have been answered.

    \b
      start,end,region
      2026-03-01T08:00:00Z,2026-03-01T08:12:30Z,eu-west
      1772352060,1772352600,eu-west
    """
    if plot is not None and plot.suffix.lower() not in PICTURES:
        raise click.BadParameter(f"{plot.name} is neither .png nor .svg", param_hint="--plot")
    for name in ("pod_start", "wait", "warm_up"):
        if isnan(options[name]):
            raise click.BadParameter("it is no number", param_hint=f"--{name.replace('_', '-')}")
    with server_extra("autoscaler replay"):
        if plot is not None:
            import_module("matplotlib")  # a missing extra is said before the minutes of the replay
        trials = _trials(_read(trace), options, seed)
        if plot is not None:
            _draw(trials, plot)
    if as_json:
        click.echo(json.dumps({trial.region: _document(trial) for trial in trials}))
    else:
        _print(trials)


def _trials(regions: list[Sessions], options: dict[str, Any], seed: int) -> list[Trial]:
    from autoscaler.replay.trial import tried

    known = _known(options)
    policies = [_policy(sessions.region, known) for sessions in regions]
    trials = []
    for place, (sessions, policy) in enumerate(zip(regions, policies, strict=True)):
        click.echo(f"{sessions.region}: {len(sessions):,} sessions …", err=True)
        trials.append(tried(sessions, policy, _terms(options), Random(1000 * seed + place)))
    return trials


def _terms(options: dict[str, Any]) -> Terms:
    from autoscaler.replay.trial import Terms

    return Terms(options["pod_start"], 0.2, options["wait"], options["warm_up"] * 3600.0)


def _read(trace: Path) -> list[Sessions]:
    from autoscaler.replay.tracefile import TraceError, read_trace

    try:
        with trace.open(encoding="utf-8-sig", newline="") as lines:
            regions = read_trace(lines)
    except OSError as error:
        raise click.ClickException(f"{trace}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise click.ClickException(f"{trace}: not UTF-8 at byte {error.start}") from error
    except TraceError as error:
        raise click.ClickException(f"{trace}: {error}") from error
    _check_span(trace, regions)
    return regions


def _check_span(trace: Path, regions: list[Sessions]) -> None:
    """Times in milliseconds, or of two kinds, would be replayed for days, five seconds a look."""
    for sessions in regions:
        if not sessions.region.isprintable():
            raise click.ClickException(f"{trace}: region {sessions.region!r} has characters that cannot be printed")
        last = max(map(add, sessions.starts, sessions.lengths))
        if last > LATEST:
            raise click.ClickException(
                f"{trace}: {sessions.region} has a time after the year 3000: are these milliseconds?"
            )
        days = (last - sessions.starts[0]) / DAY
        if days > MOST_DAYS:
            raise click.ClickException(
                f"{trace}: the sessions of {sessions.region} span {days:,.0f} days, and {MOST_DAYS:.0f} is the most: "
                "cut the trace into parts, or see whether its times are all Unix seconds"
            )


@dataclass(frozen=True, slots=True)
class _Known:
    """Which policies there are: of a file, or one for every region."""

    policies: tuple[PoolPolicy, ...]
    pool: str | None
    default: PoolPolicy | None = None


def _known(options: dict[str, Any]) -> _Known:
    if options["policy"] is None:
        from autoscaler.policy import LocalTarget, PoolPolicy

        default = PoolPolicy("", "replay", LocalTarget(()), options["slots"], maximum=options["maximum"])
        return _Known((), None, default)
    from moorage.cli.pool_policies import read_policies
    from moorage.cli.sources import WrongSetting

    try:
        return _Known(read_policies(options["policy"]), options["pool"])
    except WrongSetting as error:
        raise click.ClickException(str(error)) from error


def _policy(region: str, known: _Known) -> PoolPolicy:
    if known.default is not None:
        return replace(known.default, region=region)
    found = [each for each in known.policies if each.region == region and known.pool in (None, each.pool)]
    if len(found) == 1:
        return found[0]
    if found:
        names = ", ".join(sorted(each.pool for each in found))
        raise click.ClickException(f"region {region} has several pools: say --pool with one of {names}")
    named = f" with a pool {known.pool}" if known.pool is not None else ""
    regions = ", ".join(sorted({each.region for each in known.policies}))
    raise click.ClickException(f"no policy is for the region {region} of the trace{named}; the file has {regions}")


def _draw(trials: list[Trial], plot: Path) -> None:
    from moorage.cli.replay_plot import draw

    try:
        draw(trials, plot)
    except OSError as error:
        raise click.ClickException(f"{plot}: {error.strerror}") from error


def _print(trials: list[Trial]) -> None:
    from autoscaler.replay.trial import in_all

    shown = [*trials, in_all(trials)] if len(trials) > 1 else trials
    for trial in shown:
        click.echo(click.style(trial.region, bold=True))
        for name, said in _lines(trial):
            click.echo(f"  {name:<17} {said}")


def _lines(trial: Trial) -> list[tuple[str, str]]:
    seen = trial.measures
    return [
        ("sessions", f"{seen.sessions:,} in {seen.seconds / 86400.0:.1f} days"),
        ("cut by scale-in", f"{seen.cut:,}"),
        ("rejected", f"{seen.rejected:,} ({seen.rejected_percent:.3f} %); {seen.waited:,} waited"),
        ("pod-hours", f"{seen.pod_hours:,.1f}, {trial.ratio:.3f} x the reference; {seen.peak_pods} pods at most"),
        ("utilisation", f"{100 * seen.utilisation:.1f} % of the slots paid"),
        ("scaling actions", f"{seen.per_day(seen.writes):.1f} a day"),
        ("reversals", f"{seen.per_day(seen.reversals):.1f} a day, within 15 minutes of the last action"),
    ]


def _document(trial: Trial) -> dict[str, Any]:
    seen = trial.measures
    return {
        "sessions": seen.sessions,
        "seconds": seen.seconds,
        "cut": seen.cut,
        "rejected": seen.rejected,
        "waited": seen.waited,
        "pod_hours": seen.pod_hours,
        "reference_pod_hours": trial.reference_pod_seconds / 3600.0,
        "utilisation": seen.utilisation,
        "writes_per_day": seen.per_day(seen.writes),
        "reversals_per_day": seen.per_day(seen.reversals),
        "peak_pods": seen.peak_pods,
    }
