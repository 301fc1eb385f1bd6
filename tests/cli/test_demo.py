"""The demo's trees, examples and findings."""

from __future__ import annotations

import re
from pathlib import Path

import yaml
from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ote_twisted.cli.demo.check import EXAMPLES, EXPECTED, Finding, findings_summary, findings_table, load_examples
from ote_twisted.cli.demo.files import Home, config_text, ended
from ote_twisted.cli.demo.hints import command_line, hints, killing
from ote_twisted.cli.demo.places import MOST, Place, fixed_tree, regular_tree, size, subtree
from ote_twisted.cli.demo.ports import RANGE, free_ports
from ote_twisted.cli.errors import CommandError
from ote_twisted.cli.tables import plain
from ote_twisted.config.document import parse_document
from ote_twisted.config.load import build_config
from ote_twisted.config.model import ControllerConfig
from ote_twisted.tasks.validate import validate_task
from ote_twisted.topology.names import check_label_value, check_tag, parse_name

TOP = Path(__file__).resolve().parent.parent.parent


class FixedTreeTests(SynchronousTestCase):
    """The tree on which documents rely."""

    def test_places(self) -> None:
        """A root, two regions with three sites each; labels by region and tier, gpu on each -1, camera on each -2 and -3."""
        self.assertEqual(
            [(place.name, place.parent, dict(place.labels), place.tags) for place in fixed_tree() if "south" not in place.name],
            [
                ("root", "", {}, ()),
                ("north", "root", {"region": "north", "tier": "region"}, ()),
                ("north-1", "north", {"region": "north", "tier": "site", "gpu": "true"}, ()),
                ("north-2", "north", {"region": "north", "tier": "site"}, ("camera",)),
                ("north-3", "north", {"region": "north", "tier": "site"}, ("camera",)),
            ],
        )
        self.assertEqual([place.name for place in fixed_tree()][-4:], ["north-3", "south-1", "south-2", "south-3"])

    def test_subtree(self) -> None:
        """A subtree is its top and all below it."""
        self.assertEqual(subtree(fixed_tree(), "south"), {"south", "south-1", "south-2", "south-3"})
        self.assertEqual(len(subtree(fixed_tree(), "root")), 9)


class ProcessFileTests(SynchronousTestCase):
    """What a controller that is a process of its own is told."""

    def test_options(self) -> None:
        """Its file has everything that its place in the tree says, on the ports that it was given."""
        folder = Path('/a "b"\\c')
        for place in fixed_tree():
            parent = "ws://127.0.0.1:9" if place.parent else ""
            home = Home(folder, place, parent, 8287 if place.inner else 0, 8288)
            config = build_config(ControllerConfig, {}, parse_document("c.toml", config_text(home, "1s")))
            self.assertEqual((config.name, config.labels, config.tags), (place.name, dict(place.labels), place.tags))
            self.assertEqual(config.parents, (parent,) if parent else ())
            self.assertEqual(config.tunnels, ("tcp:8287:interface=127.0.0.1",) if place.inner else ())
            self.assertEqual((config.state, config.stop_timeout), (folder / place.name, 1.0))
            self.assertEqual((config.api, home.url), ("tcp:8288:interface=127.0.0.1", "http://127.0.0.1:8288"))

    def test_ends(self) -> None:
        """How a process ended is told by its exit code or its signal."""
        self.assertEqual((ended(1, None), ended(None, 9)), ("ended with exit code 1", "was ended by signal 9"))

    def test_hints(self) -> None:
        """How to kill a process is told, and how it comes back: by a command, or by itself."""
        self.assertIn("  kill -9 7", killing("north", 7, "twistd x", None))
        self.assertIn("  twistd x", killing("north", 7, "twistd x", None))
        self.assertIn("It is started again after 3 s.", killing("north", 7, "twistd x", 3.0))
        self.assertRegex(command_line(["--config", "a b"]), r"twistd --config 'a b'\Z")


class PortTests(SynchronousTestCase):
    """Ports of controllers that are started again."""

    def test_distinct(self) -> None:
        """All are different, the first one as asked, and none is one that the system gives to connections."""
        ports = free_ports(40)
        self.assertEqual(len(set(ports)), 40)
        low = int(RANGE.read_text().split()[0])
        self.assertTrue(all(port < low for port in ports), (low, ports))
        self.assertEqual(free_ports(3, ports[0])[0], ports[0])


