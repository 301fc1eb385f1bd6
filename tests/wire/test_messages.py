"""Tests of :mod:`ote_twisted.wire.messages`, the golden vectors of ``ote.v1`` included."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ote_twisted.errors import MalformedMessage
from ote_twisted.tasks.model import Answer, Task
from ote_twisted.wire import clustermessage_pb2 as pb
from ote_twisted.wire.codec import decode, encode
from ote_twisted.wire.messages import (
    answer_of,
    control_request,
    control_response,
    edge_report,
    message,
    multi_request,
    multi_task_of,
    request_head,
    task_of,
)
from ote_twisted.wire.routes import ClusterRegistry, ClusterRouter, encode_registry, encode_router, encode_subtree
from tests.wire.strategies import mutations

TASK = Task("api", "GET", "/api/v1/nodes")


def v1_head(command: int, message_id: str = "", selector: str = "", parent: str = "") -> pb.MessageHead:
    """The head that the original writes."""
    return request_head(command, message_id, selector, parent, hop_limit=0)


class GoldenVectorTests(SynchronousTestCase):
    """The bytes of the original, one vector per command."""

    def test_subtree_route_without_descendants(self) -> None:
        """A leaf reports ``{}``."""
        self.assertEqual(message(pb.SubTreeRoute, encode_subtree({}), "c1").hex(), "0a0610042202633112027b7d")

    def test_subtree_route(self) -> None:
        """Two descendants behind one child."""
        raw = message(pb.SubTreeRoute, encode_subtree({"c3": "c2", "c2": "c2"}), "c1")
        self.assertEqual(raw.hex(), "0a0610042202633112157b226332223a226332222c226333223a226332227d")

    def test_neighbour_route(self) -> None:
        """A root with one child knows no neighbours, which is ``null``."""
        raw = message(pb.NeighborRoute, encode_router(ClusterRouter({"c1": "10.0.0.1:8287"})))
        self.assertEqual(
            raw.hex(),
            "0a02100312477b224368696c6473223a7b226331223a2231302e302e302e313a38323837227d2c224e65696768626f72223a6e75"
            "6c6c2c22506172656e744e65696768626f72223a6e756c6c7d",
        )

    def test_cluster_regist(self) -> None:
        """A child registers under the root."""
        body = encode_registry(ClusterRegistry("c1", "c1", "10.0.0.1:8287", 1600000000, "root"))
        self.assertEqual(
            message(pb.ClusterRegist, body, parent="root").hex(),
            "0a0810012a04726f6f7412627b224e616d65223a226331222c2255736572446566696e654e616d65223a226331222c224c697374"
            "656e223a2231302e302e302e313a38323837222c2254696d65223a313630303030303030302c22506172656e744e616d65223a22"
            "726f6f74227d",
        )

    def test_control_request(self) -> None:
        """A task for one cluster."""
        raw = control_request(v1_head(pb.ControlReq, "t1", "c1", "root"), TASK)
        self.assertEqual(
            raw.hex(),
            "0a100a02743110071a0263312a04726f6f7412190a0361706912034745541a0d2f6170692f76312f6e6f646573",
        )

    def test_control_response(self) -> None:
        """Its answer, which still holds the selector that the request came with."""
        request = v1_head(pb.ControlReq, "t1", "c1", "root")
        raw = control_response(request, "c1", Answer(200, b"{}"), 1600000001)
        self.assertEqual(raw.hex(), "0a140a02743110081a026331220263312a04726f6f74120d0881a0f8fa0510c8011a027b7d")

    def test_multi_request(self) -> None:
        """Two objects of one path."""
        bodies = [b'{"kind":"Namespace","apiVersion":"v1","metadata":{"name":"%s"}}' % name for name in (b"a", b"b")]
        raw = multi_request(v1_head(pb.ControlMultiReq, selector="c1"), "api", "POST", "/api/v1/namespaces", bodies)
        self.assertEqual(
            raw.hex(),
            "0a06100a1a026331129f010a036170691204504f53541a122f6170692f76312f6e616d65737061636573223e7b226b696e64223a"
            "224e616d657370616365222c2261706956657273696f6e223a227631222c226d65746164617461223a7b226e616d65223a226122"
            "7d7d223e7b226b696e64223a224e616d657370616365222c2261706956657273696f6e223a227631222c226d6574616461746122"
            "3a7b226e616d65223a2262227d7d",
        )

    def test_edge_report(self) -> None:
        """A report is carried as it is."""
        reports = (
            b'[{"resourceType":7,"body":"eyJzdGF0dXMiOiJvbmxpbmUiLCJ0aW1lc3RhbXAiOjE2MDAwMDAwMDIsImNhcGFjaXR5Ijp7ImNw'
            b'dSI6IjQifSwiYWxsb2NhdGFibGUiOnsiY3B1IjoiNCJ9fQ=="}]'
        )
        self.assertEqual(
            edge_report("c1", reports).hex(),
            "0a06100922026331129a015b7b227265736f7572636554797065223a372c22626f6479223a2265794a7a6447463064584d694f69"
            "4a76626d7870626d55694c434a306157316c63335268625841694f6a45324d4441774d4441774d444973496d4e686347466a6158"
            "5235496a7037496d4e7764534936496a5169665377695957787362324e6864474669624755694f6e736959334231496a6f694e43"
            "4a3966513d3d227d5d",
        )


class BuildTests(SynchronousTestCase):
    """Requests and answers of ``ote.v2``."""

    def test_request(self) -> None:
        """A request carries its uid, its targets and the time left, in milliseconds."""
        head = request_head(pb.ControlReq, "t1", uid="u.1", targets=["c1", "c2"], hop_limit=7, deadline=1.5)
        request = decode(control_request(head, TASK))
        self.assertEqual([*request.Head.Targets], ["c1", "c2"])
        self.assertEqual((request.Head.HopLimit, request.Head.DeadlineMilliseconds), (7, 1500))
        self.assertEqual(task_of(request), Task("api", "GET", "/api/v1/nodes", uid="u.1"))

    def test_short_deadline_stays_one(self) -> None:
        """Less than a millisecond left is not "no deadline"."""
        self.assertEqual(request_head(pb.ControlReq, deadline=0.0001).DeadlineMilliseconds, 1)

    def test_answer_has_its_own_hops(self) -> None:
        """An answer echoes who is asking, starts with a full hop limit, and is not steered by the request's targets."""
        request = pb.MessageHead(Uid="u.1", HopLimit=2, Targets=["c1"], DeadlineMilliseconds=5)
        head = decode(control_response(request, "c1", Answer(200), 1)).Head
        self.assertEqual((head.Uid, head.HopLimit, [*head.Targets]), ("u.1", 64, []))
        self.assertEqual((head.DeadlineMilliseconds, head.Command), (0, pb.ControlResp))

    def test_answer_echoes_unknown_fields(self) -> None:
        """Head fields of a future version come back with the answer."""
        request = decode(b"\x0a\x09\x0a\x02t1\x82\x7d\x02hi").Head
        self.assertIn(b"\x82\x7d\x02hi", control_response(request, "c1", Answer(200), 1))

    def test_answer_keeps_its_cut(self) -> None:
        """A body cut at the limit says so, and how long it was."""
        answer = Answer(200, b"ab", truncated=True, full_length=9, unknown=True)
        self.assertEqual(answer_of(decode(control_response(pb.MessageHead(), "c1", answer, 5))), (answer, 5))

    def test_multi_request(self) -> None:
        """Each body of a multi request is a task of its own, in order."""
        raw = multi_request(request_head(0, uid="u.1"), "api", "POST", "/x", [b"1", b"2"])
        self.assertEqual([task.body for task in multi_task_of(decode(raw))], [b"1", b"2"])

    def test_text_without_utf8_form_is_refused(self) -> None:
        """Half a surrogate pair cannot be sent, wherever it stands."""
        self.assertRaises(MalformedMessage, message, pb.SubTreeRoute, b"", "\ud800")
        self.assertRaises(MalformedMessage, request_head, pb.ControlReq, "\ud800")
        self.assertRaises(MalformedMessage, control_request, pb.MessageHead(), Task("\ud800", "", ""))
        self.assertRaises(MalformedMessage, multi_request, pb.MessageHead(), "\ud800", "", "", [])

    def test_code_that_does_not_fit_is_refused(self) -> None:
        """A code or time that the wire has no room for is an error of the caller."""
        self.assertRaises(MalformedMessage, control_response, pb.MessageHead(), "c1", Answer(1 << 40), 1)
        self.assertRaises(MalformedMessage, control_response, pb.MessageHead(), "c1", Answer(200), 1 << 70)


