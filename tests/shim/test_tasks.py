"""Tasks and answers on the wire, and the object a task is about."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ote_twisted.errors import MalformedMessage
from ote_twisted.shim.messages import combined, request, response
from ote_twisted.shim.tasks import (
    decode_answer,
    decode_multi_task,
    decode_task,
    encode_answer,
    encode_task,
    object_key,
)
from ote_twisted.tasks.model import Answer, Task
from ote_twisted.wire.clustermessage_pb2 import ClusterMessage, ControlMultiTask, ControlResp, MessageHead

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)


class CodecTests(SynchronousTestCase):
    """Bodies of requests and answers (T56 to T59)."""

    @given(texts, texts, texts, st.binary(max_size=100), texts)
    def test_task_round_trip(self, destination, method, uri, body, uid):
        """A task comes back as it was, its uid from the head."""
        task = Task(destination, method, uri, body, uid)
        self.assertEqual(decode_task(encode_task(task), uid), task)

    @given(st.integers(0, 599), st.binary(max_size=100), st.booleans(), st.integers(0, 2**40), st.integers(0, 2**33))
    def test_answer_round_trip(self, code, body, truncated, length, now):
        """An answer comes back as it was, with the second it was made in."""
        answer = Answer(code, body, truncated, length)
        self.assertEqual(decode_answer(encode_answer(answer, now + 0.9)), (answer, now))

    @given(st.binary(max_size=200))
    def test_any_bytes_are_read_or_refused(self, body):
        """Bytes are a task, an answer, a multi task, or MalformedMessage; nothing else happens."""
        for decode in (decode_task, decode_answer, decode_multi_task):
            try:
                decode(body)
            except MalformedMessage as error:
                self.assertIn("the body is no Control", str(error))

    def test_task_that_is_not_utf8(self):
        """Text that is not UTF-8 is refused with the message's name."""
        with self.assertRaises(MalformedMessage) as caught:
            decode_task(b"\x0a\x02\xff\xfe")
        self.assertIn("ControllerTask", str(caught.exception))

    def test_multi_task_is_one_task_per_body(self):
        """A multi task is one task for each body, in order."""
        wire = ControlMultiTask(Destination="api", Method="POST", URI="/x", Body=[b"1", b"2"])
        self.assertEqual(
            decode_multi_task(wire.SerializeToString(), "u.1"),
            (Task("api", "POST", "/x", b"1", "u.1"), Task("api", "POST", "/x", b"2", "u.1")),
        )

    def test_request_as_the_original_writes_it(self):
        """A request without uid is, byte for byte, what the original sends for the same head and task."""
        message = request(Task("api", "GET", "/version"), "m1", "c1")
        self.assertEqual(
            message,
            b"\x0a\x0a\x0a\x02m1\x10\x07\x1a\x02c1" + b"\x12\x14\x0a\x03api\x12\x03GET\x1a\x08/version",
        )

    def test_response_echoes_the_head(self):
        """A response has the request's head, unknown fields included, with the command of an answer."""
        unknown = b"\x92\x4e\x03abc"  # field 1250, length-delimited
        head = MessageHead.FromString(
            MessageHead(MessageID="m", Command=7, ClusterSelector="s", ParentClusterName="p", Uid="u").SerializeToString()
            + unknown
        )
        answered = ClusterMessage.FromString(response(head, Answer(200, b"ok"), 5))
        expected = MessageHead.FromString(head.SerializeToString())
        expected.Command = ControlResp
        self.assertEqual(answered.Head.SerializeToString(), expected.SerializeToString())
        self.assertIn(unknown, answered.Head.SerializeToString())
        self.assertEqual(decode_answer(answered.Body), (Answer(200, b"ok"), 5))

    def test_combined_answers(self):
        """The results of a multi task are a list; its code is that of the first failure."""
        answer = combined([Answer(201, b"a"), Answer(409, b"\xff"), Answer(500)])
        self.assertEqual(answer.code, 409)
        self.assertEqual(
            answer.body, b'[{"code": 201, "body": "a"}, {"code": 409, "body": "\\ufffd"}, {"code": 500, "body": ""}]'
        )
        self.assertEqual(combined([Answer(201), Answer(200)]).code, 200)


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
