"""Why one pod is not well, from its status, its events and its last words. What it belongs to is others' business."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from moorage.cli.installation import images, sayings
from moorage.cli.installation.documents import Document, age, condition, is_true, name, seconds, short, spec, status
from moorage.cli.installation.sayings import Trouble

STARTING_SECONDS = 30.0  # a pod that is younger may just need a moment
_UNREADY_SECONDS = 15.0
_CONFIG = frozenset({"CreateContainerConfigError"})
_CREATE = frozenset({"CreateContainerError", "RunContainerError", "PostStartHookError", "ContainerCannotRun"})
_MOUNTS = frozenset({"FailedMount", "FailedAttachVolume", "FailedMapVolume"})
_MISSING = (
    (re.compile(r'secrets? \\?"([^"\\]+)\\?" not found'), "Secret {0} is not there"),
    (re.compile(r'configmaps? \\?"([^"\\]+)\\?" not found'), "ConfigMap {0} is not there"),
    (re.compile(r"couldn't find key (\S+) in Secret (?:\S+/)?(\S+)"), "Secret {1} has no key {0}"),
    (re.compile(r"couldn't find key (\S+) in ConfigMap (?:\S+/)?(\S+)"), "ConfigMap {1} has no key {0}"),
    (
        re.compile(r"references non-existent (?:secret|config) key: (\S+)"),
        "a Secret or ConfigMap that it mounts has no key {0}",
    ),
)
_MAKE_IT = "make it, or correct the value that names it (existingSecret, secretName, key)"


def trouble(pod: Document, events: Sequence[Document], log: str, now: float) -> Trouble | None:
    """None for a pod that is well, that ended well, or that may still become well by itself. `events`: of this pod."""
    if status(pod).get("phase") == "Succeeded" or pod["metadata"].get("deletionTimestamp"):
        return None
    for found in _reasons(pod, events, log, now):
        if found is not None:
            return found
    return None


def is_well(pod: Document) -> bool:
    """Ready, or ended with success."""
    return is_true(pod, "Ready") or status(pod).get("phase") == "Succeeded"


def _reasons(pod: Document, events: Sequence[Document], log: str, now: float) -> Iterator[Trouble | None]:
    yield _unscheduled(pod)
    for container in containers(pod):
        yield _waiting(container, pod, events, log)
        yield _ended(container, log)
    yield _over(pod)
    yield _unmounted(pod, events)
    yield _unready(pod, log, now)


def containers(pod: Document) -> list[Document]:
    """Statuses, the initial ones first."""
    said = status(pod)
    return [*(said.get("initContainerStatuses") or ()), *(said.get("containerStatuses") or ())]


def _unscheduled(pod: Document) -> Trouble | None:
    scheduled = condition(pod, "PodScheduled")
    if scheduled.get("status") != "False":
        return None
    why = short(str(scheduled.get("message", "")).partition(" preemption:")[0]) or "the scheduler has not said why"
    return Trouble(f"no node takes it: {why}", _where_to(why))


def _where_to(why: str) -> str:
    for words, advice in (
        ("PersistentVolumeClaim", "its claim is not bound: the finding about volumes says why"),
        ("Insufficient", "lower its resources.requests, or add nodes"),
        ("taint", "set its tolerations, or free a node of the taint"),
        ("affinity", "change its nodeSelector or affinity, or label a node"),
        ("node selector", "change its nodeSelector or affinity, or label a node"),
        ("topology spread", "set topologySpread: ScheduleAnyway, or add nodes in other zones"),
    ):
        if words.lower() in why.lower():
            return advice
    return "`kubectl describe pod` shows what each node lacks"


def _waiting(container: Document, pod: Document, events: Sequence[Document], log: str) -> Trouble | None:
    waiting = (container.get("state") or {}).get("waiting") or {}
    reason, message = str(waiting.get("reason", "")), short(waiting.get("message"))
    if reason in images.REASONS:
        return images.trouble(_image(container, pod), reason, message, _messages(events, {"Failed"}))
    if reason in _CONFIG:
        return _missing(message) or Trouble(f"its container cannot be made: {message}", "correct what it names")
    if reason in _CREATE:
        return Trouble(f"its container does not start: {message}", "correct command, args or image of it")
    if reason == "CrashLoopBackOff":
        return _crashed(container, log)
    return None


def _crashed(container: Document, log: str) -> Trouble:
    last = (container.get("lastState") or {}).get("terminated") or {}
    again = f"it crashes again and again ({container.get('restartCount', 0)} times so far)"
    if last.get("reason") == "OOMKilled":
        return Trouble(f"{again}: it needs more memory than its limit", "raise its resources.limits.memory")
    words = str(last.get("message") or "") or log
    if known := sayings.meaning(words):
        return Trouble(f"{again}: {known.what}", known.advice or "correct what it says")
    said = sayings.last_words(words) or f"exit code {last.get('exitCode', '?')}, and not a word"
    return Trouble(f"{again}: {said}", "`kubectl logs --previous` shows the rest")


def _ended(container: Document, log: str) -> Trouble | None:
    """Between two crashes, or for good."""
    over = (container.get("state") or {}).get("terminated") or {}
    if not over or over.get("exitCode") == 0:
        return None
    words = str(over.get("message") or "") or log
    known = sayings.meaning(words)
    if over.get("reason") == "OOMKilled":
        return Trouble("it was killed for want of memory", "raise its resources.limits.memory")
    said = known.what if known else sayings.last_words(words) or "it said nothing"
    return Trouble(f"it ended with code {over.get('exitCode')}: {said}", known.advice if known else "")


def _over(pod: Document) -> Trouble | None:
    said = status(pod)
    if said.get("phase") != "Failed":
        return None
    reason = said.get("reason") or "Failed"
    advice = "free disk or memory of that node, or raise its requests" if reason == "Evicted" else ""
    return Trouble(f"it is over ({reason}): {short(said.get('message')) or 'without a message'}", advice)


def _unmounted(pod: Document, events: Sequence[Document]) -> Trouble | None:
    if any("running" in (container.get("state") or {}) for container in containers(pod)):
        return None
    for message in _messages(events, _MOUNTS):
        return _missing(message) or Trouble(f"a volume cannot be mounted: {message}", "look at its claim and its node")
    for message in _messages(events, {"FailedCreatePodSandBox"}):
        return Trouble(f"its node cannot make the pod: {message}", "look at the node's container runtime and network")
    return None


def _unready(pod: Document, log: str, now: float) -> Trouble | None:
    """Runs, and does not get ready: what it says is all there is."""
    since = seconds(condition(pod, "Ready").get("lastTransitionTime"))
    if is_well(pod) or age(pod, now) < STARTING_SECONDS or since is None or now - since < _UNREADY_SECONDS:
        return None
    known = sayings.meaning(log)
    if known is not None:
        return Trouble(f"it runs and is not ready: {known.what}", known.advice)
    said = sayings.last_words(log)
    return Trouble(
        "it runs and is not ready" + (f"; its last line: {said}" if said else ""), "`kubectl logs` shows more"
    )


def _missing(message: str) -> Trouble | None:
    for pattern, what in _MISSING:
        if found := pattern.search(message):
            return Trouble(what.format(*found.groups()), _MAKE_IT)
    return None


def _messages(events: Iterable[Document], reasons: Iterable[str]) -> list[str]:
    """Of events with these reasons, as they are given: the newest first."""
    wanted = frozenset(reasons)
    return [short(each.get("message") or each.get("note")) for each in events if each.get("reason") in wanted]


def _image(container: Document, pod: Document) -> str:
    asked = (*(spec(pod).get("containers") or ()), *(spec(pod).get("initContainers") or ()))
    found = (each.get("image") for each in asked if each.get("name") == container.get("name"))
    return str(next(found, None) or container.get("image") or f"of {name(pod)}")
