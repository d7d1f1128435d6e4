"""The survival tests' clients at a release's Service: `python -m tests.helm.real.crowd PLAN`."""

from __future__ import annotations

import asyncio
from typing import Any

from tests.helm.real.release import trusting
from tests.helm.real.service import Service
from tests.survival.crowd import Crowd, overheard, planned


async def _main(plan: dict[str, Any]) -> None:
    with overheard(plan) as scribe:
        await Crowd(plan, scribe, Service(plan["url"], trusting(plan["authority"]))).run()


if __name__ == "__main__":
    asyncio.run(_main(planned()))
