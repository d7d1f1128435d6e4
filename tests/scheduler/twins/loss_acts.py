"""After a loss of data: workers return under ids that the store never gave, gateways name what it does not know."""

from __future__ import annotations

from moorage import ids
from moorage.ids import KeyId, SessionId, UserId, WorkerId, WorkspaceId
from scheduler.values import Registration
from tests.scheduler.twins.fleet_acts import adopt
from tests.scheduler.twins.play import GATEWAYS, Ghost, Hand, Life, Play
from tests.scheduler.twins.worker_acts import register_listing

WORKERS, SESSIONS = 3, 3


def lose_data(play: Play) -> None:
    """What was there before, in one region: a shared store takes each for itself as what may have lost its data."""
    for _ in range(WORKERS):
        number = play.number()
        worker = WorkerId(ids.make("wrk", play.now - 60.0 + number, play.chance.randbytes))
        region, key = play.regions[0], play.chance.randbytes(32)
        slots = play.one_of((1, 2, 4))
        registration = Registration(
            f"worker-{number}", region, "gpu", f"10.0.0.1:{number}", slots, again=worker, claim_key=key
        )
        play.returning.append(Hand(worker, registration, key))
        for _ in range(play.chance.randrange(SESSIONS)):
            play.ghosts.append(_a_ghost(play, worker, region))


def _a_ghost(play: Play, worker: WorkerId, region: str) -> Ghost:
    life = Life(
        SessionId(f"ses_{play.number():05}"),
        WorkspaceId(f"wsp_{region}_{play.one_of('ab')}"),
        UserId(f"usr_{play.one_of('abcd')}"),
        KeyId(f"key_{play.one_of('ab')}"),
        (region,),
        [int(play.now * 1000) - 5000 + play.number(), int(play.now * 1000) - 1000 + play.number()],
    )
    play.lives[life.id] = life
    return Ghost(life, worker, region, play.one_of(GATEWAYS), play.now + play.one_of((2.0, 8.0, 3600.0)))


async def return_from_before(play: Play) -> None:
    """With its sessions, most of them."""
    if play.returning:
        hand = play.returning.pop(play.chance.randrange(len(play.returning)))
        own = [ghost.life for ghost in play.ghosts if ghost.worker == hand.id and play.often(85)]
        listed = [(life, play.often(80)) for life in own][: 2 * hand.registration.slots]
        await register_listing(play, hand.registration, listed)


async def adopt_what_was(play: Play) -> None:
    await adopt(play)
