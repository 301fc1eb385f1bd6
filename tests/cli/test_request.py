"""A request for many clusters, and its outcome."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ote_twisted.cli.request import (
    Outcome,
    Request,
    body_text,
    brief,
    outcome_summary,
    outcome_table,
    outcome_value,
    progress_text,
)
from ote_twisted.cli.running import over
from ote_twisted.cli.tables import plain
from ote_twisted.tasks.validate import validate_task


def item(name: str, state: str = "done", **more: Any) -> dict[str, Any]:
    """Give one result as the API lists it."""
    return {"kind": "ClusterControllerResult", "metadata": {"name": name}, "state": state, **more}


def outcome(*results: dict[str, Any], late: bool = False) -> Outcome:
    """Give an outcome."""
    return Outcome("run-1", "kube-system", Request("*", "get", "/x"), results, late)


class RequestTests(SynchronousTestCase):
    """What is created."""

    def test_task(self) -> None:
        """The object is a valid task with the verb in capitals and whole seconds."""
        task = Request("[gpu]", "post", "/api/v1/namespaces", '{"a":1}', deadline=0.2).task()
        self.assertEqual(task["spec"]["method"], "POST")
        self.assertEqual(task["spec"]["deadlineSeconds"], 1)
        self.assertEqual(list(validate_task({**task, "metadata": {"name": "run-1"}}, None)), [])

    def test_no_body(self) -> None:
        """A request without a body has none in its spec."""
        self.assertNotIn("body", Request("*", "GET", "/").task()["spec"])

    def test_json_stays(self) -> None:
        """JSON is sent as it was written."""
        self.assertEqual(body_text('{ "a" : 1 }'), '{ "a" : 1 }')

    def test_yaml_becomes_json(self) -> None:
        """YAML is sent as JSON."""
        self.assertEqual(json.loads(body_text("kind: ConfigMap\ndata: {a: '1'}\n")), {"kind": "ConfigMap", "data": {"a": "1"}})

    def test_neither(self) -> None:
        """Text that is no object, and several documents, are refused."""
        for text in ("hello", "", "a: 1\n---\nb: 2\n", "{", "a: [", "\0"):
            self.assertRaises(ValueError, body_text, text)

    @given(st.text(max_size=40))
    def test_any_text(self, text: str) -> None:
        """Any text is either a body in JSON or refused."""
        try:
            json.loads(body_text(text))
        except ValueError:
            pass


class OutcomeTests(SynchronousTestCase):
    """What is shown."""

    def test_table(self) -> None:
        """Each cluster has a line with state, code and what it answered."""
        status = json.dumps({"kind": "Status", "message": 'namespaces "x" already exists'})
        results = (
            item("a", code=201, body='{"kind":"Namespace","metadata":{"name":"x"}}'),
            item("b", "failed", code=409, body=status),
        )
        late = item("c", "pending", why="offline; it gets the task when it is online again")
        self.assertEqual(
            plain(outcome_table(outcome(*results, late))).splitlines(),
            [
                "CLUSTER   STATE     CODE   ANSWER",
                "a         done       201   Namespace x",
                'b         failed     409   namespaces "x" already exists',
                "c         pending      -   offline; it gets the task when it is online again",
            ],
        )
        self.assertEqual(outcome_table(outcome(item("a", received="now")), wide=True).rows[0][-1], "now")

    def test_success(self) -> None:
        """Success is that somebody was selected and everybody is done."""
        self.assertTrue(outcome(item("a"), item("b")).success)
        self.assertFalse(outcome().success)
        for state in ("failed", "expired", "pending", "sent"):
            self.assertFalse(outcome(item("a"), item("b", state)).success)

    def test_summary(self) -> None:
        """The sentence counts each kind of end."""
        self.assertEqual(outcome_summary(outcome(item("a"))), "1 cluster: 1 succeeded.")
        mixed = outcome(item("a"), item("b", "failed"), item("c", "expired"), item("d", "sent"), item("e", "pending"), late=True)
        expected = "5 clusters: 1 succeeded, 1 failed, 1 expired, 1 not answered, 1 not reached. Waiting ended."
        self.assertEqual(outcome_summary(mixed), expected)

    def test_value(self) -> None:
        """As JSON each cluster's entry is that of the results."""
        value = outcome_value(outcome(item("a", code=200, body="x"), item("b", "sent")))
        self.assertEqual(value["clusters"]["a"], {"state": "done", "code": 200, "body": "x"})
        self.assertEqual((value["selected"], value["unfinished"], value["success"], value["method"]), (2, 1, False, "GET"))

    def test_progress(self) -> None:
        """Progress is how many have answered, and how many of them in vain."""
        self.assertEqual(progress_text({"selected": 6, "succeeded": 2, "failed": 1, "expired": 1}), "4 of 6 answered, 2 failed")
        self.assertEqual(progress_text({}), "0 of 0 answered")

    def test_brief(self) -> None:
        """An answer in Kubernetes' form is told by what it is, any other by its beginning."""
        listed = json.dumps({"kind": "PodList", "items": [{"metadata": {"name": "p1"}}, {"metadata": {}}, 7]})
        self.assertEqual(brief(listed), "PodList of 3: p1,")
        self.assertEqual(brief('{"kind":"Status","status":"Success"}'), "Success")
        self.assertEqual(brief('{"kind":"X","metadata":7}'), "X")
        self.assertEqual(brief("[1,\n2]"), "[1, 2]")
        self.assertEqual(len(brief("x" * 1000)), 60)

    @given(
        st.recursive(
            st.none() | st.text() | st.integers(),
            lambda inner: (
                st.dictionaries(st.sampled_from(["kind", "items", "metadata", "message", "name"]), inner)
                | st.lists(inner, max_size=5)
            ),
        )
    )
    def test_any_answer(self, value: object) -> None:
        """Whatever JSON a cluster answers, it is one short line."""
        line = brief(json.dumps(value))
        self.assertLessEqual(len(line), 60)
        self.assertNotIn("\n", line)


class OverTests(SynchronousTestCase):
    """When waiting ends."""

    def task(self, status: str, reason: str = "", observed: int = 2) -> dict[str, Any]:
        """Give a task of generation 2 with a condition."""
        condition = {"type": "Complete", "status": status, "reason": reason, "observedGeneration": observed}
        return {"metadata": {"generation": 2}, "status": {"conditions": [{"type": "Failed", "status": "True"}, condition]}}

    def test_over(self) -> None:
        """It is over when it is complete, or never can be."""
        self.assertTrue(over(self.task("True")))
        self.assertTrue(over(self.task("False", "NoClusterSelected")))
        self.assertTrue(over(self.task("False", "InvalidSpec")))

    def test_not_over(self) -> None:
        """It is not over while clusters are missing, before any status, or by the word of an older generation."""
        self.assertFalse(over(self.task("False", "InProgress")))
        self.assertFalse(over(self.task("True", observed=1)))
        self.assertFalse(over({"metadata": {"generation": 1}}))
