"""Workers: their registrations, heartbeats and duties, each a script in their region. A worker's region is looked for once."""

from __future__ import annotations

from typing import Any

from moorage import ids
from moorage.errors import Code
from moorage.ids import WorkerId
from scheduler.io.redis.ground import FLEET, Ground, region_tag
from scheduler.io.redis.words import answer_of, directive_of, directive_word, group_name, labels_of, refused_of
from scheduler.registrations import CLAIM_KEY_BYTES, flaw
from scheduler.values import (
    Beaten,
    Directive,
    Done,
    Heartbeat,
    Refused,
    Registered,
    Registration,
    SessionOnWorker,
    WorkerState,
)
from scheduler.workers import Health, shown


class Workers:
    """Knows which region each worker is in."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self._regions: dict[WorkerId, str] = {}

    async def register(self, said: Registration) -> Registered | Refused:
        wrong = flaw(said)
        if wrong is not None:
            return Refused(Code.UNPROCESSABLE, wrong)
        if said.again is not None and await self.region(said.again) not in (None, said.region):
            return Refused(Code.CONFLICT, "a worker keeps its region and pool; register without `again`")
        await self._ground.found_region(said.region)
        word = self._word(said)
        if not self._ground.is_one_node and said.sessions and said.again is not None:
            word["over"] = await self._ground.run("buried", FLEET, [one.session for one in said.sessions])
        word = await self._ground.in_region("register", said.region, word)
        if word[0] == "refused":
            return refused_of(word)
        _, worker, key, duty, health = word
        self._regions[worker] = said.region
        state = shown(WorkerState(duty), Health(health))
        lease = self._ground.policy.worker_lost_after
        return Registered(WorkerId(worker), bytes.fromhex(key), await self._ground.epoch(), state, lease)

    async def heartbeat(self, beat: Heartbeat) -> Beaten | Refused:
        heard = [_listed(one) for one in (*beat.attached, *beat.detached)]
        ended = [[one.session, one.fence, one.outcome.value, one.reason] for one in beat.ended]
        gateway = beat.gateway or False
        word = await self._ask("heartbeat", beat.worker, beat.seq, beat.load, heard, ended, gateway, beat.is_ready)
        if word[0] == "refused":
            return refused_of(word)
        return Beaten(word[1], tuple(directive_of(one) for one in word[2]))

    async def change(self, name: str, worker: WorkerId, *said: Any) -> Done | Refused:
        """Ready, cordon, drain, ..., or the removal of a worker."""
        answer: Done | Refused = answer_of(await self._ask(name, worker, *said), "")
        return answer

    async def complain(self, worker: WorkerId, session: str) -> None:
        await self._ask("complain", worker, session)

    async def pass_on(self, worker: WorkerId, directive: Directive) -> bool:
        return await self._ask("pass_on", worker, directive_word(directive)) is True

    async def region(self, worker: WorkerId) -> str | None:
        """Where it is registered."""
        known = self._regions.get(worker)
        if known is not None:
            return known
        await self._ground.refresh_regions()
        for region in self._ground.regions:
            if await self._ground.command(region_tag(region), "HEXISTS", ":workers", worker):
                self._regions[worker] = region
                return region
        return None

    async def _ask(self, name: str, worker: WorkerId, *said: Any) -> Any:
        region = await self.region(worker)
        if region is None:
            return ["refused", Code.WORKER_NOT_FOUND.value, f"no worker {worker}; it may have to register again", False]
        word = await self._ground.in_region(name, region, [worker, *said])
        if isinstance(word, list) and word[:2] == ["refused", Code.WORKER_NOT_FOUND.value]:
            self._regions.pop(worker, None)
        return word

    def _word(self, said: Registration) -> dict[str, Any]:
        word: dict[str, Any] = {
            "id": ids.make("wrk", self._ground.now(), self._ground.draw),
            "new_key": self._ground.draw(CLAIM_KEY_BYTES).hex(),
            "name": said.name,
            "pool": said.pool,
            "address": said.address,
            "slots": said.slots,
            "labels": labels_of(said.labels),
            "group": group_name(said.pool, said.labels),
            "version": said.version,
            "sessions": [_listed(one) for one in said.sessions],
            "starting": said.is_starting,
        }
        if said.kubernetes is not None:
            word["kubernetes"] = [said.kubernetes.namespace, said.kubernetes.pod, said.kubernetes.uid]
        if said.again is not None:
            word["again"] = said.again
        if said.claim_key is not None:
            word["key"] = said.claim_key.hex()
            is_whole = len(said.claim_key) == CLAIM_KEY_BYTES
            word["kept"] = is_whole and said.again is not None and ids.is_id("wrk", said.again)
        if said.gateway is not None:
            word["gateway"] = said.gateway
        return word


def _listed(one: SessionOnWorker) -> list[Any]:
    return [one.session, one.fence, one.is_attached]
