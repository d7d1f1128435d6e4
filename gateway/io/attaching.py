"""One attach: claim a slot, reach its worker, confirm, answer the client, relay."""

from __future__ import annotations

from time import monotonic

from gateway.forward import Visitor
from gateway.io.admission import Admission
from gateway.io.attachment import Attachment
from gateway.io.attachments import Attachments
from gateway.io.dial import Dialler, NoOther, Reached
from gateway.io.wire import Stream, Wire
from gateway.policy import GatewayPolicy
from gateway.refusals import Refusal
from gateway.sessionlimits import limits_for
from moorage.errors import Code
from scheduler.store import Store, Unavailable
from scheduler.values import Stale


class Attacher:
    """Carries accepted clients to their workers, for one gateway."""

    def __init__(
        self, policy: GatewayPolicy, wire: Wire, admission: Admission, dialler: Dialler, attachments: Attachments
    ) -> None:
        self.limits = policy.limits  # of relays that begin from now on
        self._wire = wire
        self._admission = admission
        self._dialler = dialler
        self._attachments = attachments

    @property
    def waiting(self) -> int:
        """Clients that wait for a slot."""
        return self._admission.waiting

    async def attach(self, visitor: Visitor, stream: Stream, store: Store) -> None:
        """Returns when bytes are relayed. Raises Refusal, WorkerDeclined, ConnectionError; the slot is then given back."""
        reached = await self._reached(visitor, stream)
        attachment = Attachment(self._attachments, reached.claimed, visitor.token)
        try:
            with self._attachments.expecting(attachment):
                answer = await store.confirm(attachment.session, attachment.fence)
            if isinstance(answer, Stale) and answer.fence is None and not await self._attachments.is_known():
                raise Unavailable("the store lost its data while the worker was dialled")
            if isinstance(answer, Stale):
                raise await self._dialler.refusal_of(answer)
            self._relay(visitor, stream, reached, attachment)
        except BaseException as error:
            reached.stream.abort()
            self._dialler.release(reached.claimed)
            if isinstance(error, Unavailable):
                raise Refusal(Code.STORE_UNAVAILABLE, retry_after=1.0) from error
            raise

    async def _reached(self, visitor: Visitor, stream: Stream) -> Reached:
        """Each round begins with an answer of the store and ends with one of a worker, or with the wait, which is one for all."""
        began = monotonic()
        claimed = await self._admission.claim(visitor, stream)
        while True:
            try:
                return await self._dialler.reach(visitor, claimed)
            except NoOther as refusal:
                unreached = refusal.claimed
            claimed = await self._admission.seek_on(visitor, stream, unreached, monotonic() - began)

    def _relay(self, visitor: Visitor, stream: Stream, reached: Reached, attachment: Attachment) -> None:
        stream.send(reached.head)
        limits = limits_for(self.limits, visitor.token.limits, reached.claimed.carried_bytes)
        attachment.relay = self._wire.relay(stream, reached.stream, limits, attachment)
        self._attachments.add(attachment)
