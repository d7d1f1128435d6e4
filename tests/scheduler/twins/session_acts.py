"""What gateways, clients and the API do with sessions."""

from __future__ import annotations

from moorage.errors import Code
from moorage.ids import KeyId, RequestId, SessionId, UserId, WorkspaceId
from scheduler.values import (
    NO_USAGE,
    Claimed,
    ClaimRequest,
    ClaimState,
    Concurrency,
    Duplicates,
    End,
    Outcome,
    Queued,
    Wanted,
)
from tests.scheduler.twins.fleet_acts import advance
from tests.scheduler.twins.play import NOBODY, Life, Play

RESERVED, HELD, SUSPENDED = ClaimState.RESERVED, ClaimState.HELD, ClaimState.SUSPENDED
LABELS = (frozenset({("tier", "a")}), frozenset({("tier", "b")}), frozenset({("tier", "a"), ("disk", "ssd")}))


async def claim_new(play: Play) -> None:
    regions = _regions(play)
    life = Life(
        SessionId(f"ses_{play.number():05}"),
        WorkspaceId(f"wsp_{''.join(regions)}_{play.one_of('abc')}"),  # turns are taken within a region
        UserId(f"usr_{play.one_of('abcd')}"),
        KeyId(f"key_{play.one_of('ab')}"),
        regions,
    )
    play.lives[life.id] = life
    await _claim(play, life, a_request(play, life))


async def claim_again(play: Play) -> None:
    life = play.life(play.one_of((RESERVED, HELD, SUSPENDED, SUSPENDED)))
    if life is not None:
        repeats = bool(life.requests) and play.often(15) and not play.is_barred(life)
        await _claim(play, life, play.one_of(life.requests[-3:]) if repeats else a_request(play, life))


async def claim_while_waiting(play: Play) -> None:
    if play.waiting:
        earlier = play.waiting[play.one_of(sorted(play.waiting))]
        life = play.lives[earlier.session]
        request = a_request(play, life)
        if play.often(70):
            request = request._replace(wanted=earlier.wanted)
        await _claim(play, life, earlier if play.often(15) else request)


def _regions(play: Play) -> tuple[str, ...]:
    if len(play.regions) == 1:
        return play.one_of(((), play.regions))
    many = play.one_of((1, 1, 2))
    return tuple(play.chance.sample(play.regions, many))


def a_request(play: Play, life: Life) -> ClaimRequest:
    """Whatever a client may want."""
    limits = Concurrency(*(play.one_of((0, 0, 0, 2, 4)) for _ in range(3))) if play.often(20) else Concurrency()
    issued = play.one_of((play.now, play.now - 20.0, None))
    return ClaimRequest(
        RequestId(f"req_{play.number():05}"),
        life.id,
        life.workspace,
        life.user,
        life.key,
        play.gateway(),
        a_wish(play, life),
        play.now + play.one_of((3600.0, 3600.0, 3600.0, 15.0, 4.0, -1.0)),
        play.one_of((3.0, 12.0, 12.0, 30.0)),
        0.0 if len(life.regions) > 1 else play.one_of((0.0, 5.0, 20.0, 20.0)),  # a wait is in one region
        limits,
        play.one_of((Duplicates.REPLACE, Duplicates.REPLACE, Duplicates.REJECT)),
        issued,
    )


def a_wish(play: Play, life: Life) -> Wanted:
    """What it needs of a worker."""
    pools = play.one_of(((), (), ("gpu",), ("cpu",), ("gpu", "cpu")))
    labels = play.one_of((frozenset(), frozenset(), frozenset(), LABELS[0], LABELS[1]))
    return Wanted(life.regions, pools, labels, is_spread=play.often(25))


async def _claim(play: Play, life: Life, request: ClaimRequest) -> None:
    life.requests.append(request)
    answer = await play.twins.ask(f"claim {request}", lambda one: one.store.claim(request))
    play.wait_for(request, answer)
    play.note()
    if isinstance(answer, Claimed) and len(life.regions) > 1:
        life.regions = (answer.region,)  # on a shared store a session keeps its region while it lives
        request = request._replace(request=RequestId(f"{request.request}_settled"), duplicates=Duplicates.REPLACE)
        await _claim(play, life, request._replace(wanted=request.wanted._replace(regions=life.regions)))
    elif isinstance(answer, Claimed) and play.often(65):
        await _confirm(play, life)


async def confirm(play: Play) -> None:
    life = play.life(RESERVED)
    if life is not None:
        await _confirm(play, life)


async def _confirm(play: Play, life: Life) -> None:
    tick = play.tick(life)
    await play.twins.ask(f"confirm {life.id} {tick}", lambda one: one.store.confirm(life.id, one.fence(life.id, tick)))


async def leave_queue(play: Play) -> None:
    waiting = [play.waiting[request] for request in sorted(play.waiting)]
    known = [*waiting, *(life.requests[-1] for life in play.lives.values() if life.requests)]
    if known:
        left = play.one_of(known[:4]) if play.often(70) else play.one_of(known)
        session = left.session if play.often(50) else None
        play.waiting.pop(left.request, None)
        said = f"leave_queue {left.request} {session}"
        await play.twins.ask(said, lambda one: one.store.leave_queue(left.request, session))


