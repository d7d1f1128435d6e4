"""A process that stands for election, and says ten times a second whether it leads: `candidate.py KUBECONFIG NAMESPACE LEASE`.

Each line is {"at": CLOCK_MONOTONIC, "leads": bool}; the clock is the machine's, so lines of several processes can be compared.
"""

from __future__ import annotations

import asyncio
import json
import signal
import sys
import time
from pathlib import Path

from prometheus_client import CollectorRegistry

from autoscaler.io.kubernetes.cluster import Cluster

EVERY = 0.1


async def main(kubeconfig: str, namespace: str, lease: str) -> None:
    """Until SIGTERM."""
    over = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, over.set)
    cluster = Cluster(CollectorRegistry(), kubeconfig=Path(kubeconfig))
    leader = cluster.leader(namespace, lease)
    running = asyncio.create_task(leader.run())
    while not over.is_set():
        at = time.monotonic()
        print(json.dumps({"at": at, "leads": leader.is_leading}), flush=True)  # noqa: T201 - how it is observed
        await asyncio.sleep(EVERY)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await cluster.close()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
