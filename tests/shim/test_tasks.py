"""Messages of the shim link, and the object a task is about."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ote_twisted.errors import MalformedMessage
from ote_twisted.shim.messages import combined, request
from ote_twisted.shim.tasks import object_key
from ote_twisted.tasks.model import Answer, Task

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)


class MessageTests(SynchronousTestCase):
    """Requests and the answers to multi tasks."""

    def test_request_as_the_original_writes_it(self):
        """A request without uid is, byte for byte, what the original sends for the same head and task."""
        message = request(Task("api", "GET", "/version"), "m1", "c1")
        self.assertEqual(
            message,
            b"\x0a\x0a\x0a\x02m1\x10\x07\x1a\x02c1" + b"\x12\x14\x0a\x03api\x12\x03GET\x1a\x08/version",
        )

    def test_text_without_utf8_form(self):
        """A task whose text cannot be written is refused."""
        with self.assertRaises(MalformedMessage):
            request(Task("api", "GET", "/\ud800"), "m1", "c1")

    def test_combined_answers(self):
        """The results of a multi task are a list, bodies that are no text in base64; its code is the worst (F74)."""
        answer = combined([Answer(201, b"a"), Answer(409, b"\xff"), Answer(500)])
        self.assertEqual(answer.code, 500)
        self.assertEqual(answer.body, b'[{"code":201,"body":"a"},{"code":409,"body":"/w=="},{"code":500,"body":""}]')
        self.assertEqual(combined([]).code, 200)


class ObjectKeyTests(SynchronousTestCase):
    """Which object a task is about."""

    def key(self, uri: str, method: str = "GET", body: bytes = b"", destination: str = "api") -> str:
        """The path part of a task's key."""
        return object_key(Task(destination, method, uri, body))[1]

    def test_query_does_not_matter(self):
        """A query is no part of the object."""
        self.assertEqual(self.key("/api/v1/nodes/n?x=1"), "/api/v1/nodes/n")

    def test_subresource_belongs_to_its_object(self):
        """Status and scale are ordered with their object."""
        for uri in ("/apis/apps/v1/namespaces/a/deployments/d", "/apis/apps/v1/namespaces/a/deployments/d/scale"):
            self.assertEqual(self.key(uri), "/apis/apps/v1/namespaces/a/deployments/d")
        self.assertEqual(self.key("/api/v1/nodes/n/status"), "/api/v1/nodes/n")
        self.assertEqual(self.key("/api/v1/namespaces/a/finalize"), "/api/v1/namespaces/a")

    def test_creation_belongs_to_the_created(self):
        """A POST to a collection is ordered with the object that its body names."""
        body = b'{"metadata": {"name": "x"}}'
        self.assertEqual(self.key("/api/v1/namespaces/a/configmaps", "POST", body), "/api/v1/namespaces/a/configmaps/x")
        self.assertEqual(self.key("/api/v1/namespaces", "POST", body), "/api/v1/namespaces/x")

    def test_creation_without_a_name(self):
        """A POST whose body names nothing is ordered by its path."""
        for body in (b"", b"[]", b"{", b'{"metadata": {"name": 5}}', b"[" * 10**5):
            self.assertEqual(self.key("/api/v1/nodes", "POST", body), "/api/v1/nodes")

    def test_other_destinations_have_their_own_keys(self):
        """The same path at another destination is another object, and its path is kept whole."""
        self.assertEqual(object_key(Task("helm", "GET", "/a/b/c/d/e/f")), ("helm", "/a/b/c/d/e/f"))

    @given(texts, texts, st.binary(max_size=50))
    def test_any_task_has_a_key(self, method, uri, body):
        """Every task has a key, however odd its path."""
        destination, path = object_key(Task("api", method, uri, body))
        self.assertEqual(destination, "api")
        self.assertIsInstance(path, str)
