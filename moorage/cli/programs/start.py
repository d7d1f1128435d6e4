"""What a program was started with: settings that can be read again, and what its parent left it."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from gateway.io.seats import Board, Seat
from moorage.cli.settings import Settings
from moorage.cli.sources import WrongSetting, load

SEAT = "seat-"


@dataclass(frozen=True, slots=True)
class Inheritance:
    """What a child of `moorage up` has of its parent: its name, and listening sockets by their use."""

    name: str
    sockets: Mapping[str, socket.socket]
    seat: Seat | None = None  # among the gateways that accept on the same socket


@dataclass(frozen=True, slots=True)
class Start:
    """One start."""

    settings: Settings
    flags: Mapping[str, object] = field(default_factory=dict)  # by dotted name
    config: Path | None = None
    inherited: Inheritance | None = None

    def again(self) -> Settings:
        """The settings as they are now. Raises WrongSetting."""
        return load(self.flags, self.config).settings

    def socket(self, use: str) -> socket.socket | None:
        """The parent's socket for it; who takes it closes it."""
        return self.inherited.sockets.get(use) if self.inherited else None


def inheritance(text: str) -> Inheritance:
    """Of `gateway-1:clients=5,link=6,seat-2=7`: a name and descriptors. Raises WrongSetting."""
    name, _, listed = text.partition(":")
    try:
        numbers = {use: int(number) for use, _, number in (pair.partition("=") for pair in listed.split(",") if pair)}
        sockets = {use: _taken(number) for use, number in numbers.items() if not use.startswith(SEAT)}
        seats = [_seat(use, number) for use, number in numbers.items() if use.startswith(SEAT)]
    except (ValueError, OSError) as error:
        raise WrongSetting(f"{text!r} names no listening sockets of a parent: {error}") from error
    return Inheritance(name, sockets, seats[0] if seats else None)


def _seat(use: str, descriptor: int) -> Seat:
    board = Board(descriptor)
    os.close(descriptor)
    return Seat(board, int(use.removeprefix(SEAT)))


def _taken(number: int) -> socket.socket:
    """It ends here: what this process starts does not get it."""
    sock = socket.socket(fileno=number)
    os.set_inheritable(number, False)
    sock.setblocking(False)
    return sock
