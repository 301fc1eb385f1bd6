"""Telling the parent who is below us: complete after each connect, then only what changed (F8, F26)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from attrs import evolve
from twisted.internet.interfaces import IDelayedCall, IReactorTime

from ote_twisted.controller.directory import Directory
from ote_twisted.controller.entries import pages
from ote_twisted.controller.revisions import Revisions
from ote_twisted.interfaces import ILink
from ote_twisted.topology.causes import Cause, absences_of
from ote_twisted.topology.difference import Difference
from ote_twisted.topology.table import RoutingTable
from ote_twisted.wire import clustermessage_pb2 as pb
from ote_twisted.wire.announce import Announcement, encode_announcement
from ote_twisted.wire.codec import encode
from ote_twisted.wire.entry import ClusterEntry
from ote_twisted.wire.routes import ClusterRegistry, encode_registry, encode_subtree

COALESCE = 0.02
"""How long changes are gathered before they are announced, seconds."""

REPEAT_V1 = 15.0
"""An original parent may drop a subtree report (F23), so it is repeated, seconds."""


class Announcer:
    """Keeps the parent's view of our subtree current.

    :ivar sent: announcements sent.
    :ivar resumed: parents that were told only what had changed since they had been told last.
    :ivar revisions: what changed lately.
    """

    def __init__(
        self, table: RoutingTable, directory: Directory, life: str, clock: IReactorTime, now: Callable[[], float]
    ) -> None:
        """
        :param directory: how old what clusters say of themselves is, and why others cannot be reached.
        :param life: a text that no other start of a controller has.
        :param now: wall clock, unix seconds; only told to v1 parents.
        """
        self.sent = 0
        self.resumed = 0
        self.revisions = Revisions(life)
        self._table = table
        self._directory = directory
        self._clock = clock
        self._now = now
        self._link: ILink | None = None
        self._pending = Difference()
        self._flushing: IDelayedCall | None = None
        self._repeating: IDelayedCall | None = None

    def opened(self, link: ILink) -> None:
        """A parent is there: announce everything at once, or what changed since it was told last."""
        self._stop()
        self._link = link
        self._pending = Difference()
        names = self.revisions.since(link.resume) if link.v2 else None
        if names is None:
            self.complete()
        else:
            self._resume(names)

    def lost(self) -> None:
        """The parent is gone; nothing is owed to it."""
        self._link = None
        self._stop()

    def complete(self) -> None:
        """Announce the whole subtree."""
        if self._link is None:
            return
        if self._link.v2:
            self._announce(self._table.entries(), self._directory.causes(), complete=True)
        else:
            self._register(self._table.entries(), ())
            self._subtree()

    def note(self, difference: Difference) -> None:
        """Routes changed; the parent is told soon, whatever else changes until then in the same message."""
        if not (difference.present or difference.gone or difference.told):
            return
        self.revisions.note((*difference.present, *difference.gone, *difference.told), len(self._table))
        if self._link is None:
            return
        self._pending.follow(difference)
        if self._flushing is None:
            self._flushing = self._clock.callLater(COALESCE, self._flush)

    def flush(self) -> None:
        """Tell what is pending now; called before anything else is sent, because a parent believes only whom it knows."""
        if self._flushing is not None:
            self._flushing.cancel()
            self._flush()

    def _flush(self) -> None:
        self._flushing = None
        pending, self._pending = self._pending, Difference()
        if self._link is None:
            return
        if self._link.v2:
            if pending.returned:
                self._announce((), pending.returned, complete=False, compare=False)
            told = {name: each.cause for name, each in pending.told.items()}
            self._announce(pending.present.values(), {**pending.gone, **told}, complete=False)
        elif pending.present or pending.gone:
            self._register(pending.present.values(), pending.gone)
            self._subtree()

    def _resume(self, names: Iterable[str]) -> None:
        self.resumed += 1
        entries = {name: self._table.entry(name) for name in names}
        present = [entry for entry in entries.values() if entry is not None]
        gone = {name: self._directory.cause_of(name) for name, entry in entries.items() if entry is None}
        self._announce(present, gone, complete=False, resumes=True)

    def _announce(
        self,
        present: Iterable[ClusterEntry],
        gone: Mapping[str, Cause | None],
        complete: bool,
        compare: bool = True,
        resumes: bool = False,
    ) -> None:
        """In parts, if need be; only the last carries the digest, so only there the views are compared."""
        head = pb.MessageHead(Command=pb.Announce, ClusterName=self._table.own.name)
        parts = list(pages(map(self._aged, present), list(gone))) or [((), ())]
        for number, (appeared, lost) in enumerate(parts, 1):
            last, begins = compare and number == len(parts), resumes and number == 1
            digest, count = (self._table.digest, len(self._table)) if last else (0, 0)
            absent = tuple(name for name in lost if gone[name] is None)
            causes = {name: cause for name in lost if (cause := gone[name]) is not None}
            absences = absences_of(causes, self._clock.seconds())
            stream = self.revisions.stream if last or begins else ""
            revision = self.revisions.revision if last else 0
            part = Announcement(complete and number == 1, appeared, absent, digest, count, absences, stream, revision, begins)
            self._send(head, encode_announcement(part))

    def _aged(self, entry: ClusterEntry) -> ClusterEntry:
        """With the age that its status has in this moment; one without a status has none."""
        return entry if entry.status is None else evolve(entry, age=self._directory.age_of(entry.name))

    def _register(self, present: Iterable[ClusterEntry], gone: Iterable[str]) -> None:
        time, own = int(self._now()), self._table.own.name
        for entry in present:
            if entry.name != own:
                registry = ClusterRegistry(entry.name, entry.user_defined_name, entry.listen, time, entry.parent)
                self._send(_routed(pb.ClusterRegist, entry.parent), encode_registry(registry))
        for name in gone:
            self._send(_routed(pb.ClusterUnregist, own), encode_registry(ClusterRegistry(name, name, "", time, own)))

    def _subtree(self) -> None:
        head = pb.MessageHead(Command=pb.SubTreeRoute, ClusterName=self._table.own.name)
        self._send(head, encode_subtree(self._table.via))
        if self._repeating is not None:
            self._repeating.cancel()
        self._repeating = self._clock.callLater(REPEAT_V1, self._repeat)

    def _repeat(self) -> None:
        self._repeating = None
        self._subtree()

    def _send(self, head: pb.MessageHead, body: bytes) -> None:
        if self._link is not None:
            self._link.send(encode(pb.ClusterMessage(Head=head, Body=body)))
            self.sent += 1

    def _stop(self) -> None:
        for call in (self._flushing, self._repeating):
            if call is not None:
                call.cancel()
        self._flushing = self._repeating = None


def _routed(command: pb.CommandType, parent: str) -> pb.MessageHead:
    return pb.MessageHead(Command=command, ParentClusterName=parent)
