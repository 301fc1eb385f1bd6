"""Bodies of the route commands of ``ote.v2`` as frozen values, and the digest that proves two tables equal."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from hashlib import blake2b
from typing import Any, Final, TypeVar

import orjson
from attrs import field, frozen
from google.protobuf.message import DecodeError, Message

from ote_twisted.errors import MalformedMessage
from ote_twisted.wire import clustermessage_pb2 as pb
from ote_twisted.wire.codec import undecodable
from ote_twisted.wire.limits import ANNOUNCEMENT_LIMIT, ENTRY_LIMIT, NAMES_LIMIT, TREE_DEPTH_LIMIT

_KEY: Final = b"ote.v2 announcement"
_MODULUS: Final = 1 << 64
_Body = TypeVar("_Body", bound=Message)


def _sorted_tags(tags: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(set(tags)))


@frozen
class ClusterEntry:
    """What the tree is told of one cluster.

    :ivar name: the cluster.
    :ivar parent: its parent's name; empty for a root.
    :ivar listen: advertised tunnel address, ``host:port``; empty when it cannot be reached.
    :ivar labels: Kubernetes-style labels; not to be changed.
    :ivar tags: words about it, kept sorted and without repetition.
    :ivar performs: it has a shim, so that it can be the target of a task.
    :ivar user_defined_name: its owner's own name for it, for people.
    :ivar version: program version, for people.
    """

    name: str
    parent: str = ""
    listen: str = ""
    labels: Mapping[str, str] = field(factory=dict, hash=False)
    tags: tuple[str, ...] = field(default=(), converter=_sorted_tags)
    performs: bool = False
    user_defined_name: str = ""
    version: str = ""


@frozen
class Announcement:
    """What a child tells its parent of its subtree, itself included.

    :ivar complete: ``present`` is everything; what is not in it is gone.
    :ivar present: clusters that appeared or changed.
    :ivar absent: names of clusters that are gone.
    :ivar digest: :func:`subtree_digest` of the whole subtree after this announcement.
    :ivar count: clusters in the whole subtree after this announcement.
    """

    complete: bool = False
    present: tuple[ClusterEntry, ...] = ()
    absent: tuple[str, ...] = ()
    digest: int = 0
    count: int = 0


@frozen
class Ancestry:
    """What a parent tells its child of the way up.

    :ivar path: names from the sender up to the root, sender first.
    :ivar rooted: the last of ``path`` is a root.
    """

    path: tuple[str, ...]
    rooted: bool


@frozen
class Undeliverable:
    """A hop could not pass a task on to some targets.

    :ivar targets: the targets' names.
    :ivar reason: a sentence for the owner of the task.
    :ivar hop: the cluster that could not.
    """

    targets: tuple[str, ...]
    reason: str
    hop: str


@frozen
class Refusal:
    """A parent did not accept what a child announced.

    :ivar name: the claimed cluster.
    :ivar reason: a sentence for the person at the child.
    """

    name: str
    reason: str


def entry_digest(entry: ClusterEntry) -> int:
    """64 bits that stand for one entry; those of a subtree are added modulo 2**64, in any order.

    :raise MalformedMessage: text that has no UTF-8 form.
    """
    fields = [
        entry.name, entry.parent, entry.listen, dict(entry.labels), entry.tags,
        entry.performs, entry.user_defined_name, entry.version,
    ]  # fmt: skip
    try:
        canonical = orjson.dumps(fields, option=orjson.OPT_SORT_KEYS)
    except TypeError as fault:
        raise MalformedMessage(f"ClusterEntry: {fault}") from None
    return int.from_bytes(blake2b(canonical, digest_size=8, key=_KEY).digest(), "big")


def combine(digest: int, add: int = 0, remove: int = 0) -> int:
    """The digest of a set after entries whose digests sum to ``add`` came and to ``remove`` went."""
    return (digest + add - remove) % _MODULUS


def subtree_digest(entries: Iterable[ClusterEntry]) -> int:
    """Digest of a whole set of entries. Costs O(n); keep it current with :func:`combine` instead."""
    return sum(map(entry_digest, entries)) % _MODULUS


def encode_announcement(announcement: Announcement) -> bytes:
    """Body of ``Announce``.

    :raise MalformedMessage: text that has no UTF-8 form.
    """
    return _written(
        pb.Announcement,
        Complete=announcement.complete,
        Present=[_packed(entry) for entry in announcement.present],
        Absent=announcement.absent,
        Digest=announcement.digest,
        Count=announcement.count,
    )


def decode_announcement(raw: bytes) -> Announcement:
    """Read the body of ``Announce``.

    :raise MalformedMessage: with the field and the rule.
    """
    body = _parsed(pb.RawAnnouncement, raw, "Announcement")
    _check_names("Announcement.Present", body.Present)
    _check_names("Announcement.Absent", body.Absent)
    present = tuple(_entry(number, entry) for number, entry in enumerate(body.Present))
    absent = tuple(body.Absent)
    if len({entry.name for entry in present}.union(absent)) != len(present) + len(absent):
        raise MalformedMessage("Announcement: a cluster is named twice")
    return Announcement(body.Complete, present, absent, body.Digest, body.Count)


def encode_ancestry(ancestry: Ancestry) -> bytes:
    """Body of ``Ancestry``."""
    return _written(pb.AncestryBody, Path=ancestry.path, Rooted=ancestry.rooted)


def decode_ancestry(raw: bytes) -> Ancestry:
    """Read the body of ``Ancestry``.

    :raise MalformedMessage: with the field and the rule.
    """
    body = _parsed(pb.AncestryBody, raw, "Ancestry")
    if not 0 < len(body.Path) <= TREE_DEPTH_LIMIT:
        raise MalformedMessage(f"Ancestry.Path: {len(body.Path)} names; from 1 to {TREE_DEPTH_LIMIT} are possible")
    return Ancestry(tuple(body.Path), body.Rooted)


def encode_undeliverable(undeliverable: Undeliverable) -> bytes:
    """Body of ``Undeliverable``."""
    return _written(pb.UndeliverableBody, Targets=undeliverable.targets, Reason=undeliverable.reason, Hop=undeliverable.hop)


def decode_undeliverable(raw: bytes) -> Undeliverable:
    """Read the body of ``Undeliverable``.

    :raise MalformedMessage: with the field and the rule.
    """
    body = _parsed(pb.UndeliverableBody, raw, "Undeliverable")
    _check_names("Undeliverable.Targets", body.Targets)
    return Undeliverable(tuple(body.Targets), body.Reason, body.Hop)


def encode_refusal(refusal: Refusal) -> bytes:
    """Body of ``Refusal``."""
    return _written(pb.RefusalBody, Name=refusal.name, Reason=refusal.reason)


def decode_refusal(raw: bytes) -> Refusal:
    """Read the body of ``Refusal``.

    :raise MalformedMessage: with the field and the rule.
    """
    body = _parsed(pb.RefusalBody, raw, "Refusal")
    return Refusal(body.Name, body.Reason)


def _parsed(kind: type[_Body], raw: bytes, what: str) -> _Body:
    if len(raw) > ANNOUNCEMENT_LIMIT:
        raise MalformedMessage(f"{what}: {len(raw)} bytes are over the limit of {ANNOUNCEMENT_LIMIT}")
    try:
        return kind.FromString(raw)
    except DecodeError as fault:
        raise undecodable(what, fault) from None


def _check_names(what: str, names: Sequence[str] | Sequence[bytes]) -> None:
    if len(names) > NAMES_LIMIT:
        raise MalformedMessage(f"{what}: {len(names)} clusters are over the limit of {NAMES_LIMIT}")


def _written(kind: type[Message], **fields: Any) -> bytes:
    try:
        return kind(**fields).SerializeToString(deterministic=True)
    except UnicodeEncodeError as fault:
        raise MalformedMessage(f"{kind.DESCRIPTOR.name}: {fault}") from None


def _packed(entry: ClusterEntry) -> dict[str, Any]:
    return {
        "Name": entry.name,
        "Parent": entry.parent,
        "Listen": entry.listen,
        "Labels": entry.labels,
        "Tags": entry.tags,
        "Performs": entry.performs,
        "UserDefinedName": entry.user_defined_name,
        "Version": entry.version,
    }


def _entry(number: int, raw: bytes) -> ClusterEntry:
    if len(raw) > ENTRY_LIMIT:
        raise MalformedMessage(f"Announcement.Present[{number}]: {len(raw)} bytes are over the limit of {ENTRY_LIMIT}")
    entry = _parsed(pb.ClusterEntry, raw, f"Announcement.Present[{number}]")
    if not entry.Name:
        raise MalformedMessage(f"Announcement.Present[{number}].Name: missing")
    return ClusterEntry(
        entry.Name, entry.Parent, entry.Listen, dict(entry.Labels), entry.Tags,
        entry.Performs, entry.UserDefinedName, entry.Version,
    )  # fmt: skip
