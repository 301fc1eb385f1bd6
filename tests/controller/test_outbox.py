"""What the own cluster owes, until its receiver says that it has it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from ote_twisted.controller.chronicle import Chronicle
from ote_twisted.controller.keeping import Keeper
from ote_twisted.controller.outbox import Outbox
from ote_twisted.controller.uplink import Uplink
from ote_twisted.errors import StoreUnavailable
from ote_twisted.storage.journal_memory import MemoryDeliveryJournal
from ote_twisted.tasks.journal import REPORT, OutboxEntry, Performed
from ote_twisted.tasks.model import Answer
from ote_twisted.testing.events import MemoryEventRecorder
from ote_twisted.testing.links import MemoryLink
from ote_twisted.wire import clustermessage_pb2 as pb
from ote_twisted.wire.messages import control_response, edge_report, request_head
from tests.controller.building import WALL


def answer(uid: str, size: int = 0, until: float = 0.0) -> OutboxEntry:
    """An answer that is owed."""
    head = request_head(pb.ControlReq, "t", parent="root", uid=uid)
    return OutboxEntry(uid, control_response(head, "north", Answer(200, b"x" * size), 1), until=until)


def report(uid: str, key: str = "", size: int = 0) -> OutboxEntry:
    """A report that is owed."""
    return OutboxEntry(REPORT + uid, edge_report("north", b"x" * size), key)


class OutboxTestCase(SynchronousTestCase):
    """An outbox over links that tests hold in their hands, and a journal."""

    limit = 100_000

    def setUp(self) -> None:
        """Build it."""
        self.clock = Clock()
        self.journal = MemoryDeliveryJournal()
        self.keeper = Keeper(self.journal, self.clock, Chronicle(MemoryEventRecorder("north", self.clock.seconds)), 100_000)
        self.uplink = Uplink(100_000)
        self.outbox = Outbox(self.uplink, self.keeper, self.clock, lambda: WALL + self.clock.seconds(), self.limit)
        self.addCleanup(lambda: self.assertEqual(self.clock.getDelayedCalls(), []))
        self.addCleanup(self.outbox.stop)

    def finish(self, *entries: OutboxEntry) -> None:
        """Answers are noted and owed."""
        for entry in entries:
            self.journal.finish(Performed(entry.uid, Answer(200), 0.0), entry)
            self.outbox.owe(entry)

    def open(self, v2: bool = True) -> MemoryLink:
        """A link begins to carry."""
        link = MemoryLink(is_parent=True, v2=v2)
        self.uplink.opened(link)
        self.outbox.opened()
        return link

    def noted(self) -> list[str]:
        """Uids of what the journal says is owed."""
        found: Sequence[OutboxEntry] = self.successResultOf(self.journal.load()).outbox
        return [entry.uid for entry in found]


def uids(messages: Iterable[pb.ClusterMessage]) -> list[str]:
    """Uids of messages."""
    return [message.Head.Uid for message in messages]


class SendingTests(OutboxTestCase):
    """When it is sent."""

    def test_at_once_and_until_it_is_confirmed(self) -> None:
        """With a parent an answer is sent at once; it is owed until the confirmation, and forgotten then, on the disk too."""
        link = self.open()
        self.finish(answer("u1"), answer("u2"))
        self.assertEqual((uids(link.take()), self.noted()), (["u1", "u2"], ["u1", "u2"]))
        self.outbox.received(["u1", "never heard of"])
        self.assertEqual((self.noted(), len(self.outbox), self.outbox.confirmed), (["u2"], 1, 1))

    def test_on_each_link_in_order(self) -> None:
        """What is not confirmed is sent on each link that begins to carry, in the order in which it was made."""
        self.finish(answer("u1"))
        self.outbox.put(report("r1"))
        self.finish(answer("u2"))
        for _ in range(2):
            self.assertEqual(uids(self.open().take()), ["u1", "report:r1", "u2"])
        self.assertEqual(self.outbox.repeated, 3)

    def test_no_faster_than_the_link(self) -> None:
        """A backlog is sent as the link takes it; what comes meanwhile goes behind it."""
        self.finish(*(answer(f"u{number}", 10_000) for number in range(9)))
        link = self.open()
        self.assertTrue(link.congested and self.outbox.congested)
        self.finish(answer("last"))
        sent = len(link.sent)
        while self.outbox.congested:
            link.move()
            self.outbox.send()
        self.assertLess(sent, 9)
        self.assertEqual(uids(link.take()), [*(f"u{number}" for number in range(9)), "last"])

    def test_an_original_confirms_nothing(self) -> None:
        """Over a link to an original what was sent is forgotten, and reports go without what an original does not know."""
        self.finish(answer("u1"))
        self.outbox.put(report("r1"))
        link = self.open(v2=False)
        self.assertEqual(uids(link.take()), ["u1", ""])
        self.assertEqual((len(self.outbox), self.noted()), (0, []))

    def test_after_a_restart(self) -> None:
        """Another life owes what the one before owed, and a report that it put."""
        self.finish(answer("u1"))
        self.outbox.put(report("r1"))
        self.outbox.stop()
        self.outbox = Outbox(self.uplink, self.keeper, self.clock, self.clock.seconds, self.limit)
        self.outbox.load(self.successResultOf(self.journal.load()).outbox)
        self.addCleanup(self.outbox.stop)
        self.assertEqual(uids(self.open().take()), ["u1", "report:r1"])

    def test_after_a_restart_with_another_clock(self) -> None:
        """What an earlier life noted by a clock that was years behind is not over at once: it is owed for two hours at least."""
        self.outbox.load([answer("u1", until=3600.0), report("1")])
        self.clock.advance(1800)
        link = self.open()
        self.assertEqual((uids(link.take()), self.outbox.expired), (["u1", "report:1"], 0))
        self.uplink.lost(link)
        self.clock.advance(7200)
        self.assertEqual((len(self.outbox), self.outbox.expired), (1, 1))

    def test_when_somebody_asks(self) -> None:
        """What is owed is sent again when its task comes again, unless that was sent while this was on its way."""
        link = self.open()
        self.finish(answer("u1"))
        link.take()
        self.assertTrue(self.outbox.again("u1"))
        self.assertEqual(link.take(), [])
        self.clock.advance(5)
        self.assertTrue(self.outbox.again("u1"))
        self.assertFalse(self.outbox.again("u2"))
        self.assertEqual(uids(link.take()), ["u1"])


class DoubtTests(OutboxTestCase):
    """When it is sent again."""

    def test_without_a_confirmation(self) -> None:
        """What nobody confirms is sent again, first after half a minute or so, then more and more seldom."""
        link = self.open()
        self.finish(answer("u1"))
        link.take()
        times = []
        for second in range(0, 4000, 5):
            self.clock.advance(5)
            times += [second] * len(link.take())
        gaps = [later - earlier for earlier, later in zip([0, *times], times, strict=False)]
        self.assertTrue(all(20 <= gap <= 800 for gap in gaps), gaps)
        self.assertTrue(5 <= len(gaps) <= 12, gaps)
        self.assertGreater(gaps[4], 5 * gaps[0])

    def test_not_everybody_at_once(self) -> None:
        """Answers that were sent together are not all repeated together."""
        link = self.open()
        self.finish(*(answer(f"u{number}") for number in range(50)))
        link.take()
        self.clock.advance(30)
        early = len(link.take())
        self.assertTrue(0 < early < 50, early)

    def test_another_way_to_the_root(self) -> None:
        """When the parent's way to the root is another one than before everything goes again, once for some changes."""
        link = self.open()
        self.outbox.path_learnt(("mid", "root"), True)
        self.finish(answer("u1"))
        link.take()
        for path in (("mid",), ("mid", "b", "root"), ("mid", "c", "root")):
            self.outbox.path_learnt(path, path[-1] == "root")
        self.clock.advance(1)
        self.assertEqual(uids(link.take()), ["u1"])

    def test_the_same_way_after_a_gap(self) -> None:
        """A way that was broken and is the same again may have lost messages, too."""
        link = self.open()
        for path in (("mid", "root"), ("mid",), ("mid", "root")):
            self.outbox.path_learnt(path, path[-1] == "root")
            if path == ("mid",):
                self.finish(answer("u1"))
                link.take()
        self.clock.advance(1)
        self.assertEqual(uids(link.take()), ["u1"])

    def test_what_a_new_link_says_first(self) -> None:
        """The way that a new parent tells is no change, nor is the same way told again: everything was sent just now."""
        link = self.open()
        self.finish(answer("u1"))
        link.take()
        for _ in range(2):
            self.outbox.path_learnt(("mid", "root"), True)
            self.clock.advance(2)
        self.assertEqual(link.take(), [])

    def test_nobody_waits_any_more(self) -> None:
        """After its time an answer is forgotten and counted; at rest nothing is scheduled."""
        self.finish(answer("u1", until=WALL + 100), answer("u2"))
        self.clock.pump([15] * 7)
        self.assertEqual((self.noted(), self.outbox.expired), (["u2"], 1))
        self.open()
        self.outbox.received(["u2"])
        self.clock.advance(15)
        self.assertEqual(self.clock.getDelayedCalls(), [])


