"""Bodies of the smaller commands of ``ote.v2`` as frozen values."""

from __future__ import annotations

from collections.abc import Iterable

from ote_twisted.errors import MalformedMessage
from ote_twisted.values import frozen
from ote_twisted.wire import clustermessage_pb2 as pb
from ote_twisted.wire.bodies import check_number, parsed, written
from ote_twisted.wire.limits import NEIGHBOURS_LIMIT, NOTICE_LIMIT, TREE_DEPTH_LIMIT


@frozen
class Ancestry:
    """What a parent tells its child of the way up.

    :ivar path: names from the sender up to the root, sender first.
    :ivar rooted: the last of ``path`` is a root.
    :ivar listens: tunnel address of each of ``path``, empty where it is not known; or nothing at all.
    """

    path: tuple[str, ...]
    rooted: bool
    listens: tuple[str, ...] = ()


@frozen
class Neighbour:
    """A controller that could be a parent.

    :ivar listen: its tunnel address, ``host:port``.
    """

    name: str
    listen: str


@frozen
class Neighbourhood:
    """Other controllers that a child may turn to; a bounded sample, those that can be reached.

    :ivar siblings: other children of the sender.
    :ivar parent_siblings: siblings of the sender.
    """

    siblings: tuple[Neighbour, ...] = ()
    parent_siblings: tuple[Neighbour, ...] = ()


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


def encode_ancestry(ancestry: Ancestry) -> bytes:
    """Body of ``Ancestry``."""
    return written(pb.AncestryBody, Path=ancestry.path, Rooted=ancestry.rooted, Listens=ancestry.listens)


def decode_ancestry(raw: bytes) -> Ancestry:
    """Read the body of ``Ancestry``.

    :raise MalformedMessage: with the field and the rule.
    """
    body = parsed(pb.AncestryBody, raw, "Ancestry", NOTICE_LIMIT)
    if not 0 < len(body.Path) <= TREE_DEPTH_LIMIT:
        raise MalformedMessage(f"Ancestry.Path: {len(body.Path)} names; from 1 to {TREE_DEPTH_LIMIT} are possible")
    if len(body.Listens) not in (0, len(body.Path)):
        raise MalformedMessage(f"Ancestry.Listens: {len(body.Listens)} addresses for {len(body.Path)} names")
    return Ancestry(tuple(body.Path), body.Rooted, tuple(body.Listens))


def encode_neighbourhood(neighbourhood: Neighbourhood) -> bytes:
    """Body of ``Neighbourhood``."""
    return written(
        pb.NeighbourhoodBody,
        Siblings=[{"Name": each.name, "Listen": each.listen} for each in neighbourhood.siblings],
        ParentSiblings=[{"Name": each.name, "Listen": each.listen} for each in neighbourhood.parent_siblings],
    )


def decode_neighbourhood(raw: bytes) -> Neighbourhood:
    """Read the body of ``Neighbourhood``.

    :raise MalformedMessage: with the field and the rule.
    """
    body = parsed(pb.NeighbourhoodBody, raw, "Neighbourhood", NOTICE_LIMIT)
    return Neighbourhood(_neighbours("Siblings", body.Siblings), _neighbours("ParentSiblings", body.ParentSiblings))


def _neighbours(what: str, neighbours: Iterable[pb.Neighbour]) -> tuple[Neighbour, ...]:
    read = tuple(Neighbour(each.Name, each.Listen) for each in neighbours)
    if len(read) > NEIGHBOURS_LIMIT:
        raise MalformedMessage(f"Neighbourhood.{what}: {len(read)} are over the limit of {NEIGHBOURS_LIMIT}")
    return read


def encode_undeliverable(undeliverable: Undeliverable) -> bytes:
    """Body of ``Undeliverable``."""
    return written(pb.UndeliverableBody, Targets=undeliverable.targets, Reason=undeliverable.reason, Hop=undeliverable.hop)


def decode_undeliverable(raw: bytes) -> Undeliverable:
    """Read the body of ``Undeliverable``.

    :raise MalformedMessage: with the field and the rule.
    """
    body = parsed(pb.UndeliverableBody, raw, "Undeliverable")
    check_number("Undeliverable.Targets", body.Targets)
    return Undeliverable(tuple(body.Targets), body.Reason, body.Hop)


def encode_refusal(refusal: Refusal) -> bytes:
    """Body of ``Refusal``."""
    return written(pb.RefusalBody, Name=refusal.name, Reason=refusal.reason)


def decode_refusal(raw: bytes) -> Refusal:
    """Read the body of ``Refusal``.

    :raise MalformedMessage: with the field and the rule.
    """
    body = parsed(pb.RefusalBody, raw, "Refusal", NOTICE_LIMIT)
    return Refusal(body.Name, body.Reason)


def encode_received(uids: Iterable[str]) -> bytes:
    """Body of ``Received``: answers with these uids are durable at the sender."""
    return written(pb.ReceivedBody, Uids=uids)


def decode_received(raw: bytes) -> tuple[str, ...]:
    """Read the body of ``Received``.

    :raise MalformedMessage: with the field and the rule.
    """
    body = parsed(pb.ReceivedBody, raw, "Received")
    check_number("Received.Uids", body.Uids)
    return tuple(body.Uids)
