"""A picture of one replay: for each region its sessions, the slots that were open for them, and those that were paid."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from autoscaler.replay.trial import Trial


def draw(trials: Sequence[Trial], path: Path) -> None:
    """PNG or SVG by the file's ending. Raises ModuleNotFoundError without matplotlib, OSError where it cannot be written."""
    import matplotlib as mpl
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
    from matplotlib.figure import Figure

    mpl.rcParams["svg.hashsalt"] = "moorage"  # the same replay gives the same file
    figure = Figure(figsize=(10.0, 2.6 * len(trials) + 0.6), layout="constrained")
    axes = figure.subplots(len(trials), 1, sharex=True, squeeze=False)[:, 0]
    for axis, trial in zip(axes, trials, strict=True):
        times = [datetime.fromtimestamp(moment.at, UTC) for moment in trial.moments]
        axis.step(
            times, [moment.paid_slots for moment in trial.moments], where="post", color="#c9d1d9", label="slots paid"
        )
        axis.step(
            times, [moment.open_slots for moment in trial.moments], where="post", color="#1f77b4", label="slots open"
        )
        axis.plot(
            times, [moment.sessions for moment in trial.moments], color="#d9730d", label="sessions", linewidth=1.0
        )
        axis.set_title(_title(trial), fontsize=9, loc="left")
        axis.set_ylim(bottom=0)
        axis.xaxis.set_major_formatter(ConciseDateFormatter(AutoDateLocator()))
        axis.grid(alpha=0.3)
    axes[0].legend(loc="upper right", fontsize=8, ncols=3)
    figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None, dpi=110)


def _title(trial: Trial) -> str:
    seen = trial.measures
    return (
        f"{trial.region}: {seen.sessions:,} sessions, {seen.cut} cut, {seen.rejected} rejected, "
        f"{seen.pod_hours:,.0f} pod-hours ({trial.ratio:.2f} x the reference)"
    )
