"""A file of policies: what it comes to, and one sentence for each way to be wrong."""

from __future__ import annotations

import pytest

from autoscaler.policies import WrongPolicy, policies_of
from autoscaler.policy import KubernetesTarget, LocalTarget, PoolPolicy, RemovalMode, Rule, Schedule

TARGET = 'target = { kind = "kubernetes", namespace = "default", name = "gpu" }'
POOL = f'[[pools]]\nregion = "eu"\npool = "gpu"\nslots = 8\n{TARGET}\n'

OTHER = POOL.replace('pool = "gpu"', 'pool = "cpu"')


def refused(text: str) -> str:
    with pytest.raises(WrongPolicy) as wrong:
        policies_of(text)
    return str(wrong.value)


def test_what_is_left_out_is_the_default() -> None:
    assert policies_of(POOL) == (PoolPolicy("eu", "gpu", KubernetesTarget("default", "gpu"), 8),)


def test_everything_can_be_said() -> None:
    (policy,) = policies_of(
        POOL.replace(TARGET, 'target = { kind = "local", command = ["moorage", "worker", "mine:talk"] }')
        + 'labels = { gpu = "a100" }\nminimum = 2\nmaximum = 9\nevery = 2.5\nuses_forecast = true\n'
        '[[pools.rules]]\nname = "calls"\nquery = "sum(calls)"\nper_worker = 8\nstale_after = 30\n'
        '[[pools.schedules]]\nname = "mornings"\ncron = "0 8 * * mon-fri"\ntime_zone = "Europe/Berlin"\n'
        "duration = 3600\nworkers = 5\n"
    )

    assert policy.target == LocalTarget(("moorage", "worker", "mine:talk"))
    assert policy.labels == frozenset({("gpu", "a100")})
    assert (policy.minimum, policy.maximum, policy.every, policy.uses_forecast) == (2, 9, 2.5, True)
    assert policy.rules == (Rule("calls", "sum(calls)", 8.0, stale_after=30.0),)
    assert policy.schedules == (Schedule("mornings", "0 8 * * mon-fri", "Europe/Berlin", 3600.0, 5),)


def test_defaults_are_every_pools_unless_it_says_otherwise() -> None:
    other = POOL.replace('"gpu"', '"cpu"')

    first, second = policies_of(f"[defaults]\nmaximum = 50\nminimum = 3\n{POOL}{other}minimum = 4\n")

    assert (first.minimum, first.maximum) == (3, 50)
    assert (second.minimum, second.maximum) == (4, 50)


def test_how_members_go_and_what_is_scaled_can_be_said() -> None:
    (policy,) = policies_of(
        POOL.replace('name = "gpu" }', 'name = "gpu", resource = "StatefulSet", removal = "exact" }')
    )

    assert policy.target == KubernetesTarget("default", "gpu", "StatefulSet", RemovalMode.EXACT)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("slots = 8", "slots = 0"), "slots is 0: it may be a whole number from 1 to 100000"),
        (("slots = 8", "slots = true"), "slots is True: it may be a whole number"),
        (("slots = 8", "slot = 8"), "slot is no field: did you mean slots?"),
        (("slots = 8", ""), "pools[0] (eu/gpu).slots is missing"),
        (("slots = 8", "slots = 8\nminimum = 9\nmaximum = 5"), "minimum is 9: it may be at most maximum, which is 5"),
        (("slots = 8", "slots = 8\nmaximum = 1000000000"), "maximum is 1000000000: it may be a whole number from 0"),
        (("slots = 8", "slots = 8\nbuffer_sigmas = inf"), "buffer_sigmas is inf: it may be a number from 0 to 20"),
        (("slots = 8", "slots = 8\nevery = nan"), "every is nan"),
        (("slots = 8", "slots = 8\nlabels = { gpu = 4 }"), "labels.gpu is 4: it may be a text"),
        (('"eu"', '""'), "region is '': it may be a text of 1 to 63"),
        (('"eu"', '"eu west"'), "region is 'eu west': it may be a text of 1 to 63"),
        (('"eu"', r'"\u0000"'), r"region is '\x00'"),
        (('"default"', '".."'), "namespace is '..': it may be a name of Kubernetes"),
        (('name = "gpu" }', 'name = "../gpu" }'), "name is '../gpu': it may be a name of Kubernetes"),
        (
            ('name = "gpu" }', 'name = "gpu", resource = "StatefulSet", removal = "detach" }'),
            "removal is 'detach': it may be 'cost' or 'exact'",
        ),
        pytest.param(("slots = 8", f"slots = 8\nevery = {'9' * 400}"), "every is 999", id="four hundred digits"),
        pytest.param(("slots = 8", f"slots = 0x{'F' * 5000}"), "slots is beyond all bounds", id="five thousand"),
        pytest.param(
            ("slots = 8", f"slots = 8\nevery = 0x{'F' * 5000}"), "every is beyond all bounds", id="and a half"
        ),
        pytest.param(("slots = 8", f"{'k' * 100_000} = 8"), "kkk... is no field", id="a long name"),
        (("slots = 8", r'"sl\nots" = 8'), r"'sl\nots' is no field"),
        pytest.param(('"eu"', '"' + "x" * 1_000_000 + '"'), "region is 'xxx", id="a million"),
        (('kind = "kubernetes"', 'kind = "nomad"'), 'it may be a table with kind = "kubernetes" or kind = "local"'),
        (
            ('name = "gpu" }', 'name = "gpu", removal = "all" }'),
            "removal is 'all': it may be 'cost' or 'exact' or 'detach'",
        ),
        (('name = "gpu" }', 'name = "gpu", resource = "Thing" }'), "resource is 'Thing': it may be 'Deployment'"),
    ],
)
def test_a_wrong_field_says_what_it_was_and_what_it_may_be(change: tuple[str, str], said: str) -> None:
    sentence = refused(POOL.replace(*change))

    assert said in sentence
    assert sentence.startswith("pools[0]")
    assert len(sentence) < 400


