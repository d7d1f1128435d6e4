"""Starts whoever takes part in a bench, and ends them with it."""

from __future__ import annotations

import sys
from contextlib import ExitStack

from bench import peers
from bench.arena import Arena
from bench.generator import Client, EchoWorker, Load
from bench.peers import Proxy

_told: set[str] = set()


def worker(stack: ExitStack) -> EchoWorker:
    """The echo worker that all of them relay to."""
    return stack.enter_context(EchoWorker())


def client(stack: ExitStack, load: Load) -> Client:
    """A load generator."""
    return stack.enter_context(Client(load))


def proxies(
    arena: Arena, stack: ExitStack, worker_port: int, nginx_buffer: str = "4k", sessions: int = 0
) -> list[Proxy]:
    """Everybody who takes part and is installed, ours first. `sessions` is how many tokens ours needs."""
    started: list[Proxy] = []
    for name in peers.NAMES:
        if not arena.takes_part(name) or is_missing(name):
            continue
        proxy = peers.start(name, arena.folder, worker_port, nginx_buffer)
        stack.callback(proxy.close)
        started.append(proxy)
    return started


def is_missing(name: str) -> bool:
    """Whether a peer is not installed; says so once, with how to install it."""
    sentence = peers.missing(name)
    if sentence is not None and name not in _told:
        _told.add(name)
        print(sentence, file=sys.stderr)
    return sentence is not None
