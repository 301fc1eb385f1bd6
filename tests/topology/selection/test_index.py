"""Tests of the index and of what selectors choose from it."""

from __future__ import annotations

import importlib.util
import re
import sys
from unittest import mock

import re2
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from twisted.trial.unittest import SynchronousTestCase

from ote_twisted.topology.selection import gather, ids, lexicon, sorted_texts
from ote_twisted.topology.selection.evaluate import explain
from ote_twisted.topology.selection.ids import best_ids, plain_ids
from ote_twisted.topology.selection.index import ClusterIndex
from ote_twisted.topology.selection.parser import parse
from ote_twisted.topology.selection.patterns import Glob
from ote_twisted.topology.selection.terms import Selector
from ote_twisted.topology.selection.tree import MAX_DEPTH, InvalidParent
from tests.topology.selection.naive import (
    WORDS,
    Cluster,
    ancestors,
    choose,
    globs,
    index_of,
    labels,
    names,
    selectors,
    tags,
    trees,
)

MAKERS = (best_ids(), plain_ids)

names_of_two = st.text(alphabet="ab", min_size=1, max_size=9)


def selected(index: ClusterIndex, text: str) -> list[str]:
    """The names that a selector's text chooses."""
    return index.sorted_names(index.resolve(parse(text)))


class SelectionTests(SynchronousTestCase):
    """A selector chooses exactly what it says."""

    def test_plain_name_is_exact(self) -> None:
        """A plain name addresses exactly that cluster (F2)."""
        index = index_of({name: Cluster() for name in ("c1", "c10", "xc1", "c1.a")}, ClusterIndex())
        self.assertEqual(selected(index, "c1"), ["c1"])

    def test_dot_is_a_dot(self) -> None:
        """A name with a dot does not select one with another character there (F3)."""
        index = index_of({name: Cluster() for name in ("a.b", "axb")}, ClusterIndex())
        self.assertEqual(selected(index, "a.b"), ["a.b"])

    def test_unknown_names_choose_nobody(self) -> None:
        """A name that is not known is no error and chooses nothing (F7)."""
        self.assertEqual(selected(ClusterIndex(), "c1,under(c2),at(7),[x],x*,/x/"), [])

    def test_names_are_no_tags(self) -> None:
        """A plain name does not look at tags; a pattern does."""
        index = index_of({"c1": Cluster(tags=("camera",)), "c2": Cluster()}, ClusterIndex())
        self.assertEqual(selected(index, "camera"), [])
        self.assertEqual(selected(index, "came?a"), ["c1"])

    def test_absent_labels_differ(self) -> None:
        """As in Kubernetes, a cluster without the label is chosen by != and notin."""
        index = index_of({"c1": Cluster({"a": "b"}), "c2": Cluster()}, ClusterIndex())
        self.assertEqual(selected(index, "[a!=b]"), ["c2"])
        self.assertEqual(selected(index, "[a notin (b,c)]"), ["c2"])

    @settings(max_examples=250)
    @given(trees(), selectors)
    def test_agrees_with_the_plain_meaning(self, clusters: dict[str, Cluster], selector: Selector) -> None:
        """The index chooses what looking at each cluster by itself chooses, on either kind of set."""
        for make in MAKERS:
            index = index_of(clusters, ClusterIndex(make))
            self.assertEqual(index.sorted_names(index.resolve(selector)), choose(selector, clusters))

    @given(trees(), selectors)
    def test_results_are_the_callers_own(self, clusters: dict[str, Cluster], selector: Selector) -> None:
        """Changing a result changes nothing in the index."""
        index = index_of(clusters, ClusterIndex())
        result = index.resolve(selector)
        before = index.sorted_names(result)
        for value in list(result):
            result.discard(value)
        self.assertEqual(index.sorted_names(index.resolve(selector)), before)

    def test_a_selector_is_compiled_once(self) -> None:
        """Ten thousand names do not compile a pattern again (F1)."""
        index = index_of({f"c{n}": Cluster() for n in range(10_000)}, ClusterIndex())
        selector = parse("/^c.*77$/,c?9*")
        self.patch(re, "compile", self.fail)
        self.patch(re2, "compile", self.fail)
        self.patch(re2, "Set", self.fail)
        self.assertEqual(len(index.resolve(selector)), 100 + 999 - 9)


