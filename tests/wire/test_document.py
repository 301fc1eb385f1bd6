"""docs/wire.md says what the code does."""

from __future__ import annotations

import re
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from ote_twisted.tasks.model import Task
from ote_twisted.wire import clustermessage_pb2 as pb
from ote_twisted.wire.codec import with_hop_limit
from ote_twisted.wire.entry import ClusterEntry, entry_digest
from ote_twisted.wire.envelope import EnvelopeWriter
from ote_twisted.wire.messages import control_request, request_head

DOCUMENT = Path(__file__).parent.parent.parent / "docs" / "wire.md"


class DocumentTests(SynchronousTestCase):
    """Examples and tables of the specification."""

    def setUp(self) -> None:
        """Read the specification."""
        self.text = DOCUMENT.read_text(encoding="utf-8")

    def test_worked_example(self) -> None:
        """The worked example is what the writer writes."""
        [block] = re.findall(r"```hex\n(.*?)```", self.text, re.DOTALL)
        example = "".join(line.partition("  ")[0] for line in block.splitlines())
        head = request_head(pb.ControlReq, "t1", parent="root", uid="9f1c.1", targets=["c1"], hop_limit=64, deadline=3600)
        writer = EnvelopeWriter()
        for _ in range(6):
            writer.add(b"")
        writer.flush()
        writer.add(control_request(head, Task("api", "GET", "/api/v1/nodes")))
        self.assertEqual(writer.next_payload(acknowledge=3), bytes.fromhex(example))

    def test_hop_limit_example(self) -> None:
        """The suffix of the text is the one that a hop appends."""
        self.assertEqual(with_hop_limit(b"", 63), bytes.fromhex("0a 03 c8 3e 3f"))
        self.assertIn("`0a 03 c8 3e 3f`", self.text)

    def test_digest_example(self) -> None:
        """The example of a digest is right."""
        labels = {"region": "north", "tier": "site"}
        entry = ClusterEntry("c1", "root", "10.0.0.1:8287", labels, ("camera", "gpu"), True, "Fab 1", "1.0", epoch=7)
        self.assertIn(f"`0x{entry_digest(entry):016X}`", self.text)

    def test_every_command_is_described(self) -> None:
        """The table of commands is complete."""
        for name, number in pb.CommandType.items():
            self.assertRegex(self.text, rf"\| {number}\b.*\b{name}\b|\| 5, 6 \|.*\b{name}\b")
