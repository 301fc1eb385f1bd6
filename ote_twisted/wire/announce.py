"""Announcements of ``ote.v2``: what a child tells its parent of its subtree."""

from __future__ import annotations

from collections.abc import Iterable

from ote_twisted.errors import MalformedMessage
from ote_twisted.values import frozen
from ote_twisted.wire import clustermessage_pb2 as pb
from ote_twisted.wire.bodies import check_number, parsed, written
from ote_twisted.wire.entry import ClusterEntry, packed, unpacked


@frozen
class Absence:
    """Clusters that are gone for one cause.

    :ivar names: the clusters.
    :ivar hop: the cluster whose link is broken.
    :ivar reason: a sentence.
    :ivar age: seconds since it broke, when this was sent.
    """

    names: tuple[str, ...]
    hop: str = ""
    reason: str = ""
    age: float = 0.0


@frozen
class Announcement:
    """What a child tells its parent of its subtree, itself included.

    :ivar complete: ``present`` is everything; what is not in it is gone.
    :ivar present: clusters that appeared or changed.
    :ivar absent: names of clusters that are gone, without a cause.
    :ivar digest: digest of the whole subtree after this announcement.
    :ivar count: clusters in the whole subtree after this announcement.
    :ivar absences: clusters that are gone, by cause.
    :ivar stream: the numbering that ``revision`` belongs to.
    :ivar revision: of the sender's table after this announcement.
    :ivar resumes: it goes on from the revision that the parent offered when the child joined.
    """

    complete: bool = False
    present: tuple[ClusterEntry, ...] = ()
    absent: tuple[str, ...] = ()
    digest: int = 0
    count: int = 0
    absences: tuple[Absence, ...] = ()
    stream: str = ""
    revision: int = 0
    resumes: bool = False

    def gone(self) -> Iterable[str]:
        """Every name that is gone, with a cause or without."""
        yield from self.absent
        for absence in self.absences:
            yield from absence.names


def encode_announcement(announcement: Announcement) -> bytes:
    """Body of ``Announce``.

    :raise MalformedMessage: text that has no UTF-8 form.
    """
    return written(
        pb.Announcement,
        Complete=announcement.complete,
        Present=[packed(entry) for entry in announcement.present],
        Absent=announcement.absent,
        Digest=announcement.digest,
        Count=announcement.count,
        Absences=[
            {"Names": each.names, "Hop": each.hop, "Reason": each.reason, "AgeMilliseconds": round(each.age * 1000)}
            for each in announcement.absences
        ],
        Stream=announcement.stream,
        Revision=announcement.revision,
        Resumes=announcement.resumes,
    )


def decode_announcement(raw: bytes) -> Announcement:
    """Read the body of ``Announce``.

    :raise MalformedMessage: with the field and the rule.
    """
    body = parsed(pb.RawAnnouncement, raw, "Announcement")
    check_number("Announcement.Present", body.Present)
    absences = tuple(Absence(tuple(each.Names), each.Hop, each.Reason, each.AgeMilliseconds / 1000) for each in body.Absences)
    gone = [*body.Absent, *(name for each in absences for name in each.names)]
    check_number("Announcement.Absent", gone)
    present = tuple(unpacked(entry, f"Announcement.Present[{number}]") for number, entry in enumerate(body.Present))
    if len({entry.name for entry in present}.union(gone)) != len(present) + len(gone):
        raise MalformedMessage("Announcement: a cluster is named twice")
    return Announcement(
        body.Complete, present, tuple(body.Absent), body.Digest, body.Count, absences, body.Stream, body.Revision, body.Resumes
    )
