"""Lets time pass in every shard. Any number of processes may call it: the scripts see to it that one of them does it."""

from __future__ import annotations

from typing import Any

from scheduler.io.redis.carrying import deliver
from scheduler.io.redis.ground import FLEET, Ground, region_tag

MOST_PORTIONS = 200  # of one shard in one sweep; the next sweep goes on


async def sweep(ground: Ground) -> None:
    """The fleet's shard, then each region in portions; what a crash kept from the fleet's shard is told to
    it, and who was on the way to another region arrives."""
    entered = await ground.run("fleet_sweep", FLEET, [])
    if entered:
        await _take_back(ground, entered)
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


async def _take_back(ground: Ground, entered: list[Any]) -> None:
    """Of a claim that died between the fleet's shard and its region nothing stays."""
    for region in {one[6] for one in entered}:
        its = [one for one in entered if one[6] == region]
        absent = await ground.in_region("not_come", region, [one[0] for one in its])
        await ground.run("take_back", FLEET, [its, absent])
