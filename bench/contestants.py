"""Starts whoever takes part in a bench, and ends them with it."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from dataclasses import dataclass, replace

from bench import launch, peers
from bench.arena import Arena
from bench.generator import Client, EchoWorker, Load
from bench.peers import Proxy
from bench.rows import OURS, OURS_PURE

_told: set[str] = set()


@dataclass(frozen=True, slots=True)
class Casting:
    """What the contestants are started for: where they relay to, in which form, for how many distinct sessions of ours."""

    worker_port: int
    tls: bool = False
    tokens: int = 0
    nginx_buffer: str = "4k"

    def at(self, worker_port: int) -> Casting:
        """The same in front of another worker."""
        return replace(self, worker_port=worker_port)


def worker(stack: ExitStack) -> EchoWorker:
    """The echo worker that all of them relay to."""
    return stack.enter_context(EchoWorker())


def client(stack: ExitStack, load: Load) -> Client:
    """A load generator."""
    return stack.enter_context(Client(load))


def proxies(arena: Arena, stack: ExitStack, casting: Casting) -> list[Proxy]:
    """Everybody who takes part and is there, ours first."""
    found = (proxy(arena, stack, name, casting) for name in (OURS, OURS_PURE, *peers.NAMES))
    return [each for each in found if each is not None]


def proxy(arena: Arena, stack: ExitStack, name: str, casting: Casting) -> Proxy | None:
    """One of them; None when it does not take part, is missing (said once, with how to get it) or does not serve TLS here."""
    if not arena.takes_part(name) or (casting.tls and name in peers.WITHOUT_TLS):
        return None
    is_ours = name in (OURS, OURS_PURE)
    sentence = launch.missing(name) if is_ours else peers.missing(name)
    if sentence is not None:
        _tell(sentence)
        return None
    port, tls = casting.worker_port, casting.tls
    if is_ours:
        started = launch.start(name, arena.folder, port, tls, casting.tokens)
    else:
        started = peers.start(name, arena.folder, port, tls, casting.nginx_buffer)
    stack.callback(started.close)
    return started


def _tell(sentence: str) -> None:
    if sentence not in _told:
        _told.add(sentence)
        print(sentence, file=sys.stderr)
