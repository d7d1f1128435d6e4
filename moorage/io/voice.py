"""Whom a link speaks for: what it says comes from here, what it hears goes here.

All of it is called in the link's thread; the methods are thread-safe and quick. moorage/io/roster.py is the worker's.
"""

from __future__ import annotations

from typing import Protocol

from moorage.errors import MoorageError
from moorage.link import Directive, Heartbeat, Register, Registered


class Voice(Protocol):
    """Whom the link speaks for."""

    def introduce(self, local_host: str) -> Register:
        """The registration, with every session there is now."""

    def welcome(self, registered: Registered) -> None:
        """The gateway took it."""

    def refused(self, error: MoorageError) -> None:
        """It did not. The link goes on trying."""

    def beat(self) -> Heartbeat:
        """The next heartbeat."""

    def acknowledged(self, beat: Heartbeat) -> None:
        """The store took this one."""

    def directed(self, directive: Directive) -> None:
        """An order."""
