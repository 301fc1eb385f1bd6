"""What manifests declare."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from ote_twisted.api.schema import CompiledSchema
from ote_twisted.controller.objects import Known, cluster_object
from ote_twisted.declarations import load
from ote_twisted.declarations.cells import compile_cell, compile_path
from ote_twisted.declarations.load import CLUSTER, COMPILED, TREE, compile_manifests, load_kinds, parse_kinds
from ote_twisted.declarations.model import Kind
from ote_twisted.errors import ConfigError
from ote_twisted.tasks.conditions import Progress
from ote_twisted.tasks.model import LedgerEntry, TargetState
from ote_twisted.tasks.settings import Bounds
from ote_twisted.tasks.status import build_status
from ote_twisted.wire.entry import ClusterEntry

CRDS = Path(__file__).resolve().parent.parent.parent / "etc" / "crds"


def kind(name: str) -> Kind:
    """A shipped kind."""
    return next(kind for kind in load_kinds() if kind.kind == name)


class ShippedKindsTests(SynchronousTestCase):
    """The manifests in the package."""

    def test_every_manifest_compiles(self) -> None:
        """Every shipped kind has a schema and columns that can be compiled."""
        for declared in load_kinds():
            CompiledSchema(declared)
            for column in declared.columns:
                compile_cell(column.cell)

    def test_compiled_manifests_are_current(self) -> None:
        """``compiled.json`` says what the manifests say; ``make generated`` writes it anew."""
        compiled = Path(load.__file__).with_name(COMPILED)
        self.assertEqual(compiled.read_bytes(), compile_manifests())

    def test_changed_manifests_are_read_themselves(self) -> None:
        """Without compiled manifests the kinds are the same."""
        compiled = [(kind.resource, kind.schema) for kind in load_kinds()]
        self.patch(load, "COMPILED", "none.json")
        self.assertEqual([(kind.resource, kind.schema) for kind in load_kinds()], compiled)

    def test_the_original_names_are_kept(self) -> None:
        """Kinds of the original keep group, version, scope and short names."""
        found = {k.kind: (k.api_version, k.plural, k.namespaced, k.short_names) for k in load_kinds(["crds"])}
        self.assertEqual(found["Cluster"], ("ote.baidu.com/v1", "clusters", True, ("cs",)))
        self.assertEqual(found["EdgeNode"], ("ote.baidu.com/v1", "edgenodes", True, ("en",)))
        api_version, plural, namespaced, short = found["ClusterController"]
        self.assertEqual((api_version, plural, namespaced), ("ote.baidu.com/v1", "clustercontrollers", True))
        self.assertEqual(set(short), {"ccs", "cc", "task", "tasks"})

    def test_the_tree_needs_no_cluster(self) -> None:
        """Without an embedded cluster namespaces and events are served beside the kinds of the tree, and nothing else."""
        core = {kind.plural for kind in load_kinds(TREE) if not kind.group}
        self.assertEqual(core, {"namespaces", "events"})

    def test_no_resource_is_declared_twice(self) -> None:
        """Each resource has one manifest."""
        resources = [kind.resource for kind in load_kinds(TREE + CLUSTER)]
        self.assertEqual(len(resources), len(set(resources)))

    def test_etc_holds_the_same_files(self) -> None:
        """``etc/crds`` holds exactly the manifests that the package serves."""
        names = {path.name for path in CRDS.iterdir()}
        package = Path(load.__file__).parent / "crds"
        self.assertEqual(names, {path.name for path in package.iterdir()})
        for path in CRDS.iterdir():
            self.assertEqual(path.read_bytes(), (package / path.name).read_bytes())


class WrittenFieldsTests(SynchronousTestCase):
    """What controllers write is what the schemas know; otherwise a user's patch would prune it."""

    def assert_known(self, kind_name: str, value: dict[str, Any]) -> None:
        """Nothing is pruned, and nothing is at fault."""
        schema = CompiledSchema(kind(kind_name))
        self.assertEqual(schema.settle(value), [])
        self.assertEqual(schema.check(value), [])

    def test_status_of_a_task(self) -> None:
        """Every field of a task's status is in its schema."""
        entries = [
            LedgerEntry("u.1", "c1", TargetState.DONE, 200, b"\xff", True, "", 1, 2.0),
            LedgerEntry("u.1", "c2", TargetState.FAILED, None, b"", False, "no way", None, 2.0),
        ]
        counts = {state: 0 for state in TargetState} | {TargetState.DONE: 1, TargetState.FAILED: 1}
        status = build_status(Progress(1, counts, 99.0), entries, {}, 5.0, Bounds(), lambda name: True)
        self.assert_known("ClusterController", {"metadata": {"name": "t"}, "status": status})

    def test_cluster_object(self) -> None:
        """Every field of a cluster's object is in its schema."""
        entry = ClusterEntry("c1", listen="h:1", labels={"a": "b"}, tags=("t",), performs=True, version="1")
        for online in (True, False):
            known = Known(entry, {"a": "b"}, online=online, since=5.0, depth=1, reason="" if online else "gone")
            self.assert_known("Cluster", cluster_object(known, None, "uid", 5.0))


class MalformedManifestTests(SynchronousTestCase):
    """Manifests that are none."""

    def test_not_yaml(self) -> None:
        """A text that is no YAML is refused with its source."""
        error = self.assertRaises(ConfigError, list, parse_kinds("{", "here.yaml"))
        self.assertIn("here.yaml", str(error))

    def test_not_a_definition(self) -> None:
        """A document without the parts of a definition is refused with its source and what is missing."""
        error = self.assertRaises(ConfigError, list, parse_kinds("spec: {group: x}", "here.yaml"))
        self.assertIn("here.yaml", str(error))
        self.assertIn("versions", str(error))


class CellTests(SynchronousTestCase):
    """Expressions of printer columns."""

    def test_paths(self) -> None:
        """Names, indexes, wildcards and filters find values in order."""
        value = {"a": [{"b": 1, "t": "x"}, {"b": 2, "t": "y"}], "m": {"k.l/m": 3}}
        cases = {
            ".a[0].b": [1],
            ".a[-1].b": [2],
            ".a[9].b": [],
            ".a[*].b": [1, 2],
            '.a[?(@.t=="y")].b': [2],
            ".m['k.l/m']": [3],
            ".nothing.here": [],
            ".a.b": [],
            "": [value],
        }
        for path, found in cases.items():
            self.assertEqual(compile_path(path)(value), found, path)

    def test_malformed_path(self) -> None:
        """A path out of grammar is refused with the column."""
        error = self.assertRaises(ValueError, compile_path, ".a[")
        self.assertIn("column 3", str(error))

    def test_templates(self) -> None:
        """Templates count, sum, join and have defaults."""
        value = {"l": [{"r": True, "n": 2}, {"r": False, "n": 3}], "d": {"x": 1, "y": 2}}
        cases = {
            "{true .l[*].r}/{count .l}": "1/2",
            "{sum .l[*].n}": "5",
            "{keys .d}": "x,y",
            "{join .l[*].n}": "2,3",
            "{.none|<none>}": "<none>",
            "{.none}": "",
        }
        for cell, shown in cases.items():
            self.assertEqual(compile_cell(cell)(value), shown, cell)

    def test_lists_and_maps_are_json(self) -> None:
        """A plain path to a list shows it as JSON, one to a single value keeps its type."""
        self.assertEqual(compile_cell(".tags")({"tags": ["a", "b"]}), '["a","b"]')
        self.assertEqual(compile_cell(".n")({"n": 5}), 5)
        self.assertIsNone(compile_cell(".n")({}))