class BoundTests(OutboxTestCase):
    """The bound."""

    def test_answers_that_were_never_sent_stay(self) -> None:
        """Nothing answered is lost by the bound: while it is exceeded, no more answers should be made, and room is told."""
        told: list[bool] = []
        self.outbox.freed = lambda: told.append(self.outbox.full)
        self.finish(*(answer(f"u{number}", 30_000) for number in range(5)))
        self.assertEqual((len(self.outbox), self.outbox.full, self.outbox.dropped), (5, True, 0))
        self.outbox.received(["u0", "u1"])
        self.assertEqual((self.outbox.full, told), (False, [False]))

    def test_answers_that_were_sent_go_first(self) -> None:
        """What was sent has probably arrived, so it goes before reports, the oldest first; it is counted."""
        link = self.open()
        self.outbox.put(report("r1", size=5_000))
        self.finish(*(answer(f"u{number}", 30_000) for number in range(3)))
        link.move()
        self.outbox.send()
        self.finish(answer("u3", 30_000))
        self.assertEqual((self.noted(), self.outbox.dropped), (["report:r1", "u1", "u2", "u3"], 1))

    def test_then_the_oldest_reports(self) -> None:
        """Reports beyond the bound are dropped, the oldest first."""
        for number in range(8):
            self.outbox.put(report(f"r{number}", size=30_000))
        self.assertEqual(self.noted(), ["report:r5", "report:r6", "report:r7"])
        self.outbox.send()
        self.assertEqual((self.outbox.dropped, len(self.outbox)), (5, 3))

    def test_a_newer_report_replaces_the_older(self) -> None:
        """Of reports of a whole state only the newest is owed."""
        self.outbox.put(report("r1", "status"))
        self.outbox.put(report("r2"))
        self.outbox.put(report("r3", "status"))
        self.assertEqual((self.noted(), self.outbox.replaced), (["report:r2", "report:r3"], 1))
        self.assertEqual(uids(self.open().take()), ["report:r2", "report:r3"])