class RegularTreeTests(SynchronousTestCase):
    """Other shapes."""

    @given(st.integers(1, 5), st.integers(1, 4))
    def test_shape(self, tiers: int, fanout: int) -> None:
        """Every inner cluster has as many children as asked, names are lawful and unique, and parents come first."""
        if size(tiers, fanout) > MOST:
            self.assertRaises(ValueError, regular_tree, tiers, fanout)
            return
        places = regular_tree(tiers, fanout)
        seen: set[str] = set()
        for place in places:
            self.assertTrue(place.parent in seen or not place.parent)
            seen.add(parse_name(place.name))
            self.assertEqual(sum(other.parent == place.name for other in places), fanout if place.inner else 0)
            self.assertEqual([check_label_value(value) for value in place.labels.values()], list(place.labels.values()))
            self.assertEqual([check_tag(tag) for tag in place.tags], list(place.tags))
        self.assertEqual(len(seen), size(tiers, fanout))

    def test_labels(self) -> None:
        """Labels follow those of the fixed tree: the region is the branch below the root."""
        places = {place.name: place for place in regular_tree(4, 2)}
        self.assertEqual(places["n2-1-1"].labels, {"region": "n2", "tier": "site", "gpu": "true"})
        self.assertEqual(places["n2-1"].labels, {"region": "n2", "tier": "region"})
        self.assertEqual(places["n2-1-2"].tags, ("camera",))

    def test_too_many(self) -> None:
        """A tree that one process cannot run is refused, however large the numbers."""
        fault = self.assertRaises(ValueError, regular_tree, 32, 400)
        self.assertIn(str(MOST), str(fault))


class ExampleTests(SynchronousTestCase):
    """The example files."""

    def test_every_example_is_valid(self) -> None:
        """Each is a task without a fault, in kube-system, under the name of its file."""
        self.assertEqual(
            [task["metadata"]["name"] for task in load_examples()], [file.stem for file in sorted(EXAMPLES.glob("*"))]
        )
        for task in load_examples():
            self.assertEqual((task["kind"], task["metadata"]["namespace"]), ("ClusterController", "kube-system"))
            self.assertEqual(list(validate_task(task, None)), [])

    def test_every_example_is_expected(self) -> None:
        """Who should perform each example is written down."""
        self.assertEqual(sorted(EXPECTED), sorted(task["metadata"]["name"] for task in load_examples()))
        expected = {name: len(list(choose(fixed_tree()))) for name, choose in EXPECTED.items()}
        counts = {"every-cluster": 9, "gpu-sites": 2, "camera-sites": 4, "below-north": 3, "one-cluster": 1, "sites-but-south": 3}
        self.assertEqual(expected, counts)

    def test_bodies_are_marked(self) -> None:
        """What an example makes bears the example's name, by which the check finds it."""
        for task in load_examples():
            if task["spec"]["method"] != "GET":
                self.assertEqual(yaml.safe_load(task["spec"]["body"])["metadata"]["labels"]["example"], task["metadata"]["name"])

    def test_same_files(self) -> None:
        """The files beside the README are those that are installed."""
        beside = {file.name: file.read_bytes() for file in (TOP / "examples").glob("*.yaml")}
        self.assertEqual(beside, {file.name: file.read_bytes() for file in EXAMPLES.glob("*.yaml")})

    def test_none(self) -> None:
        """An installation without examples says so."""
        empty = Path(self.mktemp())
        empty.mkdir()
        self.assertRaises(CommandError, load_examples, empty)


class FindingTests(SynchronousTestCase):
    """Expected and got."""

    def finding(self, answered: str = "ab", performed: str = "ab", trouble: str = "") -> Finding:
        """Give a finding about an example for a and b."""
        return Finding("x", "a,b", frozenset("ab"), frozenset(answered), frozenset(performed), trouble)

    def test_passed(self) -> None:
        """An example passes if exactly those who should have answered and performed."""
        self.assertTrue(self.finding().passed)
        for other in (self.finding("a"), self.finding("abc"), self.finding(performed="abc"), self.finding(trouble="c: failed")):
            self.assertFalse(other.passed)

    def test_table(self) -> None:
        """The table shows expected and got side by side, and what went wrong."""
        table = findings_table(
            [self.finding(), self.finding(performed="abc"), self.finding("a", "a"), self.finding(trouble="b: 500")]
        )
        ends = [re.split(r" {3,}", line)[-2:] for line in plain(table).splitlines()[1:]]
        self.assertEqual(ends, [["a,b", "ok"], ["a,b", "performed by c as well"], ["a", "FAILED"], ["a,b", "b: 500"]])
        self.assertEqual(findings_summary([self.finding()]), "1 of 1 example performed by exactly the clusters that should.")

    def test_value(self) -> None:
        """As JSON names are sorted."""
        self.assertEqual(self.finding().value()["expected"], ["a", "b"])


class HintTests(SynchronousTestCase):
    """What to try."""

    def test_three_commands(self) -> None:
        """Three commands are shown, and where the kubeconfig is."""
        lines = hints(Path("/some where/kubeconfig"), EXAMPLES)
        self.assertIn("  export KUBECONFIG='/some where/kubeconfig'", lines)
        self.assertEqual(len([line for line in lines if line.startswith("  ") and "export" not in line]), 3)


class PlaceTests(SynchronousTestCase):
    """One place."""

    def test_plain(self) -> None:
        """A place without more is a root with room below it."""
        self.assertEqual((Place("a").parent, Place("a").inner), ("", True))
