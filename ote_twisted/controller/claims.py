"""What children say of their subtrees, v1 and v2, turned into changes of the routing table."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from hashlib import blake2b

from attrs import evolve
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from ote_twisted.controller.conditions import AGREES, ANNOUNCING, DISAGREES, Synced
from ote_twisted.controller.entries import check_entry, shortened
from ote_twisted.controller.shelf import Shelf, Version
from ote_twisted.errors import InvalidName, MalformedMessage
from ote_twisted.interfaces import ILink
from ote_twisted.topology.causes import MAX_REASON, Cause, causes_of
from ote_twisted.topology.claims import Claim
from ote_twisted.topology.difference import Difference
from ote_twisted.topology.table import RoutingTable
from ote_twisted.wire import clustermessage_pb2 as pb
from ote_twisted.wire.announce import Announcement, decode_announcement
from ote_twisted.wire.codec import encode
from ote_twisted.wire.entry import ClusterEntry
from ote_twisted.wire.join import Accept, Admission, JoinRequest, Resume
from ote_twisted.wire.routes import decode_registry, decode_subtree

REQUEST_INTERVAL = 5.0
"""Least time between two requests for a complete announcement to one child, seconds."""


class Claims:
    """Reads route messages of children.

    :ivar invalid: claims or bodies that were out of grammar.
    :ivar mismatches: announcements after which the digests differed.
    :ivar resumed: children that went on from what was kept of an earlier link.
    :ivar shelf: what is kept of children that are away.
    """

    def __init__(self, table: RoutingTable, clock: IReactorTime, synchronised: Callable[[str, Synced | None], None]) -> None:
        """:param synchronised: is told how far what is known of a child's subtree is what the child has."""
        self.invalid = 0
        self.mismatches = 0
        self.resumed = 0
        self.shelf = Shelf()
        self._versions: dict[str, Version] = {}
        self._table = table
        self._clock = clock
        self._synchronised = synchronised
        self._asked: dict[str, float] = {}
        self._subtrees: dict[str, bytes] = {}

    _log = Logger()

    def resumable(self, request: JoinRequest, admission: Admission) -> Admission:
        """With what is held of the child's announcements, on this link or one that is about to be replaced."""
        if not isinstance(admission, Accept) or admission.subprotocol is None or not request.instance:
            return admission
        live = self._versions.get(request.name)
        if live is not None and live.instance == request.instance:
            return evolve(admission, resume=live.resume)
        return evolve(admission, resume=self.shelf.offer(request.name, request.instance, self._clock.seconds()))

    def opened(self, link: ILink) -> Difference:
        """A child's link is established: it claims itself, a child of ours as soon as it announces what it is."""
        self._forget(link.peer)
        own = ClusterEntry(
            link.peer,
            parent=self._table.own.name,
            listen=link.listen,
            user_defined_name=link.user_defined_name,
            performs=not link.v2,
        )
        self._synchronised(link.peer, ANNOUNCING if link.v2 and not link.standby else None)
        cause = Cause(link.peer, f"{link.peer} has joined again and has not announced it yet", self._clock.seconds())
        return self._table.open_child(shortened(own), link.v2, cause)

    def lost(self, link: ILink, reason: str) -> Difference:
        """A child's link is gone, and all its claims with it: whatever was behind it cannot be reached for that cause."""
        self._forget(link.peer)
        self._synchronised(link.peer, None)
        cause = Cause(link.peer, f"the link to {link.peer} was lost: {reason}"[:MAX_REASON], self._clock.seconds())
        return self._table.close_child(link.peer, cause)

    def _forget(self, child: str) -> None:
        version, subtree = self._versions.pop(child, None), self._table.children.get(child)
        if version is not None and subtree is not None:
            self.shelf.put(child, version, dict(subtree.claims), self._clock.seconds())
        self._subtrees.pop(child, None)
        self._asked.pop(child, None)

    def received(self, link: ILink, message: pb.ClusterMessage) -> Difference:
        """Take one route message of a child; a malformed one changes nothing."""
        try:
            return self._read(link, message)
        except MalformedMessage as fault:
            self.invalid += 1
            self._log.warn("route message of {child} refused: {fault}", child=link.peer, fault=str(fault))
            return Difference()

    def _read(self, link: ILink, message: pb.ClusterMessage) -> Difference:
        command = message.Head.Command
        if command == pb.Announce:
            return self._announced(link, message.Body)
        if command == pb.SubTreeRoute:
            return self._subtree(link, message.Body)
        return self._registered(link, message.Body, gone=command == pb.ClusterUnregist)

    def _announced(self, link: ILink, body: bytes) -> Difference:
        announcement = decode_announcement(body)
        present = [entry for entry in announcement.present if self._valid(link.peer, entry)]
        causes = causes_of(announcement.absences, self._clock.seconds())
        kept = self._kept(link, announcement)
        difference = self._table.announce(link.peer, present, announcement.absent, announcement.complete, causes, kept)
        child = self._table.children[link.peer].claims.get(link.peer)
        link.epoch = link.epoch if child is None else max(link.epoch, child.entry.epoch)
        self._compare(link, announcement)
        return difference

    def _kept(self, link: ILink, announcement: Announcement) -> Mapping[str, Claim]:
        """What the child said on an earlier link and goes on from. When that is gone the digests differ, and it says all."""
        if announcement.complete:
            self.shelf.drop(link.peer)
        if not announcement.resumes:
            return {}
        kept = self.shelf.take(link.peer, link.instance, announcement.stream, self._clock.seconds())
        self.resumed += kept is not None
        return kept or {}

    def _compare(self, link: ILink, announcement: Announcement) -> None:
        """Only an announcement with a count ends what was to be said."""
        if not announcement.count:
            if announcement.complete:
                self._synchronised(link.peer, ANNOUNCING)
        elif self._agrees(link.peer, announcement.digest):
            self._synchronised(link.peer, AGREES)
            if announcement.stream and link.instance:
                self._versions[link.peer] = Version(link.instance, Resume(announcement.stream, announcement.revision))
        else:
            self.mismatches += 1
            self._versions.pop(link.peer, None)
            self._synchronised(link.peer, DISAGREES)
            self._ask(link)

    def _agrees(self, child: str, digest: int) -> bool:
        subtree = self._table.children[child]
        return subtree.said == digest

    def _valid(self, child: str, entry: ClusterEntry) -> bool:
        try:
            check_entry(entry)
        except InvalidName as fault:
            self.invalid += 1
            self._log.warn("{child} announced an unusable cluster: {fault}", child=child, fault=str(fault))
            return False
        return True

    def _ask(self, link: ILink) -> None:
        now = self._clock.seconds()
        if now - self._asked.get(link.peer, -REQUEST_INTERVAL) >= REQUEST_INTERVAL:
            self._asked[link.peer] = now
            link.send(encode(pb.ClusterMessage(Head=pb.MessageHead(Command=pb.AnnounceRequest))))

    def _subtree(self, link: ILink, body: bytes) -> Difference:
        report = blake2b(body, digest_size=16).digest()
        if self._subtrees.get(link.peer) == report:
            return Difference()
        hops = decode_subtree(body)
        self._subtrees[link.peer] = report
        known = self._table.children[link.peer].claims
        entries = [known[link.peer].entry, *self._behind(link.peer, hops)]
        return self._table.announce(link.peer, entries, (), complete=True)

    def _behind(self, child: str, hops: dict[str, str]) -> Iterable[ClusterEntry]:
        known = self._table.children[child].claims
        for name, hop in hops.items():
            if name in known:
                if name != child:
                    yield known[name].entry
            else:
                entry = ClusterEntry(name, parent=child if hop == name else hop, performs=True)
                if self._valid(child, entry):
                    yield entry

    def _registered(self, link: ILink, body: bytes, gone: bool) -> Difference:
        registry = decode_registry(body)
        if registry.name == link.peer:
            return Difference()
        self._subtrees.pop(link.peer, None)  # an event may be late or wrong: the next report has the last word
        if gone:
            return self._table.announce(link.peer, (), [registry.name])
        known = self._table.children[link.peer].claims.get(registry.name)
        entry = known.entry if known else ClusterEntry(registry.name, performs=True)
        entry = evolve(entry, parent=registry.parent_name, listen=registry.listen, user_defined_name=registry.user_defined_name)
        entry = shortened(entry)
        return self._table.announce(link.peer, [entry], ()) if self._valid(link.peer, entry) else Difference()
