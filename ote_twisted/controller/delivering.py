"""Everything that makes answers and reports arrive, put together: journal, memory of tasks, outbox, uplink, performer."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from twisted.internet.defer import Deferred, DeferredList
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from ote_twisted.controller.answering import OwnAnswers
from ote_twisted.controller.chronicle import Chronicle
from ote_twisted.controller.confirming import Confirmations
from ote_twisted.controller.from_child import ROUTES
from ote_twisted.controller.keeping import Keeper
from ote_twisted.controller.outbox import Outbox
from ote_twisted.controller.outgoing import PERFORMED
from ote_twisted.controller.owned import OwnedTasks
from ote_twisted.controller.performing import Performer
from ote_twisted.controller.pressure import BackPressure
from ote_twisted.controller.remembering import TaskMemory, steady_clock
from ote_twisted.controller.settings import ControllerSettings
from ote_twisted.controller.uplink import Uplink
from ote_twisted.errors import MalformedMessage
from ote_twisted.interfaces import IClusterShim, IDeliveryJournal, ILink
from ote_twisted.tasks.performed import PerformedTasks
from ote_twisted.wire import clustermessage_pb2 as pb
from ote_twisted.wire.codec import decode
from ote_twisted.wire.notices import decode_received


class Delivery:
    """The parts of one controller.

    :ivar malformed: confirmations out of grammar.
    """

    _log = Logger()

    def __init__(
        self,
        own: str,
        shim: IClusterShim | None,
        clock: IReactorTime,
        now: Callable[[], float],
        new_uid: Callable[[], str],
        settings: ControllerSettings,
        chronicle: Chronicle,
        journal: IDeliveryJournal | None,
        send_down: Callable[[pb.ClusterMessage, Iterable[str]], None],
    ) -> None:
        """
        :param own: name of this controller.
        :param now: wall clock, unix seconds.
        :param send_down: sends a message to clusters below, as far as there is a way.
        """
        steady = steady_clock(clock, now)
        self.malformed = 0
        self.uplink = Uplink(settings.outbox, self._worth_repeating, _source)
        self.owned = OwnedTasks(own, self.uplink, now)
        self.keeper = Keeper(journal, clock, chronicle, settings.outbox)
        self.outbox = Outbox(self.uplink, self.keeper, clock, steady, settings.outbox)
        self.pressure = BackPressure(own, self.uplink, self.outbox)
        self.answers = OwnAnswers(own, self.owned, self.uplink, self.outbox, self.pressure, steady, new_uid)
        self.memory = TaskMemory(PerformedTasks(settings.remembered, settings.remembered_bytes), self.keeper, steady)
        self.performer = Performer(shim, self.memory, clock, settings.performing, self.answers)
        self.confirmations = Confirmations(own, send_down, clock)
        self.outbox.freed = self.room
        self._own = own
        self._shim = shim

    async def load(self) -> None:
        """Take over what an earlier life left.

        :raise StoreError: it cannot be read.
        """
        self.outbox.load(await self.memory.load())

    def stop(self) -> Deferred[None]:
        """Perform and send nothing more; fires when the shim is stopped and what the disk refused was tried once more."""
        self.performer.stop()
        self.outbox.stop()
        self.confirmations.stop()
        stopping = [self.keeper.stop(), *([] if self._shim is None else [self._shim.stop()])]
        ended: Deferred[None] = DeferredList(stopping, consumeErrors=True).addCallback(lambda _: None)
        return ended

    def take(self, message: pb.ClusterMessage) -> bool:
        """Take a message for the own cluster; false if its command is not understood."""
        command = message.Head.Command
        if command == pb.Cancel:
            self.performer.cancel(message.Head.Uid)
        elif command == pb.Received:
            self._confirmed(message.Body)
        elif command in PERFORMED:
            self.performer.perform(message)
        else:
            return False
        return True

    def opened(self) -> None:
        """The link to the parent that carries knows who is below us: send what waits."""
        self.uplink.release()
        self.outbox.opened()
        self.room()

    def lost(self, link: ILink) -> bool:
        """A link to a parent is gone; true if it was the one that carries."""
        carried = self.uplink.link is link
        self.uplink.lost(link)
        if not carried:
            self.room()
        return carried

    def room(self) -> None:
        """The parent takes more, or there is none: go on."""
        self.uplink.release()
        self.outbox.send()
        if not self.pressure.high:
            self.pressure.release()
            self.performer.resume()

    def passed_on(self, head: pb.MessageHead) -> None:
        """A report from below went up. A parent that is an original confirms nothing, so nobody else will."""
        if head.Uid and self.uplink.mute:
            self.confirmations.received(head.Uid, [head.ClusterName])

    def _confirmed(self, body: bytes) -> None:
        try:
            uids: Sequence[str] = decode_received(body)
        except MalformedMessage as fault:
            self.malformed += 1
            self._log.warn("a confirmation was refused: {fault}", fault=str(fault))
        else:
            self.outbox.received(uids)

    def _worth_repeating(self, raw: bytes) -> bool:
        """Of what a lost link had not acknowledged: neither routes, which are announced anew, nor what is owed anyway."""
        head: pb.MessageHead = decode(raw).Head
        return head.Command not in ROUTES and not (head.ClusterName == self._own and head.Uid in self.outbox)


def _source(raw: bytes) -> str:
    """The cluster that a message upwards speaks of."""
    cluster: str = decode(raw).Head.ClusterName
    return cluster
