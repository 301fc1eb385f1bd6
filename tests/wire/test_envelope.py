"""Tests of :mod:`ote_twisted.wire.envelope` and :mod:`ote_twisted.wire.chunks`."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ote_twisted.errors import MalformedMessage
from ote_twisted.wire import clustermessage_pb2 as pb
from ote_twisted.wire.chunks import CHUNK_LENGTH
from ote_twisted.wire.codec import decode, encode
from ote_twisted.wire.envelope import EnvelopeReader, EnvelopeWriter
from ote_twisted.wire.limits import OPEN_CHUNKED_LIMIT, PAYLOAD_LIMIT
from tests.wire.strategies import mutations

LONG = CHUNK_LENGTH + 1


def a_message(flow: str, length: int = 0, command: int = pb.ControlResp, uid: str = "") -> bytes:
    """An encoded message of exactly ``length`` bytes, or a short one."""
    head = pb.MessageHead(Command=command, ClusterName=flow, Uid=uid)  # type: ignore[arg-type]
    bare = len(encode(pb.ClusterMessage(Head=head)))
    for framing in range(2, 8):
        raw = encode(pb.ClusterMessage(Head=head, Body=b"\x00" * max(0, length - bare - framing)))
        if len(raw) == length or not length:
            return raw
    raise ValueError(length)


def written(*messages: bytes, writer: EnvelopeWriter | None = None) -> list[bytes]:
    """The payloads that carry ``messages``."""
    writer = writer or EnvelopeWriter()
    for message in messages:
        writer.add(message)
    return writer.flush()


def read(payloads: list[bytes], reader: EnvelopeReader | None = None) -> list[bytes]:
    """The messages that ``payloads`` carry."""
    reader = reader or EnvelopeReader()
    return [message for payload in payloads for message in reader.feed(payload)]


class BatchTests(SynchronousTestCase):
    """Many messages in one payload."""

    def test_one_payload(self) -> None:
        """What was added in one turn leaves in one payload, in order."""
        messages = [a_message(f"c{number}") for number in range(100)]
        payloads = written(*messages)
        self.assertEqual(len(payloads), 1)
        self.assertEqual(read(payloads), messages)

    def test_payloads_are_bounded(self) -> None:
        """More than 64 KiB make several payloads, each nearly full."""
        messages = [a_message("c", 1000) for _ in range(200)]
        payloads = written(*messages)
        self.assertEqual(read(payloads), messages)
        self.assertTrue(all(PAYLOAD_LIMIT - 1100 < len(payload) <= PAYLOAD_LIMIT for payload in payloads[:-1]))

    def test_longest_message_of_a_batch(self) -> None:
        """A message that just fits travels in a batch; one byte more is chunked."""
        for length, count in ((CHUNK_LENGTH, 1), (CHUNK_LENGTH + 1, 2)):
            message = a_message("c", length)
            payloads = written(message)
            self.assertEqual((len(payloads), read(payloads)), (count, [message]))
            self.assertTrue(all(len(payload) <= PAYLOAD_LIMIT for payload in payloads))

    def test_nothing_to_say(self) -> None:
        """Without messages and news there is no payload."""
        writer = EnvelopeWriter()
        self.assertEqual((writer.flush(), writer.pending, writer.queued_bytes), ([], False, 0))

    def test_message_over_the_limit(self) -> None:
        """A message over the limit is dropped and counted, the link goes on."""
        writer = EnvelopeWriter(limit=100_000)
        message = a_message("c")
        self.assertEqual(read(written(a_message("c", 100_001), message, writer=writer)), [message])
        self.assertEqual((writer.refused, writer.queued_bytes), (1, 0))

    def test_unknown_envelope_fields(self) -> None:
        """Envelope fields of a future version are ignored."""
        message = a_message("c")
        self.assertEqual(read([*written(message), b"\x82\x7d\x02hi"]), [message])


class AcknowledgeTests(SynchronousTestCase):
    """Sequence numbers and cumulative acknowledgement."""

    def test_sequence_counts_messages(self) -> None:
        """The first message has number 1; each payload tells the number of its first."""
        writer = EnvelopeWriter()
        numbers = []
        for count in (2, 1, 3):
            [payload] = written(*[a_message("c")] * count, writer=writer)
            numbers.append(pb.ClusterMessage.FromString(payload).Sequence)
        self.assertEqual((numbers, writer.sequence), ([1, 3, 4], 7))

    def test_reader_counts_what_it_gave_out(self) -> None:
        """The reader's count is what is to be acknowledged; a chunked message counts with its last chunk."""
        reader, payloads = EnvelopeReader(), written(a_message("a"), a_message("b", LONG))
        counts = []
        for payload in payloads:
            reader.feed(payload)
            counts.append(reader.received)
        self.assertEqual(counts, [1, 1, 2])

    def test_acknowledgement_rides_along(self) -> None:
        """A payload with messages carries the acknowledgement; it is then not told again."""
        writer, reader = EnvelopeWriter(), EnvelopeReader()
        writer.add(a_message("c"))
        [payload] = writer.flush(acknowledge=5)
        reader.feed(payload)
        self.assertEqual((reader.acknowledged, writer.flush(acknowledge=5)), (5, []))

    def test_acknowledgement_alone(self) -> None:
        """News of what was received make a payload of their own when no message waits."""
        writer, reader = EnvelopeWriter(), EnvelopeReader()
        [payload] = writer.flush(acknowledge=9)
        self.assertEqual((reader.feed(payload), reader.acknowledged, reader.received), ([], 9, 0))
        self.assertEqual(writer.sequence, 1)

    def test_what_was_not_sent_cannot_be_acknowledged(self) -> None:
        """A peer that acknowledges more than it got is wrong."""
        writer = EnvelopeWriter()
        written(a_message("c"), writer=writer)
        writer.acknowledge_received(1)
        self.assertEqual(writer.acknowledged, 1)
        fault = self.assertRaises(MalformedMessage, writer.acknowledge_received, 2)
        self.assertIn("Acknowledge: 2, but 1 was the last", str(fault))


