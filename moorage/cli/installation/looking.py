"""Asks the API server, and the registry over REST, for all that the checks judge. Changes nothing.

It reads with whatever rights there are: what is refused is kept as such, and goes on. Every call has a deadline
(`autoscaler/io/kubernetes/api.py`), lists come in pages.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import click
from prometheus_client import CollectorRegistry

from autoscaler.io.kubernetes.api import Api
from autoscaler.io.kubernetes.credentials import NoCredentials, connect
from autoscaler.io.kubernetes.metrics import KubernetesMetrics
from autoscaler.io.kubernetes.troubles import Refused, Trouble, Unreachable
from moorage.cli.findings import Finding
from moorage.cli.installation import judging, lastwords, parts, reach, registered, served
from moorage.cli.installation.documents import COMPONENT, Document, Registered, Seen
from moorage.cli.installation.parts import Release
from moorage.cli.installation.refusals import refusal
from moorage.cli.rest import Endpoint, rest

PAGE = 500
PAGES = 20
WORKERS = 10_000  # one answer of the registry

KINDS: Mapping[str, tuple[str, bool]] = {
    "deployments": ("/apis/apps/v1", True),
    "statefulsets": ("/apis/apps/v1", True),
    "replicasets": ("/apis/apps/v1", True),
    "pods": ("/api/v1", True),
    "services": ("/api/v1", True),
    "configmaps": ("/api/v1", True),
    "persistentvolumeclaims": ("/api/v1", True),
    "jobs": ("/apis/batch/v1", True),
    "poddisruptionbudgets": ("/apis/policy/v1", True),
    "networkpolicies": ("/apis/networking.k8s.io/v1", True),
    "ingresses": ("/apis/networking.k8s.io/v1", True),
    "horizontalpodautoscalers": ("/apis/autoscaling/v2", False),
    "scaledobjects": ("/apis/keda.sh/v1alpha1", False),
    "events": ("/api/v1", False),
}
"""Plural -> where it is, and whether only objects with the release's labels matter."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where to look. `release`: None is the only one there."""

    namespace: str
    release: str | None = None


def look(place: Place, kubeconfig: Path | None, context: str | None, registry: Endpoint | None = None) -> list[Finding]:
    """Opens the way to the API server, and closes it again."""

    async def looked() -> list[Finding]:
        api = Api(lambda: connect(kubeconfig, context=context), KubernetesMetrics(CollectorRegistry()))
        try:
            await api.connect()
            return await examine(api, place, registry)
        except NoCredentials as error:
            return [reach.no_credentials(str(error))]
        finally:
            await api.close()

    return asyncio.run(looked())


async def examine(api: Api, place: Place, registry: Endpoint | None = None) -> list[Finding]:
    """Every finding. `registry`: the REST API, where its address and a key are known."""
    try:
        found = [reach.version(await api.get("/version"))]
    except Refused as error:
        return [reach.refused(error.status, error.message)]
    except Unreachable as error:
        return [reach.unreachable(str(error))]
    release = await _release(api, place)
    if isinstance(release, Finding):
        return [*found, release]
    seen = await _look(api, place.namespace, release)
    known, trouble = await asyncio.to_thread(_registered, registry, place.namespace)
    seen = await _closer(api, seen, known)
    return [*found, *judging.judge(seen), *([trouble] if trouble else [])]


async def _release(api: Api, place: Place) -> Release | Finding:
    """The one asked for, or the only one; an unknown one where Deployments may not be listed."""
    try:
        documents = await _listed(api, "deployments", place.namespace, COMPONENT)
        if not documents:  # an install that its migration stopped left a Job and nothing else
            documents = await _listed(api, "jobs", place.namespace, COMPONENT)
    except Trouble:
        return Release(place.release or "")
    there = parts.releases(documents)
    wanted = [each for each in there if place.release in (None, each.instance)]
    if not wanted:
        return parts.none(place.namespace, place.release)
    return wanted[0] if len(wanted) == 1 else parts.several(place.namespace, wanted)


async def _look(api: Api, namespace: str, release: Release) -> Seen:
    asked = [_listed(api, plural, namespace, release.selector if own else "") for plural, (_, own) in KINDS.items()]
    answers = await asyncio.gather(*asked, return_exceptions=True)
    lists: dict[str, tuple[Document, ...]] = {}
    unread: dict[str, str] = {}
    for plural, answer in zip(KINDS, answers, strict=True):
        if isinstance(answer, Trouble):
            unread[plural] = refusal(answer)
        elif isinstance(answer, BaseException):
            raise answer
        else:
            lists[plural] = answer
    return Seen(release.instance, namespace, time.time(), lists, unread)


async def _closer(api: Api, seen: Seen, known: tuple[Registered, ...] | None) -> Seen:
    """With what is only worth reading once the lists are there: last words, certificates, registered workers."""
    unread = dict(seen.unread)
    logs, logs_refused = await lastwords.read(api, seen, known)
    certificates, secrets_refused = await served.read(api, seen)
    unread |= {what: why for what, why in (("logs", logs_refused), ("secrets", secrets_refused)) if why}
    return Seen(seen.release, seen.namespace, seen.now, seen.lists, unread, logs, certificates, known)


async def _listed(api: Api, plural: str, namespace: str, selector: str) -> tuple[Document, ...]:
    """All pages. A kind that is not installed has none. Raises Trouble."""
    path = f"{KINDS[plural][0]}/namespaces/{quote(namespace)}/{plural}"
    query = {"limit": str(PAGE)} | ({"labelSelector": selector} if selector else {})
    found: list[Document] = []
    more = ""
    for _ in range(PAGES):
        try:
            page = await api.get(path, query | ({"continue": more} if more else {}))
        except Refused as error:
            if error.is_absent:
                return tuple(found)
            raise
        found += page.get("items") or ()
        more = str((page.get("metadata") or {}).get("continue") or "")
        if not more:
            break
    return tuple(found)


def _registered(endpoint: Endpoint | None, namespace: str) -> tuple[tuple[Registered, ...] | None, Finding | None]:
    """The workers that the registry knows; None, and perhaps why, where it could not be asked."""
    if endpoint is None:
        return None, None
    try:
        with rest(endpoint) as api:
            page = api.call("GET", "/workers", query={"limit": WORKERS})
    except click.ClickException as error:
        return None, registered.not_asked(error.format_message())
    if page["total"] > len(page["workers"]):
        return None, registered.not_asked(f"it has more than {WORKERS} workers")
    return tuple(registered.worker(each, namespace) for each in page["workers"]), None