class ExplainTests(SynchronousTestCase):
    """For each name the terms that chose it can be told."""

    def test_chosen_and_removed(self) -> None:
        """Each chosen name has the terms that choose it, each removed one those that remove it."""
        index = index_of({"a1": Cluster({"gpu": "true"}), "a2": Cluster(), "b": Cluster()}, ClusterIndex())
        why = explain(parse("a*,[gpu],!*2"), index)
        self.assertEqual(why.chosen, {"a1": ("a*", "[gpu]")})
        self.assertEqual(why.removed, {"a2": ("!*2",)})

    def test_among(self) -> None:
        """Only those asked about are explained."""
        index = index_of({"a": Cluster(), "b": Cluster()}, ClusterIndex())
        why = explain(parse("!a"), index, index.make([index.id_of("b")]))
        self.assertEqual((why.chosen, why.removed), ({"b": ("*",)}, {}))

    @given(trees(), selectors)
    def test_names_are_those_chosen(self, clusters: dict[str, Cluster], selector: Selector) -> None:
        """What is explained is what is chosen, in order, and nothing is without a reason."""
        index = index_of(clusters, ClusterIndex())
        why = explain(selector, index)
        self.assertEqual(list(why.chosen), choose(selector, clusters))
        self.assertTrue(all(why.chosen.values()) and all(why.removed.values()))


class TreeTests(SynchronousTestCase):
    """Clusters are below one another."""

    def test_a_subtree_moves_with_its_top(self) -> None:
        """What is below a cluster follows it, and its depth with it."""
        index = index_of(
            {"r": Cluster(), "a": Cluster(parent="r"), "b": Cluster(parent="a"), "x": Cluster(parent="r")}, ClusterIndex()
        )
        index.update("a", {}, (), "x")
        self.assertEqual(selected(index, "under(x)"), ["a", "b"])
        self.assertEqual(selected(index, "at(3)"), ["b"])
        self.assertEqual(index.depth_of("b"), 3)

    def test_a_parent_may_come_later(self) -> None:
        """Clusters below one that is not known yet are below it once it is."""
        index = index_of({"b": Cluster(parent="a"), "a": Cluster(parent="r"), "r": Cluster()}, ClusterIndex())
        self.assertEqual(selected(index, "under(r)"), ["a", "b"])
        self.assertEqual(selected(index, "at(2)"), ["b"])

    def test_a_lost_parent_is_still_named(self) -> None:
        """Without its middle a tree is two; with it again it is one."""
        index = index_of({"r": Cluster(), "a": Cluster(parent="r"), "b": Cluster(parent="a")}, ClusterIndex())
        index.remove("a")
        self.assertEqual(selected(index, "under(r)"), [])
        self.assertEqual(selected(index, "under(a)"), ["b"])
        index.add("a", {}, (), "r")
        self.assertEqual(selected(index, "under(r)"), ["a", "b"])

    def test_loops_are_refused(self) -> None:
        """Nobody is below itself, and a refused change changes nothing."""
        index = index_of({"a": Cluster(), "b": Cluster(parent="a")}, ClusterIndex())
        self.assertRaises(InvalidParent, index.update, "a", {"k": "v"}, (), "b")
        self.assertRaises(InvalidParent, index.update, "a", {"k": "v"}, (), "a")
        self.assertRaises(InvalidParent, index.add, "c", {}, (), "c")
        self.assertEqual((index.parent_of("a"), index.labels_of("a"), len(index)), ("", {}, 2))

    def test_depth_is_bounded(self) -> None:
        """A chain is as deep as is allowed, whether it grows at its end or is hung deeper."""
        index = ClusterIndex()
        for depth in range(MAX_DEPTH + 1):
            index.add(f"c{depth}", {}, (), f"c{depth - 1}" if depth else "")
        self.assertRaises(InvalidParent, index.add, "deeper", {}, (), f"c{MAX_DEPTH}")
        index.add("top", {})
        self.assertRaises(InvalidParent, index.update, "c0", {}, (), "top")
        self.assertEqual(len(index.below("c0")), MAX_DEPTH)


