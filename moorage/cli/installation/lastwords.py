"""Reads the last lines of pods that are not well, or that run and are not registered."""

from __future__ import annotations

import asyncio
from urllib.parse import quote

from autoscaler.io.kubernetes.api import Api
from autoscaler.io.kubernetes.troubles import Refused, Unreachable
from moorage.cli.installation import pods
from moorage.cli.installation.documents import COMPONENT, Document, Registered, Seen, label, name, uid
from moorage.cli.installation.refusals import refusal

PODS = 20
LINES = 40
LOG_BYTES = 16384
LOG_SECONDS = 5.0
AT_ONCE = 4


async def read(api: Api, seen: Seen, known: tuple[Registered, ...] | None) -> tuple[dict[str, str], str]:
    """By pod; and why one could not be had, where that is a matter of rights."""
    wanted = [pod for pod in seen.all("pods") if _is_telling(pod, known)][:PODS]
    turns = asyncio.Semaphore(AT_ONCE)
    refused: list[str] = []

    async def one(pod: Document) -> str:
        async with turns:
            try:
                return await _log(api, seen.namespace, pod)
            except Refused as error:
                if error.is_forbidden:
                    refused.append(refusal(error))
            except Unreachable:
                pass  # its node does not answer, or nothing has been said yet
        return ""

    said = await asyncio.gather(*map(one, wanted))
    return {name(pod): text for pod, text in zip(wanted, said, strict=True) if text}, refused[0] if refused else ""


def _is_telling(pod: Document, known: tuple[Registered, ...] | None) -> bool:
    if not pods.is_well(pod):
        return any(_has_begun(container) for container in pods.containers(pod))
    is_worker = label(pod, COMPONENT) == "worker"
    return is_worker and known is not None and uid(pod) not in {each.pod for each in known}


def _has_begun(container: Document) -> bool:
    return bool(container.get("restartCount")) or "waiting" not in (container.get("state") or {"waiting": {}})


async def _log(api: Api, namespace: str, pod: Document) -> str:
    """The last lines of the container that matters. Raises Trouble."""
    container = next((each for each in pods.containers(pod) if _has_begun(each)), {})
    is_waiting = "waiting" in (container.get("state") or {})
    path = f"/api/v1/namespaces/{quote(namespace)}/pods/{quote(name(pod))}/log"
    query = {"tailLines": str(LINES), "limitBytes": str(LOG_BYTES), "container": str(container.get("name", ""))}
    try:
        async with (
            asyncio.timeout(LOG_SECONDS),
            api.lines(path, query | ({"previous": "true"} if is_waiting else {}), silence=LOG_SECONDS) as lines,
        ):
            return b"".join([line async for line in lines]).decode(errors="replace")
    except TimeoutError as error:
        raise Unreachable(f"no log within {LOG_SECONDS:g} s") from error
