"""`python -m bench NAME --json FILE`."""

from __future__ import annotations

import argparse
import importlib
import sys
import tempfile
from pathlib import Path
from typing import Protocol, cast

from bench import certificate, rows
from bench.arena import Arena
from bench.machine import CannotMeasureError
from bench.rows import Goal, Row, Verdict

NAMES = ("relay", "admit", "memory", "place", "claims", "recover", "dialout", "storm", "contention", "revoke", "replay")


class Bench(Protocol):
    """A module bench/<name>.py."""

    PROMISE: str
    GOALS: tuple[Goal, ...]

    def run(self, arena: Arena) -> list[Row]:
        """Measures."""


def bench(name: str) -> Bench:
    """Loads a bench by name."""
    return cast("Bench", importlib.import_module(f"bench.{name}"))


def main(words: list[str]) -> int:
    """Runs what was asked for; 0 also when goals are missed, 1 when a bench could not measure."""
    options = _parser().parse_args(words)
    names = NAMES if options.name == "all" else (options.name,)
    measured: list[Row] = []
    judged: list[Verdict] = []
    failed = False
    for name in names:
        try:
            found = _run(name, options)
        except CannotMeasureError as error:
            print(f"{name}: {error}", file=sys.stderr)
            failed = True
            continue
        measured += found
        verdicts = rows.judge(bench(name).GOALS, found)
        judged += [verdict for verdict in verdicts if verdict.seen is not None or not options.scene]
        print(f"\n{rows.table(found)}\n")
    print(rows.verdicts(judged))
    if options.json is not None:
        rows.write_json(options.json, measured)
    return 1 if failed else 0


def _run(name: str, options: argparse.Namespace) -> list[Row]:
    with tempfile.TemporaryDirectory(prefix="moorage-bench-") as folder:
        certificate.write_certificate(Path(folder))
        Path(folder).chmod(0o755)  # nginx's worker runs as another user
        only, scenes = frozenset(options.only), frozenset(options.scene)
        return bench(name).run(Arena(Path(folder), options.quick, only, scenes, options.seeds, options.jobs))


def _parser() -> argparse.ArgumentParser:
    about = "\n".join(f"  {name:8} {bench(name).PROMISE}" for name in NAMES)
    parser = argparse.ArgumentParser(
        prog="python -m bench",
        description="Measures ours beside nginx, haproxy and Envoy in the same run.",
        epilog=f"{about}\n\nHow and why it is measured so: docs/performance.md",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("name", choices=(*NAMES, "all"))
    parser.add_argument(
        "--json", type=Path, metavar="FILE", help="write rows {name, metric, value, unit} as a JSON list"
    )
    parser.add_argument("--quick", action="store_true", help="a smoke run of a few seconds; its figures mean nothing")
    parser.add_argument(
        "--only",
        action="append",
        default=[],
        metavar="NAME",
        help="moorage, moorage-pure, nginx, haproxy or envoy (claims: moorage, redis-py, floor); repeatable",
    )
    parser.add_argument(
        "--scene",
        "--trace",
        action="append",
        default=[],
        help="relay: 64x256, 64x256_tls, 1000x256, 64x16k, 8x1m; admit: plain, tls; memory: plain, tls, growth; "
        "claims: 100, 1000, 10000; revoke: memory, redis; "
        "dialout: 64x256, 64x16k, admit; replay: flights, cycle, crowd, steady, step, small step, decide, and faults beside them",
    )
    parser.add_argument("--seeds", type=int, default=5, help="replay: runs of each trace")
    parser.add_argument("--jobs", type=int, default=2, help="replay: processes that simulate")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
