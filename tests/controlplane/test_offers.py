"""Tests of controlplane/offers.py."""

from __future__ import annotations

import pytest

from controlplane.offers import demands
from controlplane.policy import ControlPlanePolicy, Offer
from scheduler.values import Labels
from tests.controlplane.builders import a_policy

NOTHING: Labels = frozenset()


def policy() -> ControlPlanePolicy:
    return a_policy(
        qualities={"low": Offer(), "high": Offer(("gpu", "big"), frozenset({("tier", "2")}))},
        features={
            "vision": Offer(("gpu", "cam")),
            "voice": Offer(("mic",)),
            "fast": Offer(labels=frozenset({("t", "3")})),
        },
    )


def test_without_offers_any_pool_will_do() -> None:
    assert demands(policy(), "low", ["unheard-of"], None, NOTHING) == Offer()


def test_features_narrow_the_pools_of_a_quality() -> None:
    assert demands(policy(), "high", ["vision"], None, NOTHING).pools == ("gpu",)


def test_a_feature_alone_names_its_pools() -> None:
    assert demands(policy(), "low", ["voice"], None, NOTHING).pools == ("mic",)


def test_a_named_pool_wins_and_labels_still_hold() -> None:
    assert demands(policy(), "high", ["voice"], "mine", NOTHING) == Offer(("mine",), frozenset({("tier", "2")}))


def test_offers_that_exclude_each_other_are_refused() -> None:
    with pytest.raises(ValueError, match="features: no pool offers these together with quality 'high'"):
        demands(policy(), "high", ["voice"], None, NOTHING)


def test_an_unknown_quality_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match="quality: must be one of low, high"):
        demands(policy(), "best", [], None, NOTHING)


def test_one_label_cannot_have_two_values() -> None:
    with pytest.raises(ValueError, match="labels: 'tier' is asked for with two different values"):
        demands(policy(), "high", [], None, frozenset({("tier", "1")}))
