"""A release with a crowd of clients that talk all the time; what they live through is a history, as the survival tests have it.

    with Fleet(node, folder, Plan(clients=200)) as fleet:
        fleet.release.upgrade("two", ...)

Gateways are named by their pods' addresses, workers by the end of their pods' names.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from time import monotonic, sleep
from types import TracebackType
from typing import Any, Self

from tests.helm.real.node import Node
from tests.helm.real.release import Release
from tests.survival import rows, tap
from tests.survival.checker import check
from tests.survival.history import Echoed, Fact, Final, Healed, History, Injected, read_facts, write_history
from tests.survival.programs import Program
from tests.survival.scribe import Scribe, now
from tests.survival.verdicts import Rule, Violation
from tests.survival.views import seen

READY_SECONDS = 120.0
ABOARD_SECONDS = 90.0
SETTLES_SECONDS = 90.0
LEAVES_SECONDS = 60.0
WITNESS = Path(__file__).with_name("witness.py")
UNSEEN = {Rule.SOCKET}  # workers in pods keep no list that a test could read


@dataclass(frozen=True, slots=True)
class Plan:
    """How large the fleet is, and how fast it stops."""

    clients: int = 40
    slots: int = 20
    workers: int = 3
    lives: tuple[float, float] = (4.0, 15.0)
    says_every: float = 0.5
    drain_seconds: int = 10
    values: dict[str, Any] = field(default_factory=dict)

    def chart(self) -> dict[str, Any]:
        """The chart's values: the tests' witness in the example worker's image, and no limit on one address's connections."""
        mount = {"name": "witness", "mountPath": "/app/witness.py", "subPath": "witness.py"}
        pool = {
            "slots": self.slots,
            "minimum": self.workers,
            "maximum": self.workers + 2,
            "args": ["worker", "witness:echo"],
            "volumes": [{"name": "witness", "configMap": {"name": "witness"}}],
            "volumeMounts": [mount],
        }
        limits = {"per_user": 0, "per_key": 0, "per_workspace": 0}
        settings = {
            "gateway": {"handshakes": {"connects_per_second_per_address": 0}},
            "controlplane": {"concurrency": limits},
        }
        return {"drainSeconds": self.drain_seconds, "settings": settings, "pools": {"example": pool}, **self.values}


class Fleet:
    """Entered: installed, and all clients talk."""

    def __init__(self, node: Node, folder: Path, plan: Plan) -> None:
        self.folder = folder
        self.plan = plan
        self.release = Release(node, folder)
        self._crowd: Program | None = None
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        try:
            self._open()
        except BaseException as error:
            self.__exit__(type(error), error, error.__traceback__)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._crowd is not None:
            self._crowd.kill()
        self._stack.__exit__(kind, error, trace)

    def _open(self) -> None:
        self._stack.enter_context(self.release)
        self.scribe = self._stack.enter_context(Scribe(self.folder / "house.jsonl"))
        self.release.apply(
            {
                "apiVersion": "v1",
                "kind": "ConfigMap",
                "metadata": {"name": "witness"},
                "data": {WITNESS.name: WITNESS.read_text()},
            }
        )
        self.release.install(**self.plan.chart())
        self.release.until_ready(READY_SECONDS)
        until(lambda: len(self.release.pods("worker")) == self.plan.workers, READY_SECONDS)
        self.release.until_ready(READY_SECONDS)
        self._start_crowd()

    def _start_crowd(self) -> None:
        path = self.folder / "crowd.json"
        plan = {
            "seed": 1,
            "size": self.plan.clients,
            "lives": self.plan.lives,
            "says_every": self.plan.says_every,
            "key": self.release.secret("admin", "admin.key"),
            "rest": [self.release.rest_url],
            "url": self.release.clients_url,
            "authority": self.release.authority,
            "journal": str(self.folder / "crowd.jsonl"),
        }
        path.write_text(json.dumps(plan))
        words, environment = ["-m", "tests.helm.real.crowd", str(path)], {"PYTHONPATH": str(Path.cwd())}
        self._crowd = Program("crowd", words, environment, self.folder)
        self._crowd.start()
        until(lambda: len(self._talking()) >= self.plan.clients, ABOARD_SECONDS, self._crowd)

    def _talking(self) -> set[str]:
        return {fact.session for fact in self.facts() if isinstance(fact, Echoed)}

    # harm and change, each written down before it begins and after it is over

    def delete(self, component: str) -> None:
        """One of its pods, by force and at once; waits until there is another that is ready."""
        pod = self.release.pods(component)[0]
        target = name_of(component, pod)
        self.scribe.write(Injected(now(), "killed", target))
        self.release.kubectl("delete", "pod", pod["metadata"]["name"], "--force", "--grace-period=0")
        self.release.until_ready(READY_SECONDS)
        self.scribe.write(Healed(now(), "killed", target))

    def until_gone(self, within: float) -> None:
        """Pods that were told to go have gone."""
        components = ("gateway", "controlplane", "autoscaler", "worker")
        until(lambda: all(self.release.all_pods(each) == self.release.pods(each) for each in components), within)

    # what came of it

    def facts(self) -> tuple[Fact, ...]:
        """All that was written so far."""
        return read_facts(sorted(self.folder.glob("*.jsonl")))

    def leave(self) -> None:
        """Every client closes."""
        assert self._crowd is not None
        self._crowd.say("leave")
        assert asyncio.run(self._crowd.gone(LEAVES_SECONDS)) == 0, self._crowd.log()

    def history(self) -> History:
        """Everything up to now, and how things stand."""
        workers, sessions = asyncio.run(seen(self.release.store_url))
        workers = tuple(replace(each, name=short(each.name)) for each in workers)
        sessions = tuple(replace(each, worker=short(each.worker)) for each in sessions)
        events, stream_ends = tap.events([[self.release.volume_of("valkey") / "appendonlydir"]])
        ends = rows.ends(self.release.volume_of("controlplane") / "moorage.db")
        return History(self.facts(), Final(now(), workers, sessions, events, ends, stream_ends))

    def settled(self, *, without: frozenset[Rule] = frozenset()) -> tuple[History, list[Violation]]:
        """Once all clients have left: until nothing is wrong and nobody is live, or it has had its time."""
        deadline = monotonic() + SETTLES_SECONDS
        while True:
            history = self.history()
            wrong = [each for each in check(history) if each.rule not in UNSEEN | without]
            if (not wrong and not history.final.sessions) or monotonic() > deadline:
                write_history(self.folder / "history.jsonl.kept", history)
                return history, wrong
            sleep(1.0)


def name_of(component: str, pod: dict[str, Any]) -> str:
    """As histories call it."""
    if component == "gateway":
        return f"gateway-{pod['status']['podIP']}"
    return short(pod["metadata"]["name"])


def short(pod: str) -> str:
    """The end of a pod's name, which no other pod of the release has."""
    return "-".join(pod.split("-")[-2:])


def until(holds: Callable[[], bool], within: float, program: Program | None = None) -> None:
    """Raises AssertionError, with the end of the program's log."""
    deadline = monotonic() + within
    while not holds():
        assert monotonic() < deadline, program.log() if program is not None else "not in time"
        sleep(0.5)
