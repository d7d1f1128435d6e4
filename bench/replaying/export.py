"""`python -m bench.replaying.export SCENE [SEED] > FILE.csv`: a trace of the bench as `moorage autoscaler replay` reads it."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from bench.replaying.scenes import SCENES, stages

DAYS = 10


def lines(scene: str, seed: int) -> Iterator[str]:
    """With the header; all of the scene's regions, warm-up included."""
    yield "start,end,region"
    for stage in stages(scene, seed, DAYS):
        sessions = stage.sessions
        for start, length in zip(sessions.starts, sessions.lengths, strict=True):
            yield f"{start:.3f},{start + length:.3f},{sessions.region}"


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3) or sys.argv[1] not in SCENES:
        sys.exit(f"usage: python -m bench.replaying.export {{{','.join(SCENES)}}} [SEED] > FILE.csv")
    print("\n".join(lines(sys.argv[1], int(sys.argv[2]) if len(sys.argv) == 3 else 1)))
