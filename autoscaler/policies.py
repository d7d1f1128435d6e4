"""Policies out of a TOML file, whole or not at all: a wrong one is a sentence with the field, what it was and what it may be.

[defaults]                      # of every pool; optional
maximum = 50

[[pools]]
region = "eu-west"
pool = "gpu"
slots = 8
target = { kind = "kubernetes", namespace = "default", name = "gpu-workers" }
"""

from __future__ import annotations

import tomllib
from collections import Counter
from collections.abc import Mapping
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from autoscaler import cron
from autoscaler.fields import (
    LONGEST,
    At,
    Reading,
    Table,
    WrongPolicy,
    choice,
    dns,
    labels,
    number,
    place,
    query,
    read,
    record,
    tables,
    text,
    truth,
    whole,
)
from autoscaler.kinds import kind_of
from autoscaler.policy import MOST_PROCESSES, KubernetesTarget, LocalTarget, PoolPolicy, RemovalMode, Rule, Schedule

DAY = 86_400
MOST_WORKERS = 10_000
MOST_POOLS = 1_000
MOST_RULES = 100  # of a pool; also of schedules

__all__ = ["WrongPolicy", "policies_of"]


def policies_of(said: str) -> tuple[PoolPolicy, ...]:
    """Of a file's text, in its order. Raises WrongPolicy."""
    try:
        document = tomllib.loads(said)
    except (ValueError, RecursionError) as error:  # also a number of 5,000 digits, and brackets within brackets
        raise WrongPolicy(f"this is no TOML: {error}") from error
    unknown = sorted(document.keys() - {"defaults", "pools"})
    if unknown:
        raise WrongPolicy(f"{At('').under(unknown[0]).path} is no field: there are [defaults] and [[pools]]")
    defaults, found = document.get("defaults", {}), tables(At("pools"), document.get("pools", []))
    if not isinstance(defaults, Mapping):
        raise At("defaults").wrong(defaults, "a table")
    if not 0 < len(found) <= MOST_POOLS:
        raise WrongPolicy(f"pools are {len(found)}: there may be 1 to {MOST_POOLS}, each under [[pools]]")
    read({name: _POOL[name] for name in _SHARED}, At("defaults"), defaults)
    policies = tuple(_pool(at, {**defaults, **table}) for at, table in found)
    _check_unique(policies)
    return policies


def _pool(at: At, table: Table) -> PoolPolicy:
    names = [table.get(name) for name in ("region", "pool")]
    if all(isinstance(name, str) and name.strip() and len(name) <= LONGEST and name.isprintable() for name in names):
        at = At(f"{at.path} ({'/'.join(map(str, names))})")
    policy = PoolPolicy(**record(PoolPolicy, _POOL, at, table))
    if policy.minimum > policy.maximum:
        raise at.under("minimum").wrong(policy.minimum, f"at most maximum, which is {policy.maximum}")
    if isinstance(policy.target, LocalTarget) and policy.maximum > MOST_PROCESSES:
        raise at.under("maximum").wrong(policy.maximum, f"at most {MOST_PROCESSES}: these are processes of one machine")
    return policy


def _target(at: At, was: object) -> KubernetesTarget | LocalTarget:
    if not isinstance(was, Mapping) or was.get("kind") not in ("kubernetes", "local"):
        raise at.wrong(was, 'a table with kind = "kubernetes" or kind = "local"')
    rest = {name: value for name, value in was.items() if name != "kind"}
    if was["kind"] == "local":
        return LocalTarget(**record(LocalTarget, {"command": _command}, at, rest))
    readings: dict[str, Reading] = {
        "namespace": dns,
        "name": dns,
        "resource": _resource,
        "removal": choice(RemovalMode),
    }
    found = record(KubernetesTarget, readings, at, rest)
    target = KubernetesTarget(**{"kind" if name == "resource" else name: value for name, value in found.items()})
    if target.removal is RemovalMode.DETACH and not kind_of(target.kind).is_deployment:
        raise at.under("removal").wrong("detach", "'cost' or 'exact': only a Deployment's pods can be detached")
    return target


def _command(at: At, was: object) -> tuple[str, ...]:
    if (
        not isinstance(was, list)
        or not was
        or not all(isinstance(each, str) and each and "\0" not in each for each in was)
    ):
        raise at.wrong(was, 'a list of texts, as ["moorage", "worker", "mine:talk"]')
    return tuple(was)


