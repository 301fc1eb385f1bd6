"""That the peer's bytes are those of the original."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from tests.functional.v1.messages import (
    CLUSTER,
    COMMAND,
    CONTROL_RESP,
    NEIGHBOR_ROUTE,
    REGIST,
    SELECTOR,
    SUBTREE_ROUTE,
    Malformed,
    Message,
    answer_body,
    fragments,
    go_json,
    message,
)

REQUEST = "0a100a02743110071a0263312a04726f6f7412190a0361706912034745541a0d2f6170692f76312f6e6f646573"


class VectorTests(SynchronousTestCase):
    """Known bytes."""

    def test_written(self) -> None:
        """Route messages and a registration are, byte for byte, what is on record of the original."""
        self.assertEqual(message(SUBTREE_ROUTE, b"{}", cluster="c1").hex(), "0a0610042202633112027b7d")
        routes = go_json({"Childs": {"c1": "10.0.0.1:8287"}, "Neighbor": None, "ParentNeighbor": None})
        self.assertEqual(
            message(NEIGHBOR_ROUTE, routes).hex(),
            "0a02100312477b224368696c6473223a7b226331223a2231302e302e302e313a38323837227d2c224e65696768626f72223a6e756c6c2c"
            "22506172656e744e65696768626f72223a6e756c6c7d",
        )
        own = {"Name": "c1", "UserDefineName": "c1", "Listen": "10.0.0.1:8287", "Time": 1600000000, "ParentName": "root"}
        self.assertEqual(
            message(REGIST, go_json(own), parent="root").hex(),
            "0a0810012a04726f6f7412627b224e616d65223a226331222c2255736572446566696e654e616d65223a226331222c224c697374656e223a22"
            "31302e302e302e313a38323837222c2254696d65223a313630303030303030302c22506172656e744e616d65223a22726f6f74227d",
        )

    def test_answered(self) -> None:
        """An answer is the request's head, with the command and the cluster changed."""
        request = Message(bytes.fromhex(REQUEST))
        self.assertEqual((request.command, request.text(SELECTOR)), (7, "c1"))
        request.set(COMMAND, CONTROL_RESP)
        request.set(CLUSTER, "c1")
        request.body = answer_body(1600000001, 200, b"{}")
        self.assertEqual(request.encode().hex(), "0a140a02743110081a026331220263312a04726f6f74120d0881a0f8fa0510c8011a027b7d")

    def test_unknown_fields(self) -> None:
        """What is unknown in a head comes back as it was, behind what is known."""
        raw = bytes.fromhex("0a0e" + "c83e3f" + "1007" + "c23e06" + "396631632e31")
        found = Message(raw)
        found.set(COMMAND, CONTROL_RESP)
        self.assertEqual(found.encode().hex(), "0a0e1008c83e3fc23e06396631632e31")

    def test_malformed(self) -> None:
        """What is no message, or has no head, is refused."""
        for text in ("", "1200", "0a", "0a0510", "ffffffffffffffffffffff"):
            self.assertRaises(Malformed, Message, bytes.fromhex(text))

    def test_fragments(self) -> None:
        """A long payload is cut into pieces of 4096 bytes, an empty one is one piece."""
        self.assertEqual([len(part) for part in fragments(b"x" * 9000)], [4096, 4096, 808])
        self.assertEqual(list(fragments(b"")), [b""])
