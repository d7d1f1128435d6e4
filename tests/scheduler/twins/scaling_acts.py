"""What autoscalers say of pools, and what operators ask of them."""

from __future__ import annotations

from dataclasses import replace

from scheduler.values import DecisionRecord, ScaleAction
from tests.scheduler.builders import a_scale_request, a_status
from tests.scheduler.twins.play import Play
from tests.scheduler.twins.session_acts import LABELS


async def publish_pool(play: Play) -> None:
    """Not before all regions are known: meeting one renews the leases of a process's gateways in it."""
    if not play.has_all_regions:
        return
    status = a_status(
        region=play.one_of(play.regions),
        pool=play.one_of(("gpu", "cpu")),
        labels=play.one_of((frozenset(), *LABELS)),
        maximum=play.one_of((0, 3, 3)),
        desired=play.chance.randrange(4),
        serving=play.chance.randrange(4),
        at=play.now,
        seconds=play.one_of((0.0, 1.5, 6.0, 20.0)),
    )
    said = f"publish_pool {status.region} {status.pool} {status.maximum} until {status.until}"
    await play.twins.ask(said, lambda one: one.store.publish_pool(status))
    await play.twins.step("pool_statuses", lambda one: one.store.pool_statuses())


async def use_scaling(play: Play) -> None:
    request = replace(
        a_scale_request(
            action=play.one_of((ScaleAction.SET, ScaleAction.HOLD)),
            created_at=play.now,
            ttl_seconds=play.one_of((0.5, 3.0, 60.0)),
        ),
        id=f"scl_{play.one_of('abc')}",
    )
    said = f"put_scale_request {request.id}"
    await play.twins.step(said, lambda one: one.store.put_scale_request(request))
    if play.often(30):
        await play.twins.step(f"drop {request.id}", lambda one: one.store.drop_scale_request(request.id))
    await play.twins.step("scale_requests", lambda one: one.store.scale_requests())
    record = DecisionRecord("eu", "gpu", play.now, play.often(50), f'{{"reason": "{play.number()}"}}'.encode())
    await play.twins.step("record_decision", lambda one: one.store.record_decision(record))
    before = play.one_of((None, play.now - 2.0))
    await play.twins.step("decisions", lambda one: one.store.decisions("eu", "gpu", 3, before))
    await play.twins.step("keep_memory", lambda one: one.store.keep_memory("role", record.document))
    await play.twins.step("memory", lambda one: one.store.memory("role"))
