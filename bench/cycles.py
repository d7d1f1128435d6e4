"""A session's claim, confirmation and end on Redis, in three ways: through our store; by redis-py, which asks the same three
functions and nothing more; and the floor, three functions that do nothing, asked through our connection.
"""

from __future__ import annotations

import os
import random
from itertools import count
from typing import Any, Protocol

from bench.herd import DEMANDS, PEOPLE, POLICY, REGION, Person
from controlplane.policy import USUAL_CONCURRENCY
from moorage import ids
from moorage.ids import GatewayId, RequestId, SessionId
from scheduler.io.redis.client.functions import Script, library
from scheduler.io.redis.client.shards import Shards
from scheduler.io.redis.ground import FLEET, region_tag
from scheduler.io.redis.message import inner, pack, unpack
from scheduler.io.redis.prelude import prelude
from scheduler.io.redis.scripts import RECORD, packaged
from scheduler.io.redis.store import RedisStore
from scheduler.io.redis.words import claim_word, wish_word
from scheduler.storeurl import StoreUrl
from scheduler.values import Claimed, ClaimRequest, Done, End, Ended, Outcome

_RESUME_SECONDS, _WAIT_SECONDS, _LIFE_SECONDS = 30.0, 20.0, 3600.0
_CLAIM_BYTES, _CONFIRM_BYTES, _END_BYTES = 420, 45, 90


class Cycle(Protocol):
    """One way."""

    async def go(self, request: ClaimRequest) -> None:
        """Claim, confirm, end; raises AssertionError where one of them was refused."""


class Requests:
    """Of ever new sessions, as a gateway makes them of tokens."""

    def __init__(self, gateway: GatewayId) -> None:
        self._gateway = gateway
        self._numbers = count()

    def make(self, now: float) -> ClaimRequest:
        """Of anybody."""
        person: Person = random.choice(PEOPLE)
        return ClaimRequest(
            RequestId(f"{self._gateway}.{next(self._numbers)}"),
            SessionId(ids.make("ses", now, os.urandom)),
            person.workspace,
            person.user,
            person.key,
            self._gateway,
            random.choice(DEMANDS),
            now + _LIFE_SECONDS,
            _RESUME_SECONDS,
            _WAIT_SECONDS,
            USUAL_CONCURRENCY,
            token_issued_at=now,
        )


def an_end(request: ClaimRequest, fence: int) -> End:
    """As a gateway reports the close of a client."""
    return End(request.session, Outcome.COMPLETED, None, "", "client", fence, workspace=request.workspace)


class Ours:
    """The store, as the gateway uses it."""

    def __init__(self, store: RedisStore) -> None:
        self._store = store

    async def go(self, request: ClaimRequest) -> None:
        claimed = await self._store.claim(request)
        assert isinstance(claimed, Claimed), claimed
        held = await self._store.confirm(claimed.session, claimed.fence)
        assert isinstance(held, Done), held
        ended = await self._store.end(an_end(request, claimed.fence))
        assert isinstance(ended, Ended), ended


class RedisPy:
    """The same functions by redis-py's asyncio client, answers unpacked and not looked at further."""

    def __init__(self, url: StoreUrl, port: int, in_flight: int) -> None:
        from redis.asyncio import Redis

        shards = Shards(url)  # for its keys
        self._key, self._fleet = shards.key(region_tag(REGION)), shards.key(FLEET)
        operations, shared = packaged()
        self._functions = library(operations, [prelude(POLICY), *shared])
        self._redis: Any = Redis(host="127.0.0.1", port=port, protocol=3, max_connections=in_flight)

    async def go(self, request: ClaimRequest) -> None:
        claimed = await self._ask("claim", claim_word(request, REGION, {}, waits=True))
        assert claimed[0] == "claimed", claimed
        fence = inner(claimed[2])[RECORD.index("fence")]
        held = await self._ask("confirm", [request.session, fence])
        assert held[0] == "done", held
        ended = await self._ask("end", wish_word(an_end(request, fence)))
        assert ended[0] == "ended", ended

    async def close(self) -> None:
        """Its connections."""
        await self._redis.aclose()

    async def _ask(self, name: str, args: Any) -> Any:
        function = self._functions.script(name).function.decode()
        return unpack(await self._redis.fcall(function, 1, self._key, b"", self._fleet, pack(args)))[0]


class Floor:
    """What no store on functions can be cheaper than: three round trips of the same length."""

    def __init__(self, shards: Shards) -> None:
        self._shards = shards
        self._nothing: Script = library({"nothing": "return ARGV[3]"}).script("nothing", is_idempotent=True)

    async def go(self, request: ClaimRequest) -> None:
        for length in (_CLAIM_BYTES, _CONFIRM_BYTES, _END_BYTES):
            await self._shards.run(self._nothing, FLEET, b"", b"", bytes(length))
