"""Values for tests of the control plane, with only what matters said."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from controlplane.policy import ControlPlanePolicy
from controlplane.sessions import Opening, Session, SessionWish, opened
from moorage.ids import KeyId, SessionId, UserId, WorkerId, WorkspaceId, make
from scheduler.values import EndRecord, Event, Outcome, Usage

NOW = 1_800_000_000.0


def draw(count: int) -> bytes:
    """Chance that is none."""
    return bytes(range(count))


SESSION = SessionId(make("ses", NOW, draw))
WORKSPACE = WorkspaceId(make("wsp", NOW, draw))
USER = UserId(make("usr", NOW, draw))
KEY = KeyId(make("key", NOW, draw))
WORKER = WorkerId(make("wrk", NOW, draw))


def a_policy(**said: Any) -> ControlPlanePolicy:
    return ControlPlanePolicy(**{"data_folder": Path("/nowhere"), **said})


def an_opening() -> Opening:
    return Opening(SESSION, "jti", WORKSPACE, USER, KEY, "ws://node")


def a_session(**said: Any) -> Session:
    return replace(opened(SessionWish("u1"), an_opening(), a_policy(), NOW), **said)


def an_end(outcome: Outcome = Outcome.COMPLETED, **said: Any) -> EndRecord:
    record = EndRecord(SESSION, outcome, None, "done", "client", NOW + 60, 42.5, Usage(1, 2, 3, 4))
    return record._replace(**said)


def an_event(type_: str, at: float = NOW + 1, seq: int = 1, **said: Any) -> Event:
    return Event(position=str(seq), type=type_, at=at, session=SESSION, worker=WORKER, seq=seq, **said)