def test_a_pool_of_processes_has_no_more_of_them_than_a_machine_can_have() -> None:
    said = refused(POOL.replace(TARGET, 'target = { kind = "local", command = ["true"] }\nmaximum = 257'))

    assert "maximum is 257: it may be at most 256: these are processes of one machine" in said


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ('[[pools.rules]]\nname = "a"\nquery = "x"\nper_worker = 0\n', "rules[0].per_worker is 0"),
        ('[[pools.rules]]\nname = "a"\nquery = ""\nper_worker = 1\n', "rules[0].query is '': it may be a PromQL query"),
        (
            '[[pools.rules]]\nname = "a"\nquery = "x"\nper_worker = 1\nlost_after = 5\n',
            "lost_after is 5.0: it may be at least stale_after, which is 60",
        ),
        (
            "".join(f'[[pools.rules]]\nname = "{number}"\nquery = "x"\nper_worker = 1\n' for number in range(101)),
            "rules are 101: a pool may have 100 rules",
        ),
        (2 * '[[pools.rules]]\nname = "a"\nquery = "x"\nper_worker = 1\n', "has 2 of the name 'a'"),
        (
            '[[pools.schedules]]\nname="a"\ncron="0 25 * * *"\ntime_zone="UTC"\nduration=60\nworkers=1\n',
            "schedules[0].cron is '0 25 * * *': it may be five fields",
        ),
        (
            '[[pools.schedules]]\nname="a"\ncron="0 5 30 2 *"\ntime_zone="UTC"\nduration=60\nworkers=1\n',
            "schedules[0].cron is '0 5 30 2 *': it may be a day that there is",
        ),
        (
            '[[pools.schedules]]\nname="a"\ncron="0 5 * * *"\ntime_zone="Mars/Dome"\nduration=60\nworkers=1\n',
            "time_zone is 'Mars/Dome': it may be an IANA name",
        ),
    ],
)
def test_a_wrong_rule_or_schedule_is_named_with_its_place(more: str, said: str) -> None:
    assert said in refused(POOL + more)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("pools = 3", "pools is 3: it may be tables, each under [[pools]]"),
        ("", "there may be 1 to 1000"),
        ("x = ", "this is no TOML"),
        ("[pool]\n", "pool is no field"),
        ("[defaults]\nregion = 'eu'\n" + POOL, "defaults.region is no field"),
        (POOL + POOL, "pools has eu/gpu 2 times"),
        (POOL + POOL.replace('pool = "gpu"', 'pool = "cpu"'), "2 pools have the target default/gpu"),
        (POOL + OTHER.replace('"gpu" }', '"gpu", removal = "exact" }'), "2 pools have the target default/gpu"),
        (
            POOL + OTHER.replace('"gpu" }', '"gpu", resource = "deployments.apps/v1" }'),
            "2 pools have the target default/gpu",
        ),
        pytest.param("x = " + "[" * 20_000, "this is no TOML", id="brackets in brackets"),
        pytest.param("x = " + "9" * 5_000, "this is no TOML", id="five thousand digits"),
        (r'"a\nb" = 1', r"'a\nb' is no field"),
    ],
)
def test_a_file_that_is_wrong_as_a_whole_says_so(text: str, said: str) -> None:
    assert said in refused(text)