class BookkeepingTests(SynchronousTestCase):
    """Names have ids, which are used again."""

    def test_ids(self) -> None:
        """An id belongs to its name until that is removed; then a later name gets it."""
        index = index_of({"a": Cluster(), "b": Cluster()}, ClusterIndex())
        value = index.id_of("a")
        self.assertEqual(index.name_of(value), "a")
        self.assertEqual(index.remove("a"), value)
        self.assertEqual(index.add("c", {}), value)
        self.assertEqual(list(index), ["b", "c"])

    def test_unknown_and_known_names(self) -> None:
        """A name is added once, and only a known one is asked about, changed, or removed."""
        index = index_of({"a": Cluster()}, ClusterIndex())
        self.assertRaises(KeyError, index.add, "a", {})
        for use in (index.id_of, index.remove, index.labels_of, index.tags_of, index.parent_of):
            self.assertRaises(KeyError, use, "b")
        self.assertRaises(KeyError, index.update, "b", {})
        self.assertNotIn("b", index)

    def test_what_was_put_in_is_told(self) -> None:
        """Labels, tags, and parent are given back as they were."""
        index = ClusterIndex()
        index.add("a", {"x": "1", "y": ""}, ("t", "s", "t"), "p")
        self.assertEqual((index.labels_of("a"), index.tags_of("a"), index.parent_of("a")), ({"x": "1", "y": ""}, ("s", "t"), "p"))


class PlainSetTests(SynchronousTestCase):
    """Roaring bitmaps are an improvement, not a need."""

    def test_without_the_wheel(self) -> None:
        """Where bitmaps are not installed, plain sets take their place."""
        hidden = mock.patch.dict(sys.modules, {"pyroaring": None})
        hidden.start()
        self.addCleanup(hidden.stop)
        spec = importlib.util.spec_from_file_location("ids_without_bitmaps", ids.__file__)
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        self.assertIsInstance(module.best_ids()((1, 2)), set)


class ManyNamesTests(SynchronousTestCase):
    """The shortcuts for many names give what the long way gives."""

    def setUp(self) -> None:
        """Make blocks and thresholds small."""
        self.patch(sorted_texts, "BLOCK", 4)
        self.patch(gather, "CHUNK", 3)
        self.patch(gather, "_DENSE", 0)
        self.patch(gather, "_HOLES", 2)
        self.patch(sorted_texts, "_STEP", 1)
        self.patch(lexicon, "_MANY", 100)

    @given(st.lists(st.text(alphabet="ab", min_size=1, max_size=5), unique=True), globs, st.data())
    def test_blocks(self, texts: list[str], glob: Glob, data: st.DataObject) -> None:
        """Patterns and order are right across blocks that split and vanish."""
        clusters = {text: Cluster() for text in texts}
        index = index_of(clusters, ClusterIndex())
        for name in data.draw(st.lists(st.sampled_from(texts), unique=True)) if texts else ():
            index.remove(name)
            del clusters[name]
        selector = parse(f"{glob.text},a*")
        self.assertEqual(list(index), sorted(clusters))
        self.assertEqual(sorted(index.names(index.resolve(selector))), choose(selector, clusters))

    @given(
        st.lists(names_of_two, unique=True),
        st.text(alphabet="ab", min_size=1, max_size=6),
        st.sampled_from(("*{}*", "*{}", "/{}/")),
    )
    def test_long_runs(self, texts: list[str], run: str, form: str) -> None:
        """A text that has all parts of a run, but not one behind the other, is not taken for one that has the run."""
        clusters = {text: Cluster() for text in texts}
        for make in MAKERS:
            index = index_of(clusters, ClusterIndex(make))
            self.assertEqual(selected(index, form.format(run)), choose(parse(form.format(run)), clusters))

    @given(st.sets(st.integers(0, 40)), st.integers(0, 40))
    def test_gathered_texts(self, wanted: set[int], count: int) -> None:
        """The texts of any ids are gathered, each once, however their numbers lie."""
        texts = [str(value) for value in range(count)]
        within = {value for value in wanted if value < count}
        for make in MAKERS:
            found = gather.gather(make(within), texts, make)
            self.assertEqual(sorted(found), sorted(map(str, within)))


