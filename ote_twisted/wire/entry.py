"""One cluster as the tree tells of it, and the digest that proves two sets of clusters equal."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from hashlib import blake2b
from typing import Any, Final

import orjson
from attrs import field

from ote_twisted.errors import MalformedMessage
from ote_twisted.values import frozen
from ote_twisted.wire import clustermessage_pb2 as pb
from ote_twisted.wire.bodies import parsed
from ote_twisted.wire.limits import ENTRY_LIMIT

_KEY: Final = b"ote.v2 announcement"
_MODULUS: Final = 1 << 64


def _sorted_tags(tags: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(set(tags)))


@frozen
class ClusterStatus:
    """What a cluster says of itself.

    :ivar kind: what it is, e.g. ``embedded``, ``kubernetes``, ``k3s``.
    :ivar version: version of its API.
    :ivar capacity: resource name to quantity, as Kubernetes writes them; not to be changed.
    :ivar allocatable: the same of what tasks may use.
    :ivar nodes: number of its nodes; ``nodes_ready`` of those that are ready.
    :ivar ready: tasks can be performed; ``reason`` (one word) and ``message`` (a sentence) say why (not).
    """

    kind: str = ""
    version: str = ""
    capacity: Mapping[str, str] = field(factory=dict, hash=False)
    allocatable: Mapping[str, str] = field(factory=dict, hash=False)
    nodes: int = 0
    nodes_ready: int = 0
    ready: bool = False
    reason: str = ""
    message: str = ""


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
    :ivar instance: identity of its state folder; empty for a peer that tells none.
    :ivar epoch: grows each time another link to a parent becomes the one that carries.
    :ivar status: what it says of itself; ``None`` while that is not known.
    :ivar age: seconds since it said so, when the entry was sent; no part of what is compared.
    """

    name: str
    parent: str = ""
    listen: str = ""
    labels: Mapping[str, str] = field(factory=dict, hash=False)
    tags: tuple[str, ...] = field(default=(), converter=_sorted_tags)
    performs: bool = False
    user_defined_name: str = ""
    version: str = ""
    instance: str = field(default="", repr=False)
    epoch: int = 0
    status: ClusterStatus | None = None
    age: float = field(default=0.0, eq=False)


def entry_digest(entry: ClusterEntry) -> int:
    """64 bits that stand for one entry; those of a subtree are added modulo 2**64, in any order.

    :raise MalformedMessage: text that has no UTF-8 form.
    """
    fields = [
        entry.name, entry.parent, entry.listen, dict(entry.labels), entry.tags, entry.performs,
        entry.user_defined_name, entry.version, entry.instance, entry.epoch, _status_fields(entry.status),
    ]  # fmt: skip
    try:
        canonical = orjson.dumps(fields, option=orjson.OPT_SORT_KEYS)
    except TypeError as fault:
        raise MalformedMessage(f"ClusterEntry: {fault}") from None
    return int.from_bytes(blake2b(canonical, digest_size=8, key=_KEY).digest(), "big")


def _status_fields(status: ClusterStatus | None) -> list[Any] | None:
    if status is None:
        return None
    return [
        status.kind, status.version, dict(status.capacity), dict(status.allocatable), status.nodes, status.nodes_ready,
        status.ready, status.reason, status.message,
    ]  # fmt: skip


def combine(digest: int, add: int = 0, remove: int = 0) -> int:
    """The digest of a set after entries whose digests sum to ``add`` came and to ``remove`` went."""
    return (digest + add - remove) % _MODULUS


def subtree_digest(entries: Iterable[ClusterEntry]) -> int:
    """Digest of a whole set of entries. Costs O(n); keep it current with :func:`combine` instead."""
    return sum(map(entry_digest, entries)) % _MODULUS


def packed(entry: ClusterEntry) -> dict[str, Any]:
    """The fields of the encoded entry."""
    fields: dict[str, Any] = {
        "Name": entry.name,
        "Parent": entry.parent,
        "Listen": entry.listen,
        "Labels": entry.labels,
        "Tags": entry.tags,
        "Performs": entry.performs,
        "UserDefinedName": entry.user_defined_name,
        "Version": entry.version,
        "Instance": entry.instance,
        "Epoch": entry.epoch,
        "AgeMilliseconds": round(entry.age * 1000),
    }
    if entry.status is not None:
        fields["Status"] = _packed_status(entry.status)
    return fields


def _packed_status(status: ClusterStatus) -> dict[str, Any]:
    return {
        "Kind": status.kind,
        "Version": status.version,
        "Capacity": status.capacity,
        "Allocatable": status.allocatable,
        "Nodes": status.nodes,
        "NodesReady": status.nodes_ready,
        "Ready": status.ready,
        "Reason": status.reason,
        "Message": status.message,
    }


def unpacked(raw: bytes, where: str) -> ClusterEntry:
    """Read one encoded entry.

    :param where: what to call it in an error.
    :raise MalformedMessage: with the field and the rule.
    """
    if len(raw) > ENTRY_LIMIT:
        raise MalformedMessage(f"{where}: {len(raw)} bytes are over the limit of {ENTRY_LIMIT}")
    entry = parsed(pb.ClusterEntry, raw, where)
    if not entry.Name:
        raise MalformedMessage(f"{where}.Name: missing")
    return ClusterEntry(
        entry.Name, entry.Parent, entry.Listen, dict(entry.Labels), entry.Tags, entry.Performs, entry.UserDefinedName,
        entry.Version, entry.Instance, entry.Epoch, _unpacked_status(entry), entry.AgeMilliseconds / 1000,
    )  # fmt: skip


def _unpacked_status(entry: pb.ClusterEntry) -> ClusterStatus | None:
    if not entry.HasField("Status"):
        return None
    status = entry.Status
    return ClusterStatus(
        status.Kind, status.Version, dict(status.Capacity), dict(status.Allocatable), status.Nodes, status.NodesReady,
        status.Ready, status.Reason, status.Message,
    )  # fmt: skip