class ChunkTests(SynchronousTestCase):
    """Messages longer than a payload."""

    def test_long_message(self) -> None:
        """A long message arrives whole."""
        message = a_message("c", 1_000_000)
        payloads = written(message)
        self.assertEqual((len(payloads), read(payloads)), (16, [message]))

    def test_control_does_not_wait_behind_bulk(self) -> None:
        """A short message added while a long one is under way leaves with the next payload."""
        writer, reader = EnvelopeWriter(), EnvelopeReader()
        writer.add(a_message("bulk", 1_000_000))
        reader.feed(writer.next_payload() or b"")
        short = a_message("c1", command=pb.Announce)
        writer.add(short)
        self.assertEqual(reader.feed(writer.next_payload() or b""), [short])
        self.assertTrue(writer.pending)

    def test_bulk_does_not_wait_behind_control(self) -> None:
        """However many short messages wait, every second payload is a chunk."""
        writer, reader = EnvelopeWriter(), EnvelopeReader()
        writer.add(a_message("bulk", 3 * CHUNK_LENGTH))
        kinds = []
        for _ in range(6):
            for _ in range(100):
                writer.add(a_message("c", 1000))
            kinds.append(len(reader.feed(writer.next_payload() or b"")) > 1)
        self.assertEqual(kinds, [True, False, True, False, True, False])

    def test_long_messages_take_turns(self) -> None:
        """Two long messages share the link; the shorter one is not held up by the longer."""
        long, longer = a_message("b", 2 * CHUNK_LENGTH), a_message("a", 9 * CHUNK_LENGTH)
        payloads = written(longer, long)
        self.assertEqual(read(payloads[:4]), [long])
        self.assertEqual(read(payloads), [long, longer])

    def test_a_flow_is_not_overtaken(self) -> None:
        """A task's cancellation waits for the task, another task's does not."""
        task = a_message("", LONG, pb.ControlReq, "u.1")
        cancel, other = a_message("", 0, pb.Cancel, "u.2"), a_message("", 0, pb.Cancel, "v.1")
        self.assertEqual(read(written(task, cancel, other)), [other, task, cancel])

    def test_routes_are_one_flow(self) -> None:
        """A change of routes waits for the complete announcement before it."""
        complete, change = a_message("c1", LONG, pb.Announce), a_message("c2", 0, pb.Announce)
        self.assertEqual(read(written(complete, change)), [complete, change])

    def test_bulk_overtakes_nothing_of_its_flow(self) -> None:
        """A long message arrives after every message that was added before it."""
        before = [a_message("c", 60_000) for _ in range(5)]
        bulk = a_message("c", LONG)
        writer = EnvelopeWriter()
        other = a_message("d", LONG)
        writer.add(other)
        payloads = [writer.next_payload() or b"", *written(*before, bulk, writer=writer)]
        self.assertEqual([message for message in read(payloads) if message != other], [*before, bulk])

    def test_bytes_without_head_are_a_flow(self) -> None:
        """What cannot be read is carried nevertheless, in order."""
        self.assertEqual(read(written(b"\xff" * LONG, b"\xff")), [b"\xff" * LONG, b"\xff"])

    def test_bounded_number_under_way(self) -> None:
        """No more messages are opened at the same time than the receiver takes."""
        messages = [a_message(f"c{number}", 3 * CHUNK_LENGTH) for number in range(OPEN_CHUNKED_LIMIT * 2)]
        self.assertEqual(sorted(read(written(*messages))), sorted(messages))

    def test_bounded_bytes_under_way(self) -> None:
        """No more bytes are opened at the same time than the receiver takes; what has waited goes later."""
        messages = [a_message(f"c{number}", 2 * CHUNK_LENGTH) for number in range(5)]
        payloads = written(*messages, writer=EnvelopeWriter(5 * CHUNK_LENGTH))
        self.assertEqual(sorted(read(payloads, EnvelopeReader(5 * CHUNK_LENGTH))), sorted(messages))

    @settings(max_examples=50)
    @given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from([50, 40_000, LONG, 200_000]), st.booleans()), max_size=25))
    def test_each_flow_in_order(self, plan: list[tuple[str, int, bool]]) -> None:
        """Whatever is added between payloads, everything arrives once, and each flow in its order."""
        writer, reader = EnvelopeWriter(), EnvelopeReader()
        sent: dict[str, list[str]] = {}
        arrived: dict[str, list[str]] = {}
        payloads: list[bytes] = []
        for number, (flow, length, send) in enumerate(plan):
            writer.add(a_message(flow, length, uid=str(number)))
            sent.setdefault(flow, []).append(str(number))
            payloads += filter(None, [writer.next_payload() if send else None])
        for message in read(payloads + writer.flush(), reader):
            head = decode(message).Head
            arrived.setdefault(head.ClusterName, []).append(head.Uid)
        self.assertEqual(arrived, sent)
        self.assertEqual((reader.received, writer.queued_bytes, reader.buffered_bytes), (len(plan), 0, 0))