class IncrementalIndex(RuleBasedStateMachine):
    """An index that changes is, after each change, the one built afresh from what is left."""

    def __init__(self) -> None:
        super().__init__()
        self.index = ClusterIndex()
        self.clusters: dict[str, Cluster] = {}

    @rule(name=names, labels=labels, tags=st.lists(tags, max_size=2), parent=st.sampled_from(("", "unknown", *WORDS)))
    def put(self, name: str, labels: dict[str, str], tags: list[str], parent: str) -> None:
        """Add or change a cluster, unless that makes a loop."""
        change = self.index.update if name in self.clusters else self.index.add
        if parent == name or name in ancestors(parent, self.clusters):
            try:
                change(name, labels, tags, parent)
            except InvalidParent:
                return
            raise AssertionError("a loop was accepted")
        change(name, labels, tags, parent)
        self.clusters[name] = Cluster(labels, tuple(sorted(set(tags))), parent)

    @rule(name=names)
    def remove(self, name: str) -> None:
        """Take a cluster out."""
        if name in self.clusters:
            self.index.remove(name)
            del self.clusters[name]

    @invariant()
    def is_as_if_rebuilt(self) -> None:
        """Everything that can be asked has the same answer."""
        rebuilt = index_of(self.clusters, ClusterIndex(plain_ids))
        for text in QUESTIONS:
            assert selected(self.index, text) == selected(rebuilt, text), text
        assert list(self.index) == sorted(self.clusters)

    @rule(selector=selectors)
    def ask(self, selector: Selector) -> None:
        """Any selector chooses what it means."""
        assert self.index.sorted_names(self.index.resolve(selector)) == choose(selector, self.clusters)


QUESTIONS = (
    *(f"at({depth})" for depth in range(5)),
    *(f"under({name})" for name in ("unknown", *WORDS[:6])),
    *("[k]", "[k=a]", "[k in (5,10)]", "[l>4]", "*a*", "a*", "*b", "?", "*T*", "/b.*1/"),
)


class IncrementalIndexTests(SynchronousTestCase):
    """The index is kept up to date at each change."""

    def test_incremental_equals_rebuilt(self) -> None:
        """No sequence of changes leaves a trace of what was before."""
        run_state_machine_as_test(IncrementalIndex, settings=settings(max_examples=40, stateful_step_count=25, deadline=None))

    @given(trees())
    def test_nothing_is_left_behind(self, clusters: dict[str, Cluster]) -> None:
        """An index whose clusters are all removed keeps nothing of them."""
        index = index_of(clusters, ClusterIndex())
        for name in clusters:
            index.remove(name)
        postings = (index._names._grams, index._tags, index._tagged, index._labels._with, index._labels._having)
        shared = (index._tag_sets, index._labels._shapes)
        sets = (*index._tree._levels, *index._tree._below.values(), index._names.everyone)
        self.assertFalse([len(one) for one in postings + shared if len(one)] + [one for one in sets if one])
