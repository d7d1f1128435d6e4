"""What gateways do for themselves, what operators and the control plane do, and the passing of time."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from moorage.ids import GatewayId, SessionId
from scheduler.values import (
    Beaten,
    ClaimState,
    DrainState,
    End,
    Heartbeat,
    Held,
    JoinKey,
    Outcome,
    Refused,
    Revocation,
    Usage,
)
from tests.scheduler.builders import a_plan
from tests.scheduler.twins.pair import Side
from tests.scheduler.twins.play import SWEEP_EVERY, Life, Play

_ATTACHED = (ClaimState.RESERVED, ClaimState.HELD)


async def join(play: Play) -> None:
    await bring_on(play, play.gateway())


async def bring_on(play: Play, gateway: GatewayId) -> None:
    """A gateway begins, or begins again."""
    node = f"wss://{gateway}/{play.one_of('12')}"
    await play.twins.ask(f"join {gateway}", lambda one: one.store.join(gateway, node))
    if gateway not in play.twins.memory.watches or play.often(30):
        await play.twins.watch(gateway)
    play.joined.add(gateway)
    play.silent.discard(gateway)


async def renew(play: Play) -> None:
    gateway = play.gateway()
    await play.twins.ask(f"renew {gateway}", lambda one: one.store.renew(gateway))


async def adopt(play: Play) -> None:
    """What it holds, and what it may still believe to hold."""
    gateway = play.gateway()
    if not play.has_all_regions and gateway not in play.joined:
        return
    views = [view for view in play.live(*ClaimState) if view.gateway == gateway or play.often(15)]
    named = [(play.lives[view.session], view) for view in views if play.often(85)]
    ticks = {life.id: play.tick(life) for life, _ in named}

    relayed = [(life, view.worker, view.region, view.expires_at) for life, view in named]
    known = {view.session for view in play.live(*ClaimState)}
    for ghost in play.ghosts:
        if ghost.life.id not in known and (ghost.gateway == gateway or play.often(10)):
            relayed.append((ghost.life, ghost.worker, ghost.region, ghost.expires_at))
            ticks[ghost.life.id] = play.tick(ghost.life)

    if not relayed and not play.has_all_regions:
        return  # a region that is met later would still take what it names then for news of a loss

    def held(one: Side) -> list[Held]:
        return [
            Held(
                life.id,
                one.fence(life.id, ticks[life.id]),
                life.workspace,
                life.user,
                life.key,
                worker,
                region,
                expires_at,
                12.0,
                Usage(1, 2, 3, 4),
            )
            for life, worker, region, expires_at in relayed
        ]

    await play.twins.ask(f"adopt {gateway} {ticks}", lambda one: one.store.adopt(gateway, held(one)))


async def leave(play: Play) -> None:
    """It ends and begins again."""
    gateway = play.gateway()
    for request in [name for name, one in play.waiting.items() if one.gateway == gateway]:
        del play.waiting[request]
    play.twins.waiting = {request.session for request in play.waiting.values()}
    for side in (play.twins.memory, play.twins.redis):
        side.watches.pop(gateway, None)
    await play.twins.ask(f"leave {gateway}", lambda one: one.store.leave(gateway))
    play.joined.discard(gateway)


async def fall_silent(play: Play) -> None:
    """Not before all regions are known: meeting one renews the leases of a process's gateways in it."""
    if play.has_all_regions:
        play.silent ^= {play.gateway()}


async def cordon_gateway(play: Play) -> None:
    gateway, is_cordoned = play.gateway(), play.often(40)
    said = f"cordon_gateway {gateway} {is_cordoned}"
    await play.twins.ask(said, lambda one: one.store.cordon_gateway(gateway, is_cordoned=is_cordoned))


async def move_away(play: Play) -> None:
    """All or none: which of several are told first is the store's choice."""
    if play.ghosts and len(play.regions) > 1:
        return  # what they want is not known: in memory any region will do
    hand = play.hand()
    of = hand.id if hand is not None and play.often(60) else play.gateway()
    most = play.one_of((0, 1000, 1000, 1000))
    await play.twins.ask(f"move_away {of} {most}", lambda one: one.store.move_away(of, most))