class HostileTests(SynchronousTestCase):
    """Payloads that break a rule."""

    def assert_malformed(self, text: str, *envelopes: pb.ClusterMessage, limit: int = 1000) -> None:
        """The last of ``envelopes`` is refused with ``text``."""
        reader = EnvelopeReader(limit)
        for envelope in envelopes[:-1]:
            reader.feed(envelope.SerializeToString())
        fault = self.assertRaises(MalformedMessage, reader.feed, envelopes[-1].SerializeToString())
        self.assertIn(text, str(fault))

    def chunk(self, id: int = 1, total: int = 10, offset: int = 0, data: bytes = b"12345") -> pb.ClusterMessage:
        """An envelope with one chunk."""
        return pb.ClusterMessage(Chunk=pb.Chunk(Id=id, Total=total, Offset=offset, Data=data))

    def test_message_without_envelope(self) -> None:
        """A bare message is refused on ote.v2, where every message is numbered."""
        self.assert_malformed("envelope: has a Head", pb.ClusterMessage(Head=pb.MessageHead()))
        self.assert_malformed("envelope: has a Head or a Body", pb.ClusterMessage(Body=b"x"))

    def test_long_payload(self) -> None:
        """A payload over 64 KiB is refused before parsing."""
        self.assertRaises(MalformedMessage, EnvelopeReader().feed, b"\xff" * (PAYLOAD_LIMIT + 1))

    def test_wrong_sequence(self) -> None:
        """A number that is missing, repeated or skipped is refused."""
        batch = pb.ClusterMessage(Batch=[b"x"], Sequence=1)
        for sequence in (0, 1, 3):
            self.assert_malformed(
                f"Sequence: {sequence}; 2 comes next", batch, pb.ClusterMessage(Batch=[b"x"], Sequence=sequence)
            )

    def test_acknowledgement_backwards(self) -> None:
        """An acknowledgement is not taken back."""
        self.assert_malformed("Acknowledge: 4 after 5", pb.ClusterMessage(Acknowledge=5), pb.ClusterMessage(Acknowledge=4))

    def test_gap_between_chunks(self) -> None:
        """Chunks follow each other without gap or overlap."""
        for offset in (0, 4, 6):
            self.assert_malformed(f"Chunk.Offset: {offset}; 5 comes next", self.chunk(), self.chunk(offset=offset))
        self.assert_malformed("Chunk.Offset: 1; 0 comes next", self.chunk(offset=1))

    def test_too_much_data(self) -> None:
        """A chunk cannot exceed what its message announced, nor be empty."""
        self.assert_malformed("Chunk.Data: 6 bytes where", self.chunk(), self.chunk(offset=5, data=b"123456"))
        self.assert_malformed("Chunk.Data: 0 bytes where", self.chunk(data=b""))

    def test_changed_total(self) -> None:
        """A message does not change its length."""
        self.assert_malformed("Chunk.Total: 11, it was 10 before", self.chunk(), self.chunk(total=11, offset=5))

    def test_too_long(self) -> None:
        """A message over the limit is refused at its first chunk."""
        self.assert_malformed("over the limit of 1000", self.chunk(total=1001))

    def test_too_much_under_way(self) -> None:
        """Messages under way together stay below the limit."""
        self.assert_malformed("600 under way", self.chunk(total=600), self.chunk(id=2, total=401))

    def test_too_many_under_way(self) -> None:
        """Only so many messages are under way together."""
        self.assert_malformed("more than 8 messages", *[self.chunk(id=number) for number in range(1, 10)])

    def test_used_id(self) -> None:
        """An id is used once; 0 is none."""
        whole = self.chunk(total=5)
        whole.Sequence = 1
        self.assert_malformed("Chunk.Id: 1 is over already", whole, self.chunk())
        self.assert_malformed("Chunk.Id: 0", self.chunk(id=0))

    @given(st.lists(st.one_of(st.binary(max_size=40), mutations(st.sampled_from(written(b"abc", b"x" * 70_000)))), max_size=4))
    def test_any_bytes(self, payloads: list[bytes]) -> None:
        """Any payloads are messages or malformed, and never leave more than the limit behind."""
        reader = EnvelopeReader(100_000)
        try:
            read(payloads, reader)
        except MalformedMessage:
            pass
        self.assertTrue(0 <= reader.buffered_bytes <= 100_000)


