"""The clusters of a demo tree: names, labels, tags. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from attrs import field, frozen

ROOT = "root"
CAMERA = "camera"
MOST = 400
"""Controllers that one process is asked to run."""

MOST_PROCESSES = 60
"""Controllers that run as processes of their own."""


@frozen
class Place:
    """One cluster of the tree; ``parent`` is empty for the root.

    :ivar inner: it has clusters below it.
    """

    name: str
    parent: str = ""
    labels: Mapping[str, str] = field(factory=dict)
    tags: tuple[str, ...] = ()
    inner: bool = True


def fixed_tree() -> tuple[Place, ...]:
    """The tree on which documents and checks rely: a root, two regions, three sites in each."""
    regions = ("north", "south")
    return (
        Place(ROOT),
        *(Place(region, ROOT, {"region": region, "tier": "region"}) for region in regions),
        *(_site(region, region, number) for region in regions for number in (1, 2, 3)),
    )


def regular_tree(tiers: int, fanout: int, most: int = MOST, who: str = "one process") -> tuple[Place, ...]:
    """A tree with ``tiers`` tiers, the root's included, in which every controller above the last tier has ``fanout`` children.

    Names tell the way: ``n2-1`` is the first child of ``n2``. Labels and tags follow those of the fixed tree.

    :param who: is given ``most`` controllers at most.
    :raise ValueError: it would have more.
    """
    if size(tiers, fanout) > most:
        raise ValueError(f"{tiers} tiers of {fanout} are {size(tiers, fanout)} controllers; {who} is given {most} at most")
    return (Place(ROOT, inner=tiers > 1), *_below(ROOT, "", 2, tiers, fanout))


def size(tiers: int, fanout: int) -> int:
    """Controllers in a regular tree."""
    return sum(fanout**tier for tier in range(tiers))


def subtree(places: Iterable[Place], top: str) -> set[str]:
    """Names of a cluster and of all below it; parents come before children in ``places``."""
    names = {top}
    for place in places:
        if place.parent in names:
            names.add(place.name)
    return names


def _below(parent: str, region: str, tier: int, tiers: int, fanout: int) -> Iterator[Place]:
    """Tier by tier within a subtree, parents first."""
    if tier > tiers:
        return
    for number in range(1, fanout + 1):
        name = f"n{number}" if parent == ROOT else f"{parent}-{number}"
        if tier == tiers:
            yield _site(parent, region or name, number, name)
        else:
            yield Place(name, parent, {"region": region or name, "tier": "region"})
            yield from _below(name, region or name, tier + 1, tiers, fanout)


def _site(parent: str, region: str, number: int, name: str = "") -> Place:
    gpu = {"gpu": "true"} if number == 1 else {}
    tags = () if number == 1 else (CAMERA,)
    return Place(name or f"{parent}-{number}", parent, {"region": region, "tier": "site", **gpu}, tags, inner=False)
