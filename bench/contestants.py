"""Starts whoever takes part in a bench, and ends them with it."""

from __future__ import annotations

import sys
from contextlib import ExitStack

from bench import launch, peers
from bench.arena import Arena, Casting
from bench.generator import Client, EchoWorker, Load
from bench.launch import Ours
from bench.peers import Proxy
from bench.rows import OURS, OURS_PURE

_told: set[str] = set()


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
    if name in (OURS, OURS_PURE):
        return gateway(arena, stack, name, casting)
    if not _is_there(arena, name, peers.missing(name)) or (casting.tls and name in peers.WITHOUT_TLS):
        return None
    started = peers.start(name, arena.folder, casting)
    stack.callback(started.close)
    return started


def gateway(arena: Arena, stack: ExitStack, name: str, casting: Casting) -> Ours | None:
    """One of ours."""
    if not _is_there(arena, name, launch.missing(name)):
        return None
    started = launch.start(name, arena.folder, casting)
    stack.callback(started.close)
    return started


def _is_there(arena: Arena, name: str, missing: str | None) -> bool:
    if not arena.takes_part(name):
        return False
    if missing is not None and missing not in _told:
        _told.add(missing)
        print(missing, file=sys.stderr)
    return missing is None