async def move(play: Play) -> None:
    life = play.life(RESERVED)
    if life is not None:
        tick = play.tick(life)
        await play.twins.ask(f"move {life.id} {tick}", lambda one: one.store.move(life.id, one.fence(life.id, tick)))


async def seek_on(play: Play) -> None:
    """A client comes back, and no worker answers it."""
    started = [view.session for view in play.live(HELD, SUSPENDED, RESERVED) if view.started_at is not None]
    life = play.lives[play.one_of(started)] if started and play.often(90) else play.life(RESERVED)
    if life is None or len(life.regions) > 1:
        return
    wait_seconds = play.one_of((0.0, 20.0, 20.0, 20.0))
    back = a_request(play, life)._replace(expires_at=play.now + 3600.0, wait_seconds=wait_seconds)
    if play.often(70):
        back = back._replace(wanted=Wanted(life.regions), duplicates=Duplicates.REPLACE)
    life.requests.append(back)
    play.wait_for(back, await play.twins.ask(f"claim {back}", lambda one: one.store.claim(back)))
    play.note()
    tick = play.tick(life)
    for _ in range(play.one_of((0, 1, 1, 2, 3))):
        await play.twins.ask(f"move {life.id} {tick}", lambda one: one.store.move(life.id, one.fence(life.id, tick)))
        play.note()
    on = back._replace(request=RequestId(f"req_{play.number():05}"))
    life.requests.append(on)
    said = f"seek_on {on} {tick}"
    answer = await play.twins.ask(said, lambda one: one.store.claim(on._replace(unreached=one.fence(life.id, tick))))
    play.wait_for(on, answer)
    play.note()
    if isinstance(answer, Queued) and play.often(60):
        await advance(play, 14)


async def release(play: Play) -> None:
    life = play.life(RESERVED)
    if life is not None:
        tick = play.tick(life)
        said = f"release {life.id} {tick}"
        await play.twins.ask(said, lambda one: one.store.release(life.id, one.fence(life.id, tick)))


async def suspend(play: Play) -> None:
    life = play.life(play.one_of((HELD, HELD, HELD, RESERVED, SUSPENDED)))
    if life is not None:
        tick, usage, is_lost = play.tick(life), play.usage(), play.often(30)
        await play.twins.ask(
            f"suspend {life.id} {tick} {usage} {is_lost=}",
            lambda one: one.store.suspend(life.id, one.fence(life.id, tick), usage, is_worker_lost=is_lost),
        )


async def checkpoint(play: Play) -> None:
    life = play.life(HELD)
    if life is not None and not play.is_silent(life):
        tick, usage = play.tick(life), play.usage()
        said = f"checkpoint {life.id} {tick} {usage}"
        await play.twins.ask(said, lambda one: one.store.checkpoint(life.id, one.fence(life.id, tick), usage))


async def extend(play: Play) -> None:
    life = play.life(HELD, RESERVED, SUSPENDED)
    if play.waiting and play.often(30):
        life = play.lives[play.waiting[play.one_of(sorted(play.waiting))].session]
    if life is not None:
        till = play.now + play.one_of((2.0, 30.0, 7200.0))
        await play.twins.ask(f"extend {life.id} {till}", lambda one: one.store.extend(life.id, till))


async def end(play: Play) -> None:
    """By any party, of any session: live, waiting, ended, never seen."""
    life = play.life(HELD, RESERVED, SUSPENDED)
    if play.waiting and play.often(20):
        life = play.lives[play.waiting[play.one_of(sorted(play.waiting))].session]
    session = life.id if life is not None and play.often(95) else SessionId(f"{NOBODY}_{play.number()}")
    by = play.one_of(("client", "worker", "gateway", "api", "scheduler"))
    tick = play.tick(life) if life is not None and by in ("client", "gateway", "worker") else None
    wish = End(
        session,
        play.one_of(tuple(Outcome)),
        play.one_of((None, Code.SESSION_ENDED, Code.IDLE_TIMEOUT)),
        play.one_of(("DONE", "")),
        by,
        None,
        play.one_of((NO_USAGE, play.usage())),
        play.one_of((None, WorkspaceId("wsp_a"))),
    )
    await play.twins.ask(
        f"end {wish} {tick=}",
        lambda one: one.store.end(
            End(
                wish.session,
                wish.outcome,
                wish.code,
                wish.reason,
                wish.by,
                one.fence(session, tick) if tick is not None else None,
                wish.usage,
                wish.workspace,
            )
        ),
    )


async def ask_to_end(play: Play) -> None:
    life = play.life(play.one_of((HELD, HELD, RESERVED, SUSPENDED)))
    if life is not None:
        wish = End(life.id, Outcome.COMPLETED, Code.SESSION_ENDED, "TERMINATED", "api")
        await play.twins.ask(f"ask_to_end {life.id}", lambda one: one.store.ask_to_end(wish))


async def probed(play: Play) -> None:
    if play.probes:
        probe, is_alive = play.probes.pop(play.chance.randrange(len(play.probes))), play.often(40)
        tick = probe.fence // 1000
        await play.twins.ask(
            f"probed {probe.session} {tick} {probe.request} {is_alive=}",
            lambda one: one.store.probed(
                probe.session, one.fence(probe.session, tick), probe.request, is_alive=is_alive
            ),
        )


async def look_at_one(play: Play) -> None:
    life = play.life()
    if life is not None:
        await play.twins.ask(f"session {life.id}", lambda one: one.store.session(life.id))
