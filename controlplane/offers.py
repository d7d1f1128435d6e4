"""What a session's quality and features ask of workers: pools to choose from, labels to have."""

from __future__ import annotations

from collections.abc import Iterable

from controlplane.policy import ControlPlanePolicy, Offer
from scheduler.values import Labels


def demands(
    policy: ControlPlanePolicy, quality: str, features: Iterable[str], pool: str | None, labels: Labels
) -> Offer:
    """A pool that was named wins; else every offer narrows the choice. Raises ValueError naming the field."""
    offers = [_quality(policy, quality), *(policy.features.get(feature, Offer()) for feature in features)]
    wanted = labels.union(*(offer.labels for offer in offers))
    _check_labels(wanted)
    if pool is not None:
        return Offer((pool,), wanted)
    pools: tuple[str, ...] = ()
    for offer in offers:
        if pools and offer.pools and not set(pools) & set(offer.pools):
            raise ValueError(f"features: no pool offers these together with quality {quality!r}")
        pools = tuple(name for name in pools if not offer.pools or name in offer.pools) or offer.pools
    return Offer(pools, wanted)


def _quality(policy: ControlPlanePolicy, quality: str) -> Offer:
    offer = policy.qualities.get(quality)
    if offer is None:
        raise ValueError(f"quality: must be one of {', '.join(policy.qualities)}")
    return offer


def _check_labels(labels: Labels) -> None:
    names = [name for name, _ in labels]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"labels: {name!r} is asked for with two different values")
