"""What several dashboards ask in the same way."""

from __future__ import annotations

from helm.dashboards.board import Line, Panel, Row

IN = 'namespace="$namespace"'
IN_POOL = f'{IN}, region=~"$region", pool=~"$pool"'
IN_POD = f'{IN}, pod=~"$pod"'
SINCE = "[$__rate_interval]"
OF_POOL = "region, pool"


def rate(metric: str, by: str, where: str = IN) -> str:
    """Of a counter, a second."""
    return f"sum by ({by}) (rate({metric}{{{where}}}{SINCE}))"


def quantile(part: float, metric: str, by: str = "", where: str = IN) -> str:
    """Of a histogram's seconds."""
    labels = f"le, {by}" if by else "le"
    return f"histogram_quantile({part:g}, sum by ({labels}) (rate({metric}_bucket{{{where}}}{SINCE})))"


def quantiles(metric: str, where: str = IN) -> tuple[Line, ...]:
    """The middle, and the slow ones."""
    return tuple(Line(quantile(part, metric, where=where), f"p{part * 100:g}") for part in (0.5, 0.9, 0.99))


def newest(metric: str, by: str, where: str) -> str:
    """Several control planes show the same fleet."""
    return f"max by ({by}) ({metric}{{{where}}})"


def processes(program: str) -> Row:
    """Processor, memory, descriptors, the loop's lag and restarts of one program's pods."""
    mine = f"and on (namespace, pod) moorage_{program}_ready{{{IN_POD}}}"
    lag = f"moorage_{program}_loop_lag_seconds"
    panels = (
        Panel(
            "Event loop's lag",
            "Everything in the process waits so long, in one case of a hundred. Beyond 0.1 s it has too little processor.",
            "s",
            (Line(quantile(0.99, lag, "pod", IN_POD), "{{pod}}"),),
        ),
        Panel(
            "Processor",
            "Cores in use.",
            "short",
            (Line(f"rate(process_cpu_seconds_total{{{IN_POD}}}{SINCE}) {mine}", "{{pod}}"),),
        ),
        Panel(
            "Memory",
            "Resident, beside the container's limit.",
            "bytes",
            (Line(f"process_resident_memory_bytes{{{IN_POD}}} {mine}", "{{pod}}"),),
        ),
        Panel(
            "Descriptors",
            "Part of the limit that is in use.",
            "percentunit",
            (Line(f"process_open_fds{{{IN_POD}}} / process_max_fds{{{IN_POD}}} {mine}", "{{pod}}"),),
        ),
        Panel(
            "Up for",
            "Since the process started.",
            "s",
            (Line(f"time() - process_start_time_seconds{{{IN_POD}}} {mine}", "{{pod}}"),),
        ),
        Panel(
            "Ready", "1 where clients should come.", "short", (Line(f"moorage_{program}_ready{{{IN_POD}}}", "{{pod}}"),)
        ),
    )
    return Row("Processes", panels)
