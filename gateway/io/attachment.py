"""One attach of one session: what the gateway knows of it, and what it hands on to the store."""

from __future__ import annotations

from typing import Protocol

import structlog

from gateway.io.wire import Relay
from gateway.relay import Ending, Farewell, Traffic
from moorage.errors import Code
from moorage.tokens import SessionToken
from scheduler.values import NO_USAGE, Claimed, End, Held, Usage

log = structlog.get_logger(__name__)


class Keeper(Protocol):
    """Who is told how an attach ended; see gateway.io.attachments."""

    def ended(self, attachment: Attachment, ending: Ending) -> Farewell:
        """Reports it, and says what each side is told."""

    def closed(self, attachment: Attachment) -> None:
        """Its descriptors are free again."""


class Attachment:
    """One attach of one session. Thousands are alive at once: no dict, no task, no timer of its own."""

    __slots__ = (
        "_attachments",
        "carried",
        "expires_at",
        "fence",
        "issued_at",
        "key",
        "order",
        "region",
        "relay",
        "retry_after",
        "session",
        "user",
        "wish",
        "worker",
        "workspace",
    )

    def __init__(self, attachments: Keeper, claimed: Claimed, token: SessionToken) -> None:
        self._attachments = attachments
        self.session = claimed.session
        self.fence = claimed.fence
        self.worker = claimed.worker
        self.region = claimed.region
        self.expires_at = claimed.expires_at
        self.workspace = token.workspace
        self.user = token.user
        self.key = token.key
        self.issued_at = token.issued_at  # revocations spare those whose token is younger
        self.order: Code | None = None  # why the gateway itself ends it
        self.retry_after: float | None = None  # what its client is told with the order
        self.wish: End | None = None  # how it is to be ended, where somebody asked for that
        self.relay: Relay | None = None
        self.carried: Usage = NO_USAGE  # by its relay, once that has ended

    def held(self, resume_seconds: float) -> Held:
        """All that a store which lost its data needs to know of it."""
        usage = self.carried if self.relay is None else usage_of(self.relay.traffic())
        return Held(
            self.session,
            self.fence,
            self.workspace,
            self.user,
            self.key,
            self.worker,
            self.region,
            self.expires_at,
            resume_seconds,
            usage,
        )

    def relay_ended(self, ending: Ending) -> Farewell:
        """The relay's question; see gateway.relay.Owner."""
        return self._attachments.ended(self, ending)

    def relay_closed(self, traffic: Traffic) -> None:
        """Both sockets are gone; see gateway.relay.Owner."""
        self._attachments.closed(self)


def say_ended(attachment: Attachment, ending: Ending) -> None:
    """One line for each attach that ended: the gateway's access log."""
    traffic = ending.traffic
    log.info(
        "attach_ended",
        session=attachment.session,
        worker=attachment.worker,
        fence=attachment.fence,
        cause=ending.cause.value,
        by=ending.by.value if ending.by else None,
        close_code=ending.close_code,
        order=attachment.order.value if attachment.order else None,
        bytes_from_client=traffic.bytes_from_client,
        bytes_from_worker=traffic.bytes_from_worker,
        messages_from_client=traffic.messages_from_client,
        messages_from_worker=traffic.messages_from_worker,
    )


def usage_of(traffic: Traffic) -> Usage:
    """A relay's traffic in the store's words."""
    return Usage(
        traffic.bytes_from_client, traffic.bytes_from_worker, traffic.messages_from_client, traffic.messages_from_worker
    )
