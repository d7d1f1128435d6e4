"""Lets time pass in every shard. Any number of processes may call it: the scripts see to it that one of them does it."""

from __future__ import annotations

from scheduler.io.redis.carrying import deliver
from scheduler.io.redis.ground import FLEET, Ground, region_tag

MOST_PORTIONS = 200  # of one shard in one sweep; the next sweep goes on


async def sweep(ground: Ground) -> None:
    """The fleet's shard, then each region in portions; what a crash kept from the fleet's shard is told to
    it, and who was on the way to another region arrives."""
    await ground.run("fleet_sweep", FLEET, [])
    for region in ground.regions:
        goes_on = False
        for _ in range(MOST_PORTIONS):
            goes_on, unheard, parcels = await ground.in_region("sweep", region, [goes_on])
            if unheard:
                await ground.depart(region_tag(region), unheard)
            for parcel in parcels:
                await deliver(ground, region, parcel)
            if not goes_on:
                break