class KeptTests(SynchronousTestCase):
    """A writer that keeps what the peer has not acknowledged."""

    @given(st.lists(st.integers(0, 150_000), max_size=8), st.data())
    def test_nothing_is_forgotten_before_it_is_acknowledged(self, lengths: list[int], data: st.DataObject) -> None:
        """What is unacknowledged is exactly what was added and not acknowledged, whatever was handed out of it."""
        writer, reader = EnvelopeWriter(keeps=True), EnvelopeReader()
        added = [bytes([number]) * max(1, length) for number, length in enumerate(lengths)]
        for message in added:
            writer.add(message)
        arrived: list[bytes] = []
        for _ in range(data.draw(st.integers(0, 20))):
            payload = writer.next_payload()
            arrived += reader.feed(payload) if payload is not None else []
        known = data.draw(st.integers(0, len(arrived)))
        writer.acknowledge_received(known)
        left = writer.unacknowledged()
        self.assertEqual(sorted(left), sorted(set(added) - set(arrived[:known])))
        self.assertEqual(left[: len(arrived) - known], arrived[known:])

    def test_other_writers_keep_nothing(self) -> None:
        """Towards a child what was handed out is not kept."""
        writer = EnvelopeWriter()
        writer.add(b"x")
        writer.next_payload()
        writer.add(b"y")
        self.assertEqual(writer.unacknowledged(), [b"y"])