async def revoke(play: Play) -> None:
    life = play.life()
    if life is not None:
        said = a_revocation(play, life)
        await play.twins.ask(f"revoke {said}", lambda one: one.store.revoke(said))
        forget_dismissed(play)


async def seed(play: Play) -> None:
    life = play.life()
    buried = {SessionId(f"ses_seeded_{play.number()}"): play.now + 300.0}
    if life is not None and play.often(30):
        buried[life.id] = play.now + 300.0
        play.seeded.add(life.id)
    said = [a_revocation(play, life)] if life is not None and play.often(50) else []
    await play.twins.ask(f"seed {buried} {said}", lambda one: one.store.seed(buried, said))


def a_revocation(play: Play, life: Life) -> Revocation:
    """Of what this session is, for some seconds."""
    kind = play.one_of(("session", "session", "session", "user", "key", "workspace"))
    named = life.id if kind == "session" else getattr(life, kind)
    until, before = play.now + play.one_of((2.0, 20.0)), play.now - play.one_of((0.0, 10.0))
    return Revocation(kind, named, until, before, play.one_of(("", "ABUSE")))


def forget_dismissed(play: Play) -> None:
    """Who was told that it waits no more."""
    play.note()


async def end_seeded(play: Play) -> None:
    wish = End(SessionId(f"ses_seeded_{play.numbers}"), Outcome.COMPLETED, None, "LATE", "api")
    await play.twins.ask("end of one that was seeded", lambda one: one.store.end(wish))


async def use_board(play: Play) -> None:
    role, holder, seconds = play.one_of("ab"), play.one_of("xy"), play.one_of((0.0, 1.0, 5.0))
    await play.twins.ask(f"lead {role} {holder} {seconds}", lambda one: one.store.lead(role, holder, seconds))
    plan = replace(a_plan(), id=f"drn_{play.one_of('abc')}", state=play.one_of(tuple(DrainState)))
    await play.twins.step(f"put_drain {plan}", lambda one: one.store.put_drain(plan))
    if play.often(20):
        await play.twins.step(f"drop_drain {plan.id}", lambda one: one.store.drop_drain(plan.id))
    await play.twins.step("drains", lambda one: one.store.drains())
    keys = [JoinKey(f"{number:064}", "*", "eu") for number in range(play.chance.randrange(3))]
    await play.twins.step(f"set_join_keys {len(keys)}", lambda one: one.store.set_join_keys(keys))
    await play.twins.step("join_key", lambda one: one.store.join_key(f"{1:064}"))
    document = f"keys {play.number()}".encode()
    await play.twins.step("set_token_keys", lambda one: one.store.set_token_keys(document))
    await play.twins.step("token_keys", lambda one: one.store.token_keys())


async def let_time_pass(play: Play) -> None:
    await advance(play, play.one_of((1, 1, 2, 4, 8, 14, 24, 48)))


async def advance(play: Play, sweeps: int) -> None:
    """Sweeps; beats and renewals every second of those who are not silent."""
    clock = play.twins.clock
    for _ in range(sweeps):
        before = clock.seconds
        clock.seconds += SWEEP_EVERY + play.chance.random() / 100
        if int(before) != int(clock.seconds):
            await _keep_alive(play)
        await play.twins.step("sweep", lambda one: one.store.sweep())
        play.note()
    await play.twins.compare_views()


async def _keep_alive(play: Play) -> None:
    for hand in list(play.hands.values()):
        if not hand.is_silent:
            beat = hand.beat()
            await play.twins.step(f"heartbeat {hand.id}", partial(_beat, beat))
            play.twins.clock.seconds += 0.002
    for gateway in sorted(play.joined - play.silent):
        await play.twins.step(f"renew {gateway}", partial(renew_on, gateway))
        play.twins.clock.seconds += 0.002


async def _beat(beat: Heartbeat, one: Side) -> Beaten | Refused:
    return await one.store.heartbeat(beat)


async def renew_on(gateway: GatewayId, one: Side) -> bool:
    """Keeps its lease on one of the two."""
    return await one.store.renew(gateway)


async def oversleep(play: Play) -> None:
    """Nobody sweeps for a while: nobody's silence."""
    play.twins.clock.seconds += play.one_of((4.0, 9.0, 20.0))
    await play.twins.ask("sweep after a sleep", lambda one: one.store.sweep())
