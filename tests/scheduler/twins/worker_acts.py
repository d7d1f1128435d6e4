"""What workers say, what operators do to them, and what gateways report of them."""

from __future__ import annotations

from functools import partial

from scheduler.values import (
    ClaimState,
    Directive,
    Drain,
    Heartbeat,
    Order,
    Outcome,
    Registered,
    Registration,
    SessionOnWorker,
    WorkerEnd,
)
from tests.scheduler.twins.fleet_acts import renew_on
from tests.scheduler.twins.pair import Side
from tests.scheduler.twins.play import NOBODY, Hand, Life, Play
from tests.scheduler.twins.session_acts import LABELS

Listed = list[tuple[Life, bool]]


async def register(play: Play) -> None:
    number = play.number()
    registration = Registration(
        name=f"worker-{number}",
        region=play.one_of(play.regions),
        pool=play.one_of(("gpu", "gpu", "cpu")),
        address=f"10.0.0.1:{number}",
        slots=play.one_of((1, 1, 2, 3, 5, 10)),
        labels=play.one_of((frozenset(), frozenset(), *LABELS)),
        gateway=play.one_of((None, play.gateway(), play.gateway())),
        is_starting=play.often(15),
    )
    await register_listing(play, registration, [])


async def register_again(play: Play) -> None:
    """With its key or a wrong one, its slots or others, its sessions, or some, or those of others."""
    hand = play.hand()
    if hand is None:
        return
    before = hand.registration
    registration = Registration(
        name=before.name,
        region=before.region,
        pool=before.pool if play.often(95) else "other",
        address=before.address,
        slots=before.slots if play.often(70) else play.one_of((0, 1, 2, 6)),
        labels=before.labels if play.often(80) else play.one_of(LABELS),
        version=play.one_of(("", "2")),
        gateway=play.one_of((before.gateway, None, play.gateway())),
        again=hand.id,
        claim_key=hand.claim_key if play.often(93) else b"x" * 32,
        is_starting=play.often(10),
    )
    await register_listing(play, registration, _list(play, hand))


async def register_listing(play: Play, registration: Registration, listed: Listed) -> None:
    """A registration with these sessions."""
    fences = play.fences()
    if registration.region not in {hand.registration.region for hand in play.hands.values()}:
        for gateway in sorted(play.joined):  # meeting a region renews the leases of a process's gateways in it
            await play.twins.step(f"renew {gateway}", partial(renew_on, gateway))
    answer = await play.twins.ask(
        f"register {registration} {_shown(listed)}",
        lambda one: one.store.register(_with_sessions(registration, listed_for(one, listed, fences))),
    )
    if isinstance(answer, Registered):
        hand = Hand(answer.worker, registration, answer.claim_key, link=registration.gateway)
        hand.is_ready = not registration.is_starting
        play.hands[answer.worker] = hand


async def heartbeat(play: Play) -> None:
    """With a witness, and now and then said twice."""
    hand = play.hand()
    if hand is None:
        return
    if play.often(10):
        hand.is_ready = not hand.is_ready
    if play.often(10):
        hand.link = play.one_of((None, play.gateway()))
    beat, fences = hand.beat(), play.fences()
    if play.often(10):
        beat = Heartbeat(hand.id, max(0, beat.seq - play.one_of((1, 2))), 0, gateway=hand.link, is_ready=hand.is_ready)
    attached, detached = _list(play, hand, 20), _list(play, hand, 20)
    ended = [(life, play.one_of(tuple(Outcome))) for life, _ in _list(play, hand, 10)]
    shown = f"{_shown(attached)} gone {_shown(detached)} ended {[(life.id, how.value) for life, how in ended]}"
    await play.twins.ask(
        f"heartbeat {beat} {shown}",
        lambda one: one.store.heartbeat(
            Heartbeat(
                beat.worker,
                beat.seq,
                0,
                0.25 * (beat.seq % 4),
                tuple(listed_for(one, [(life, True) for life, _ in attached], fences)),
                tuple(listed_for(one, [(life, False) for life, _ in detached], fences)),
                tuple(WorkerEnd(life.id, fences(one, life), how, "BYE") for life, how in ended),
                beat.gateway,
                beat.is_ready,
            )
        ),
    )


def listed_for(side: Side, listed: Listed, fences: object) -> list[SessionOnWorker]:
    """As one store knows their fences."""
    assert callable(fences)
    return [SessionOnWorker(life.id, fences(side, life), is_attached) for life, is_attached in listed]


def _list(play: Play, hand: Hand, percent: int = 70) -> Listed:
    """What the worker says it has: each of its sessions mostly, and a stranger now and then."""
    own = [view for view in play.live(*ClaimState) if view.worker == hand.id]
    listed = [(play.lives[view.session], play.often(70)) for view in own if play.often(percent)]
    if play.lives and play.often(8):
        stranger = play.lives[play.one_of(list(play.lives))]
        is_near = len(play.regions) == 1 or stranger.regions == (hand.registration.region,)  # others it may not know
        if is_near and stranger.id not in {view.session for view in own}:
            listed.append((stranger, True))
    return listed[: 2 * hand.registration.slots]


def _with_sessions(registration: Registration, sessions: list[SessionOnWorker]) -> Registration:
    return Registration(
        registration.name,
        registration.region,
        registration.pool,
        registration.address,
        registration.slots,
        registration.labels,
        registration.version,
        tuple(sessions),
        registration.kubernetes,
        registration.again,
        registration.claim_key,
        registration.gateway,
        registration.is_starting,
    )


def _shown(listed: Listed) -> str:
    return str([f"{life.id}{'' if is_attached else ' (gone)'}" for life, is_attached in listed])


async def change_duty(play: Play) -> None:
    hand = play.hand()
    if hand is not None:
        change = play.one_of(("ready", "cordon", "uncordon", "uncordon", "uncordon"))
        await play.twins.ask(f"{change} {hand.id}", lambda one: getattr(one.store, change)(hand.id))


async def drain(play: Play) -> None:
    hand = play.hand()
    if hand is not None:
        wish = Drain(play.now + play.one_of((0.0, 1.0, 10.0)), play.one_of((5.0, 5.0, 5.0, 0.0)))
        await play.twins.ask(f"drain {hand.id} {wish}", lambda one: one.store.drain(hand.id, wish))


async def retire(play: Play) -> None:
    hand = play.hand()
    if hand is not None:
        await play.twins.ask(f"retire {hand.id}", lambda one: one.store.retire(hand.id))


async def remove(play: Play) -> None:
    hand = play.hand()
    if hand is not None:
        await play.twins.ask(f"remove {hand.id}", lambda one: one.store.remove(hand.id))


async def direct(play: Play) -> None:
    hand = play.hand()
    if hand is not None:
        order = Directive(Order.ATTACH, NOBODY, None, None, "", "wss://near", "ticket")
        await play.twins.ask(f"direct {hand.id}", lambda one: one.store.direct(hand.id, order))


async def complain(play: Play) -> None:
    hand, life = play.hand(), play.life(ClaimState.RESERVED)
    if hand is not None and life is not None:
        await play.twins.ask(f"suspect {hand.id} {life.id}", lambda one: one.store.suspect(hand.id, life.id))


async def silence(play: Play) -> None:
    hand = play.hand()
    if hand is not None:
        hand.is_silent = not hand.is_silent
