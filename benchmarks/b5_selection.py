"""B5: selection over many names with 10 labels and 3 tags each; insert and remove; memory."""

from __future__ import annotations

import ctypes
import gc
import random
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from time import perf_counter

from rich.markup import escape

from benchmarks.floor_selection import Plain
from benchmarks.harness import Row, at_most
from ote_twisted.topology.selection.index import ClusterIndex
from ote_twisted.topology.selection.parser import parse

NAME = "B5 selection over names, labels and tags"

REGIONS = ("bj", "cd", "cq", "gz", "hz", "nj", "sh", "tj", "wh", "xa")
MIDDLES = 100
ROUNDS = 15
QUESTIONS = {
    "label": "[region=bj]",
    "label, 1 in 1,000": "[owner=o5]",
    "label, unique": "[serial=s00000777]",
    "three labels": "[region=bj,tier=site,zone in (z1,z10,z20)]",
    "label, a third": "[tier=site]",
    "label, negated": "[region!=bj]",
    "prefix": "bj-*",
    "infix of 3": "*993*",
    "infix of 6": "*012345*",
    "infix in all": "*edge*",
    "expression in all": "/edge/",
    "suffix": "*99",
    "two infixes": "*e-*993*",
    "tag": "*g4*",
    "negation": "!bj-*",
    "subtree": "under(bj-07)",
    "mixed": "bj-*,sh-*,[owner=o5],!*99*,!*g4*",
    "regular expression": "/^bj.*99[37]$/",
}

Site = tuple[str, dict[str, str], tuple[str, ...], str]


def site(number: int) -> Site:
    """Name, labels, tags, and parent of one cluster."""
    region, middle = REGIONS[number % 10], number // 10 % MIDDLES
    labels = {
        "region": region,
        "tier": ("site", "mec", "edge")[number % 3],
        "zone": f"z{number % 50}",
        "owner": f"o{number % 1000}",
        "os": f"deb{12 + number % 2}",
        "gpu": str(number % 7 == 0).lower(),
        "serial": f"s{number:08d}",
        "rack": f"r{number % 400}",
        "version": f"1.{number % 20}",
        "environment": "production" if number % 4 else "test",
    }
    tags = (f"t{number % 17}", f"g{number % 100}", f"cam{number % 5}")
    return f"{region}-{middle:02d}-edge-{number // 1000:07d}", labels, tags, f"{region}-{middle:02d}"


def sites(count: int) -> Iterator[Site]:
    """All sites as they arrive after a restart: subtree by subtree in any order, each in order of names."""
    numbers = list(range(1000))
    random.Random(5).shuffle(numbers)
    for number in numbers:
        yield from map(site, range(number, count, 1000))


def build(count: int) -> ClusterIndex:
    """The index of a whole tree."""
    index = ClusterIndex()
    index.add("root", {})
    for region in REGIONS:
        index.add(region, {}, (), "root")
        for middle in range(MIDDLES):
            index.add(f"{region}-{middle:02d}", {}, (), region)
    for name, labels, tags, parent in sites(count):
        index.add(name, labels, tags, parent)
    return index


def resident() -> int:
    """Bytes of memory that this process has, less what its allocator only keeps for later."""
    gc.collect()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim:
        trim(0)
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


def best(action: Callable[[], object], times: int) -> float:
    """Shortest time of an action, ms."""
    return min(once(action) for _ in range(times))


def once(action: Callable[[], object]) -> float:
    """Time of an action, ms."""
    start = perf_counter()
    action()
    return (perf_counter() - start) * 1e3


def run(quick: bool) -> list[Row]:
    """Every form of selector; then changes and memory. The floor of a selector is a list of the same names from known ids."""
    count = 100_000 if quick else 1_000_000
    before = resident()
    index = build(count)
    memory = (resident() - before) / count
    rows = _selector_rows(index)
    rows += _change_rows(index, count)
    rows.append(Row(f"{count:,} names, labels and tags kept", "B/name", memory, None, at_most(500)))
    return [*rows, *_naive_rows(index, count)]


def _selector_rows(index: ClusterIndex) -> list[Row]:
    """From parsed selectors to names; asked in rounds, so that a bad moment of the machine spoils no question's every figure."""
    texts = list(map(index.name_of, range(max(index.everyone()) + 1)))
    pairs = {case: _question(index, texts, text) for case, text in QUESTIONS.items()}
    rounds = [[(once(ask), once(read)) for ask, read in pairs.values()] for _ in range(ROUNDS)]
    return [
        _selector_row(case, len(pairs[case][0]()), min(times), min(floors))
        for case, (times, floors) in zip(pairs, (zip(*one, strict=True) for one in zip(*rounds, strict=True)), strict=True)
    ]


def _question(index: ClusterIndex, texts: list[str], text: str) -> tuple[Callable[[], list[str]], Callable[[], list[str]]]:
    """What asks a question, and its floor."""
    selector = parse(text)
    values = list(index.resolve(selector))
    return lambda: index.names(index.resolve(selector)), lambda: [texts[value] for value in values]


def _selector_row(case: str, count: int, measured: float, floor: float) -> Row:
    """The row of one question that chooses ``count`` names; ms."""
    return Row(
        escape(f"{case}: {QUESTIONS[case]}"), f"ms for {count:,} names", measured, floor or None, at_most(5 + 30e-6 * count)
    )


def _change_rows(index: ClusterIndex, count: int) -> list[Row]:
    """One name more, one less; one moved; a region moved."""
    new = list(map(site, range(count, count + 2000)))
    random.Random(6).shuffle(new)
    changes: list[Callable[[], object]] = [
        lambda: [index.add(*one) for one in new],
        lambda: [index.update(*one[:3], "xa-00") for one in new],
        lambda: [index.remove(one[0]) for one in new],
    ]
    rounds = [[once(change) for change in changes] for _ in range(5)]
    insert, move, remove = (min(times) / len(new) for times in zip(*rounds, strict=True))
    places = ("sh", "root") * 3
    subtree = min(once(partial(index.update, "bj", {}, (), place)) for place in places)
    return [
        Row("insert one", "µs", insert * 1e3, None, at_most(100)),
        Row("move one", "µs", move * 1e3, None, at_most(100)),
        Row("remove one", "µs", remove * 1e3, None, at_most(100)),
        Row(f"move a region of {count // 10:,}", "ms", subtree, None, at_most(5)),
    ]


def _naive_rows(index: ClusterIndex, count: int) -> list[Row]:
    """What the same questions take when every cluster is asked."""
    plain = Plain({name: (labels, tags) for name, labels, tags, _ in sites(min(count, 100_000))})
    scale = count / len(plain.clusters)
    cases: dict[str, Callable[[], object]] = {
        "[region=bj]": lambda: plain.labelled("region", "bj"),
        "bj-*": lambda: plain.like("bj-*"),
        "*993*": lambda: plain.like("*993*"),
    }
    return [_naive_row(index, text, best(ask, 3) * scale) for text, ask in cases.items()]


def _naive_row(index: ClusterIndex, text: str, naive: float) -> Row:
    """How many times longer than with an index; the product is the floor here."""
    selector = parse(text)
    return Row(
        escape(f"asking each cluster: {text}"), "ms, to compare", naive, best(lambda: index.names(index.resolve(selector)), 3)
    )
