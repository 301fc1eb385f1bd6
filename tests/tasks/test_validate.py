"""The admission rules of tasks."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ote_twisted.tasks.validate import BODY_BYTES, validate_task

GOOD = {"clusterSelector": "c1", "destination": "api", "method": "GET", "url": "/api/v1/pods?limit=5", "body": ""}


def faults(**spec):
    """Fields that are refused."""
    return [path for path, _ in validate_task({"spec": {**GOOD, **spec}}, None)]


class ValidateTaskTests(SynchronousTestCase):
    """What may be written."""

    def test_good(self):
        """A task of the original is good."""
        self.assertEqual(faults(parentClusterName="root"), [])

    def test_selector_is_told_with_its_column(self):
        """A selector out of grammar is refused with the column of the fault."""
        ((path, message),) = validate_task({"spec": {**GOOD, "clusterSelector": "c1,[gpu"}}, None)
        self.assertEqual(path, "spec.clusterSelector")
        self.assertIn("column", message)

    def test_selector_is_required(self):
        """Forgetting the selector does not select everybody."""
        spec = {name: value for name, value in GOOD.items() if name != "clusterSelector"}
        self.assertEqual([path for path, _ in validate_task({"spec": spec}, None)], ["spec.clusterSelector"])

    def test_methods(self):
        """Methods are the known verbs in capitals; the message lists them."""
        self.assertEqual([method for method in ("GET", "POST", "PUT", "PATCH", "DELETE") if faults(method=method)], [])
        others: tuple[Any, ...] = ("get", "TRACE", "", None, 5, ["GET"], {})
        for method in others:
            self.assertEqual(faults(method=method), ["spec.method"])

    def test_url(self):
        """A url is an absolute path in printable ASCII of bounded length."""
        for url in ("", "api", "http://x/", "/a b", "/a\r\nHost: x", "/ä", None, 5, "/" + "a" * 9000):
            self.assertEqual(faults(url=url), ["spec.url"], url)

    def test_destination(self):
        """A destination is a short lower-case name; none at all is the cluster's API."""
        self.assertEqual([faults(destination=good) for good in ("helm", "my-handler", "", None)], [[]] * 4)
        for bad in ("API", "a b", "-a", "a" * 64, 5):
            self.assertEqual(faults(destination=bad), ["spec.destination"])

    def test_deadline(self):
        """A deadline is a whole number of seconds within bounds."""
        self.assertEqual(faults(deadlineSeconds=1), [])
        for bad in (0, -1, 31 * 86400, 1.5, "60", True):
            self.assertEqual(faults(deadlineSeconds=bad), ["spec.deadlineSeconds"])

    def test_body(self):
        """A body is text of bounded size, measured as JSON."""
        self.assertEqual(faults(body="x" * (BODY_BYTES - 2)), [])
        for bad in ("x" * BODY_BYTES, "\0" * (BODY_BYTES // 3), {"a": 1}, "\ud800"):
            self.assertEqual(faults(body=bad), ["spec.body"])

    def test_every_fault_is_told(self):
        """All faults are told at once."""
        self.assertEqual(faults(method="x", url="y", deadlineSeconds=0), ["spec.method", "spec.url", "spec.deadlineSeconds"])

    def test_unchanged_spec_is_not_judged(self):
        """Labels and status of an object with an old, bad spec can be written."""
        bad = {"spec": {**GOOD, "method": "brew"}}
        self.assertEqual(validate_task({**bad, "metadata": {"labels": {}}}, bad), [])
        self.assertEqual(len(validate_task(bad, {"spec": GOOD})), 1)

    @settings(max_examples=100, deadline=None)
    @given(
        st.dictionaries(
            st.sampled_from([*GOOD, "deadlineSeconds"]),
            st.recursive(
                st.none() | st.booleans() | st.integers() | st.floats() | st.text(), lambda inner: st.lists(inner), max_leaves=3
            ),
        )
    )
    def test_never_fails(self, spec):
        """Whatever the spec is, there is an answer."""
        validate_task({"spec": spec}, None)