def _resource(at: At, was: object) -> str:
    try:
        kind_of(str(was))
    except ValueError:
        raise at.wrong(was, "'Deployment', 'StatefulSet' or '<plural>.<group>/<version>'") from None
    return str(was)


def _rules(at: At, was: object) -> tuple[Rule, ...]:
    found = []
    for where, table in tables(at, was):
        rule = Rule(**record(Rule, _RULE, where, table))
        if rule.lost_after < rule.stale_after:
            raise where.under("lost_after").wrong(
                rule.lost_after, f"at least stale_after, which is {rule.stale_after:g}"
            )
        found.append(rule)
    _check_names(at, "rules", [rule.name for rule in found])
    return tuple(found)


def _schedules(at: At, was: object) -> tuple[Schedule, ...]:
    found = tuple(Schedule(**record(Schedule, _SCHEDULE, where, table)) for where, table in tables(at, was))
    _check_names(at, "schedules", [schedule.name for schedule in found])
    return found


def _cron(at: At, was: object) -> str:
    try:
        found = cron.parse(text(at, was))
    except WrongPolicy:
        raise
    except ValueError as error:
        raise at.wrong(was, f"five fields, minute hour day month weekday: {error}") from error
    if not found.ever:
        raise at.wrong(was, "a day that there is: none of these months has it")
    return str(was)


def _time_zone(at: At, was: object) -> str:
    try:
        return ZoneInfo(text(at, was)).key
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise at.wrong(was, "an IANA name, as 'Europe/Berlin' or 'UTC'") from None


def _check_names(at: At, what: str, names: list[str]) -> None:
    if len(names) > MOST_RULES:
        raise WrongPolicy(f"{at.path} are {len(names)}: a pool may have {MOST_RULES} {what}")
    for name, times in Counter(names).items():
        if times > 1:
            raise WrongPolicy(f"{at.path} has {times} of the name {name!r}: each needs its own")


def _check_unique(policies: tuple[PoolPolicy, ...]) -> None:
    places = Counter(f"{policy.region}/{policy.pool}" for policy in policies)
    targets = Counter(_scaled(policy.target) for policy in policies if isinstance(policy.target, KubernetesTarget))
    for name, times in places.items():
        if times > 1:
            raise WrongPolicy(f"pools has {name} {times} times: region and pool together name one")
    for target, times in targets.items():
        if times > 1:
            raise WrongPolicy(f"{times} pools have the target {target[0]}/{target[-1]}: they would fight over it")


def _scaled(target: KubernetesTarget) -> tuple[str, ...]:
    """The same for whatever names the same object; its version and how its pods go make no other one."""
    kind = kind_of(target.kind)
    return target.namespace, kind.group, kind.plural, target.name


_RULE: dict[str, Reading] = {
    "name": text,
    "query": query,
    "per_worker": number(1e-6, 1e12),
    "stale_after": number(1, DAY),
    "lost_after": number(1, DAY),
    "age_query": query,
    "coverage_query": query,
    "coverage_least": number(0, 1),
}
_SCHEDULE: dict[str, Reading] = {
    "name": text,
    "cron": _cron,
    "time_zone": _time_zone,
    "duration": number(60, 31 * DAY),
    "workers": whole(0, MOST_WORKERS),
}
_POOL: dict[str, Reading] = {
    "region": place,
    "pool": place,
    "target": _target,
    "slots": whole(1, 100_000),
    "labels": labels,
    "minimum": whole(0, MOST_WORKERS),
    "maximum": whole(0, MOST_WORKERS),
    "every": number(1, 3600),
    "buffer_slots": whole(0, 1_000_000),
    "buffer_percent": number(0, 1000),
    "buffer_sigmas": number(0, 20),
    "patience": number(0, 3600),
    "lead_seconds": number(1, 3600),
    "down_window": number(1, 7 * DAY),
    "down_every": number(0, DAY),
    "settle_seconds": number(0, DAY),
    "reversals_per_day": whole(0, 10_000),
    "remove_at_once": whole(1, MOST_WORKERS),
    "uses_forecast": truth,
    "rules": _rules,
    "schedules": _schedules,
}
_SHARED = frozenset(_POOL) - {"region", "pool", "target", "rules", "schedules"}