class UplinkTests(SynchronousTestCase):
    """What others below us send up."""

    def link(self) -> MemoryLink:
        """One to a parent."""
        return MemoryLink(is_parent=True)

    def test_unacknowledged_first(self) -> None:
        """What a lost link had not acknowledged goes first on the next, in order, then what waited, then what comes."""
        uplink, first, second = Uplink(1000), self.link(), self.link()
        uplink.opened(first)
        uplink.send(b"\n\x001")
        first.move()
        for message in (b"\n\x002", b"\n\x003"):
            uplink.send(message)
        uplink.lost(first)
        uplink.send(b"\n\x004")
        uplink.opened(second)
        uplink.release()
        uplink.send(b"\n\x005")
        self.assertEqual(second.sent, [b"\n\x00%d" % number for number in (2, 3, 4, 5)])
        self.assertEqual((uplink.repeated, uplink.waiting_bytes), (2, 0))

    def test_an_older_link_that_lingers(self) -> None:
        """A second link may begin to carry; what the first had not acknowledged follows when it ends, which is no loss."""
        uplink, first, second = Uplink(1000), self.link(), self.link()
        uplink.opened(first)
        uplink.send(b"1")
        uplink.opened(second)
        uplink.send(b"2")
        uplink.lost(first)
        self.assertIs(uplink.link, second)
        self.assertEqual((first.sent, second.sent), ([b"1"], [b"2", b"1"]))

    def overlap(self, limit: int = 1000) -> tuple[Uplink, MemoryLink, MemoryLink]:
        """Two messages of a and one of b are under way when a second link begins to carry; the first word is the cluster."""
        uplink, first, second = Uplink(limit, source=lambda message: message[:1].decode()), self.link(), self.link()
        uplink.opened(first)
        uplink.send(b"b1")
        first.move()
        for message in (b"a1", b"a2"):
            uplink.send(message)
        uplink.opened(second)
        uplink.release()
        return uplink, first, second

    def test_nothing_overtakes_what_arrives_late(self) -> None:
        """What clusters send that have something under way on the older link waits for its end; others do not wait."""
        uplink, first, second = self.overlap()
        for message in (b"a3", b"b2", b"a4"):
            uplink.send(message)
        self.assertEqual(second.sent, [b"b2"])
        first.move()
        uplink.lost(first)
        uplink.send(b"a5")
        self.assertEqual((second.sent, uplink.repeated), ([b"b2", b"a3", b"a4", b"a5"], 0))

    def test_nothing_overtakes_what_was_lost(self) -> None:
        """What the older link had not acknowledged when it ended goes before what waited for that, also after a gap."""
        uplink, first, second = self.overlap()
        uplink.send(b"a3")
        uplink.lost(second)
        uplink.send(b"a4")
        third = self.link()
        uplink.opened(third)
        uplink.release()
        uplink.lost(first)
        self.assertEqual((second.sent, third.sent), ([], [b"a1", b"a2", b"a3", b"a4"]))

    def test_what_waited_for_the_older_link(self) -> None:
        """What the older link had not taken yet stays behind what it had."""
        uplink, first, second = Uplink(1000, source=lambda message: message[:1].decode()), self.link(), self.link()
        uplink.send(b"a1")
        uplink.opened(first)
        uplink.release()
        first.congested = True
        uplink._keep(b"a2")
        uplink._keep(b"c1")
        uplink.opened(second)
        uplink.release()
        self.assertEqual(second.sent, [b"c1"])
        uplink.lost(first)
        self.assertEqual((second.sent, uplink.waiting_bytes), ([b"c1", b"a1", b"a2"], 0))

    def test_what_waits_is_not_with_an_original_yet(self) -> None:
        """Nobody is told that an original has what waits for the end of the older link."""
        uplink, first, _ = self.overlap()
        uplink.opened(MemoryLink(is_parent=True, v2=False))
        uplink.send(b"a3")
        self.assertFalse(uplink.mute)
        uplink.lost(first)
        self.assertTrue(uplink.mute)

    def test_rather_out_of_order_than_lost(self) -> None:
        """Half of the bound may wait for the older link; from there on order is given up."""
        uplink, _, second = self.overlap(40)
        for number in range(3, 13):
            uplink.send(b"a%d" % number)
        self.assertEqual((len(second.sent), uplink.dropped, uplink.behind.bytes), (10, 0, 0))

    def test_some_are_not_worth_it(self) -> None:
        """What is announced or owed anyway is not repeated."""
        uplink, first = Uplink(1000, lambda message: message != b"routes"), self.link()
        uplink.opened(first)
        for message in (b"routes", b"answer"):
            uplink.send(message)
        uplink.lost(first)
        self.assertEqual((len(uplink), uplink.repeated), (1, 1))

    def test_the_bound_takes_the_oldest(self) -> None:
        """What was not acknowledged counts against the bound as the oldest."""
        uplink, first = Uplink(3), self.link()
        uplink.opened(first)
        for message in (b"11", b"22"):
            uplink.send(message)
        uplink.lost(first)
        second = self.link()
        uplink.opened(second)
        uplink.release()
        self.assertEqual((second.sent, uplink.dropped), ([b"22"], 1))