class BodyTests(SynchronousTestCase):
    """Bodies of peers."""

    def test_command_decides_about_the_body(self) -> None:
        """A task is read from ``ControlReq`` only, many from ``ControlMultiReq`` only, an answer from ``ControlResp`` only."""
        for read, command in ((task_of, pb.ControlMultiReq), (multi_task_of, pb.ControlReq), (answer_of, pb.ControlReq)):
            fault = self.assertRaises(MalformedMessage, read, decode(message(command)))
            self.assertIn("MessageHead.Command", str(fault))

    def test_undecodable_body_is_refused(self) -> None:
        """A body that is no protobuf is malformed, and the error names the command (F64)."""
        for read, command, what in (
            (task_of, pb.ControlReq, "ControlReq.Body"),
            (multi_task_of, pb.ControlMultiReq, "ControlMultiReq.Body"),
            (answer_of, pb.ControlResp, "ControlResp.Body"),
        ):
            fault = self.assertRaises(MalformedMessage, read, decode(message(command, b"\xff")))
            self.assertIn(what, str(fault))

    @given(mutations(st.just(control_response(pb.MessageHead(MessageID="t"), "c1", Answer(200, b"body"), 1600000000))))
    def test_hostile_answers(self, raw: bytes) -> None:
        """Any bytes are an answer or malformed."""
        try:
            answer_of(decode(raw))
        except MalformedMessage:
            return

    @given(st.binary(max_size=32))
    def test_hostile_tasks(self, body: bytes) -> None:
        """Any body is a task or malformed."""
        for read, command in ((task_of, pb.ControlReq), (multi_task_of, pb.ControlMultiReq)):
            try:
                read(pb.ClusterMessage(Head=pb.MessageHead(Command=command), Body=body))
            except MalformedMessage:
                continue

    @given(st.builds(Task, st.text("ab"), st.text("ab"), st.text("ab"), st.binary(), st.text("ab.1")))
    def test_task_round_trip(self, task: Task) -> None:
        """A task arrives as it was sent."""
        self.assertEqual(task_of(decode(control_request(request_head(0, uid=task.uid), task))), task)


class UtilTests(SynchronousTestCase):
    """The original's own test of its helpers (T1)."""

    def test_empty_message(self) -> None:
        """An empty message encodes."""
        self.assertEqual(encode(pb.ClusterMessage()), b"\x0a\x00")

    def test_wrapping_sets_the_command(self) -> None:
        """A single task is always ``ControlReq`` and a multi task ``ControlMultiReq``, whatever the head said."""
        head = pb.MessageHead(Command=pb.EdgeReport)
        self.assertEqual(decode(control_request(head, TASK)).Head.Command, pb.ControlReq)
        self.assertEqual(decode(multi_request(head, "api", "GET", "/", [])).Head.Command, pb.ControlMultiReq)
