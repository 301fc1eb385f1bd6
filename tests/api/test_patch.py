"""Patches against their specifications' own examples and libraries."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import jsonpatch
import orjson
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ote_twisted.api.patch import MAX_OPERATIONS, json_patch, merge_patch
from ote_twisted.api.schema import full_schema
from ote_twisted.api.status import ApiError
from ote_twisted.api.strategic import strategic_merge
from tests.api.test_body import JSON_VALUES
from tests.api.test_declarations import kind

OBJECTS = st.dictionaries(st.text(max_size=6), JSON_VALUES, max_size=5)
OPERATIONS = st.dictionaries(
    st.sampled_from(["op", "path", "from", "value"]), JSON_VALUES | st.sampled_from(["/a", "add", "move", "copy", "test", ""])
)

RFC_7386 = [
    ({"a": "b"}, {"a": "c"}, {"a": "c"}),
    ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
    ({"a": "b"}, {"a": None}, {}),
    ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
    ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
    ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
    ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
    ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
    (["a", "b"], ["c", "d"], ["c", "d"]),
    ({"a": "b"}, ["c"], ["c"]),
    ({"a": "foo"}, None, None),
    ({"a": "foo"}, "bar", "bar"),
    ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
    ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
    ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
]
"""Appendix A of the RFC: target, patch, result."""


class MergePatchTests(SynchronousTestCase):
    """RFC 7386."""

    def test_examples(self) -> None:
        """Every example of the RFC gives its result."""
        for target, patch, result in RFC_7386:
            self.assertEqual(merge_patch(target, patch), result, (target, patch))

    @settings(max_examples=60, deadline=None)
    @given(OBJECTS, OBJECTS)
    def test_neither_side_is_changed(self, target: dict[str, Any], patch: dict[str, Any]) -> None:
        """Target and patch stay as they were, and applying twice changes nothing more."""
        before = deepcopy((target, patch))
        once = merge_patch(target, patch)
        self.assertEqual((target, patch), before)
        self.assertEqual(merge_patch(once, patch), once)


class JsonPatchTests(SynchronousTestCase):
    """RFC 6902."""

    @settings(max_examples=60, deadline=None)
    @given(OBJECTS, OBJECTS)
    def test_a_difference_leads_to_its_target(self, old: dict[str, Any], new: dict[str, Any]) -> None:
        """The patch that the library makes of two objects leads from one to the other."""
        patch = orjson.loads(orjson.dumps(jsonpatch.make_patch(old, new).patch))
        before = deepcopy(old)
        self.assertEqual(json_patch(old, patch), new)
        self.assertEqual(old, before)

    @settings(max_examples=100, deadline=None)
    @given(OBJECTS, st.lists(OPERATIONS, max_size=3))
    def test_anything_is_applied_or_refused(self, target: dict[str, Any], patch: list[Any]) -> None:
        """Whatever a patch holds it is applied or refused with 400 or 422."""
        try:
            json_patch(target, patch)
        except ApiError as error:
            self.assertIn(error.code, (400, 422))

    def test_too_many_operations(self) -> None:
        """A patch with more operations than the limit is refused."""
        patch = [{"op": "add", "path": "/a", "value": 1}] * (MAX_OPERATIONS + 1)
        self.assertEqual(self.assertRaises(ApiError, json_patch, {}, patch).code, 413)


class StrategicMergeTests(SynchronousTestCase):
    """Kubernetes' own patches, as kubectl writes them."""

    def merge(self, target: Any, patch: Any, name: str = "Deployment") -> Any:
        """Merge by a kind's schema."""
        before = deepcopy((target, patch))
        merged = strategic_merge(target, patch, full_schema(kind(name)))
        self.assertEqual((target, patch), before)
        return merged

    def pod(self, **spec: Any) -> dict[str, Any]:
        """A template with this pod spec, at its place in a Deployment."""
        return {"spec": {"template": {"spec": spec}}}

    def test_maps_merge_as_ever(self) -> None:
        """Without lists it is a merge patch."""
        merged = self.merge({"spec": {"replicas": 1, "paused": True}}, {"spec": {"replicas": 2, "paused": None}})
        self.assertEqual(merged, {"spec": {"replicas": 2}})

    def test_items_merge_by_their_identity(self) -> None:
        """Containers merge by name, below the schema's open parts by Kubernetes' field names."""
        old = self.pod(containers=[{"name": "a", "image": "x", "env": [{"name": "E", "value": "1"}]}, {"name": "b"}])
        patch = self.pod(containers=[{"name": "a", "env": [{"name": "F", "value": "2"}]}])
        merged = self.merge(old, patch)["spec"]["template"]["spec"]["containers"]
        self.assertEqual([item["name"] for item in merged], ["a", "b"])
        self.assertEqual(merged[0]["image"], "x")
        self.assertEqual([item["name"] for item in merged[0]["env"]], ["E", "F"])

    def test_items_are_deleted(self) -> None:
        """An item with ``$patch: delete`` goes; one that is not there is no fault."""
        old = self.pod(containers=[{"name": "a"}, {"name": "b"}])
        patch = self.pod(containers=[{"name": "a", "$patch": "delete"}, {"name": "z", "$patch": "delete"}])
        self.assertEqual(self.merge(old, patch), self.pod(containers=[{"name": "b"}]))

    def test_lists_are_replaced_when_asked(self) -> None:
        """``$patch: replace`` replaces a map or a list as a whole."""
        old = self.pod(containers=[{"name": "a"}, {"name": "b"}], nodeSelector={"x": "y"})
        patch = self.pod(containers=[{"name": "c"}, {"$patch": "replace"}], nodeSelector={"$patch": "replace", "z": "1"})
        self.assertEqual(self.merge(old, patch), self.pod(containers=[{"name": "c"}], nodeSelector={"z": "1"}))

    def test_order(self) -> None:
        """``$setElementOrder`` orders items, those it does not name come last."""
        old = self.pod(containers=[{"name": "a"}, {"name": "b"}, {"name": "s"}])
        order = [{"name": "b"}, {"name": "c"}, {"name": "a"}]
        patch = self.pod(**{"$setElementOrder/containers": order, "containers": [{"name": "c"}]})
        names = [item["name"] for item in self.merge(old, patch)["spec"]["template"]["spec"]["containers"]]
        self.assertEqual(names, ["b", "c", "a", "s"])
        only_order = self.pod(**{"$setElementOrder/containers": [{"name": "s"}, {"name": "b"}, {"name": "a"}]})
        names = [item["name"] for item in self.merge(old, only_order)["spec"]["template"]["spec"]["containers"]]
        self.assertEqual(names, ["s", "b", "a"])

    def test_plain_lists(self) -> None:
        """Finalizers are united, and removed by name; other plain lists are replaced."""
        old = {"metadata": {"finalizers": ["a", "b"]}, "spec": {"x": [1, 2]}}
        patch = {"metadata": {"$deleteFromPrimitiveList/finalizers": ["a"], "finalizers": ["c"]}, "spec": {"x": [3]}}
        merged = self.merge(old, patch)
        self.assertEqual(set(merged["metadata"]["finalizers"]), {"b", "c"})
        self.assertEqual(merged["spec"]["x"], [3])

    def test_ports_of_a_service(self) -> None:
        """A service's ports merge by port, as its schema says."""
        old = {"spec": {"ports": [{"port": 80, "name": "a"}, {"port": 81}]}}
        merged = self.merge(old, {"spec": {"ports": [{"port": 80, "name": "b"}]}}, "Service")
        self.assertEqual(merged["spec"]["ports"], [{"port": 80, "name": "b"}, {"port": 81}])

    def test_retained_keys(self) -> None:
        """``$retainKeys`` drops all other keys."""
        old = {"spec": {"strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1}}}}
        patch = {"spec": {"strategy": {"$retainKeys": ["type"], "type": "Recreate"}}}
        self.assertEqual(self.merge(old, patch), {"spec": {"strategy": {"type": "Recreate"}}})

    def test_malformed(self) -> None:
        """Unknown directives and items without their identity are refused."""
        for patch in (
            {"$patch": "odd"},
            self.pod(containers=[{"image": "x"}]),
            {"metadata": {"$deleteFromPrimitiveList/finalizers": "a"}},
        ):
            error = self.assertRaises(ApiError, self.merge, {"metadata": {"finalizers": ["a"]}}, patch)
            self.assertEqual(error.code, 400)

    @settings(max_examples=80, deadline=None)
    @given(OBJECTS, OBJECTS)
    def test_anything_is_merged_or_refused(self, target: dict[str, Any], patch: dict[str, Any]) -> None:
        """Whatever a patch holds it is merged or refused with 400."""
        try:
            strategic_merge(target, patch, {})
        except ApiError as error:
            self.assertEqual(error.code, 400)