class KeeperTests(SynchronousTestCase):
    """The journal while the disk refuses writes."""

    def setUp(self) -> None:
        """A full disk."""
        self.clock = Clock()
        self.journal = MemoryDeliveryJournal()
        self.journal.broken = True
        self.events = MemoryEventRecorder("north", self.clock.seconds)
        self.keeper = Keeper(self.journal, self.clock, Chronicle(self.events), 1000)

    def finish(self, uid: str, size: int = 10) -> None:
        """A task is finished."""
        performed = Performed(uid, Answer(200, b"x" * size), 9.0)
        self.successResultOf(Deferred.fromCoroutine(self.keeper.finish(performed, answer(uid))))

    def reasons(self) -> list[str]:
        """What people were told."""
        return self.events.reasons()

    def test_held_and_written_in_order(self) -> None:
        """What is refused is held and written in its order as soon as there is room; the begin and the end are told, once."""
        self.finish("u1")
        self.finish("u2")
        self.keeper.received(["u1"])
        self.assertEqual((self.keeper.held, self.successResultOf(self.answer("u2"))), (3, Answer(200, b"x" * 10)))
        self.clock.advance(5)
        self.journal.broken = False
        self.clock.advance(5)
        found = self.successResultOf(self.journal.load())
        self.assertEqual((list(found.performed), [entry.uid for entry in found.outbox]), (["u1", "u2"], ["u2"]))
        self.assertEqual((self.keeper.held, self.keeper.held_bytes, self.clock.getDelayedCalls()), (0, 0, []))
        self.assertEqual(self.reasons(), ["DeliveryNotWritten", "DeliveryWritten"])

    def test_an_older_report_replaces_no_newer(self) -> None:
        """A report that the disk refused is not written after the one that replaced it, which the disk took meanwhile."""
        writing: Deferred[Sequence[str]] = Deferred()
        self.patch(self.journal, "put", lambda entry: writing)
        Deferred.fromCoroutine(self.keeper.put(report("1", "status")))
        del self.journal.put
        self.journal.broken = False
        self.successResultOf(Deferred.fromCoroutine(self.keeper.put(report("2", "status"))))
        writing.errback(StoreUnavailable("full"))
        self.assertEqual(self.keeper.held, 1)
        self.clock.advance(5)
        noted = [entry.uid for entry in self.successResultOf(self.journal.load()).outbox]
        self.assertEqual((noted, self.keeper.held, self.keeper.held_bytes), (["report:2"], 0, 0))

    def test_bounded(self) -> None:
        """Beyond the bound the oldest are given up and counted; their answers cannot be had any more."""
        for number in range(10):
            self.finish(f"u{number}", 300)
        self.assertLessEqual(self.keeper.held_bytes, 1000)
        self.assertEqual(self.keeper.held + self.keeper.lost, 10)
        self.assertIsNone(self.successResultOf(self.answer("u0")))
        self.successResultOf(self.keeper.stop())

    def test_a_last_attempt(self) -> None:
        """When the controller stops it tries once more, and then leaves nothing behind on the clock."""
        self.finish("u1")
        self.journal.broken = False
        self.successResultOf(self.keeper.stop())
        self.assertEqual((self.keeper.held, list(self.successResultOf(self.journal.load()).performed)), (0, ["u1"]))
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_without_a_journal(self) -> None:
        """Without a journal everything is accepted and nothing kept."""
        self.keeper = Keeper(None, self.clock, Chronicle(self.events), 1000)
        self.finish("u1")
        self.keeper.forget(["u1"])
        self.assertEqual((self.keeper.durable, self.keeper.held, self.successResultOf(self.answer("u1"))), (False, 0, None))

    def answer(self, uid: str) -> Deferred[Answer | None]:
        """Ask for an answer."""
        return Deferred.fromCoroutine(self.keeper.answer(uid))
