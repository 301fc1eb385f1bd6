"""Whether a child may join. Pure."""

from __future__ import annotations

from collections.abc import Collection

from ote_twisted.errors import InvalidName
from ote_twisted.topology.names import parse_name
from ote_twisted.values import frozen
from ote_twisted.wire.entry import ClusterEntry
from ote_twisted.wire.join import V2, Accept, Admission, JoinRequest, Refuse

RETRY_AFTER = 5.0
"""When one whose name is in use may ask again, seconds."""

UNROOTED = 2.0
"""When one may ask again who came while there was no way to the root, seconds."""

STANDBY = 5.0
"""The same for one who has another parent meanwhile and would only stand by here, seconds."""


INSISTENCE = 30.0
"""How long an original has to come again and again until it is believed that it has nobody else, seconds."""

GIVEN_UP = 600.0
"""One that has not come for so long has found somebody, seconds."""

REMEMBERED = 1000
"""Originals that are remembered; of more the one that came last the longest time ago is forgotten."""


@frozen
class Standing:
    """Where a controller is when somebody asks to join.

    :ivar own: its name.
    :ivar ancestors: names between it and the root.
    :ivar rooted: there is a way to a root.
    """

    own: str
    ancestors: Collection[str] = ()
    rooted: bool = True


def admit(
    request: JoinRequest, standing: Standing, holder: str = "", held: ClusterEntry | None = None, ours: bool = False
) -> Admission:
    """Decide about a handshake.

    A name that is connected here right now is not refused here: the tunnel finds out which of the two is alive.

    :param holder: the child through which a cluster of that name is reached; empty if none is.
    :param held: what is known of that cluster.
    :param ours: it is a child of ours by its own configuration, or was our child before.
    """
    fault = _fault(request)
    if fault is not None:
        return fault
    name, own = request.name, standing.own
    if name == own:
        return Refuse(403, f"{name} is the name of this controller")
    if name in standing.ancestors:
        return Refuse(403, f"{name} is above {own} on the way to the root, so it cannot be below")
    if holder not in ("", name) and not _moves(request, held):
        return Refuse(403, f"a cluster {name} is already reached through {holder}", RETRY_AFTER)
    if not standing.rooted and request.standby:
        return Refuse(503, f"{own} has no way to the root, so there is nothing to stand by for", STANDBY)
    if not (standing.rooted or ours):
        return Refuse(503, f"{own} has no way to the root, so it takes nobody but its own children", UNROOTED)
    return _accept(request)


def _fault(request: JoinRequest) -> Refuse | None:
    if request.listen is None:
        return Refuse(400, "the header listen-addr is missing: the address at which this cluster's own tunnel is reached")
    if not request.user_defined_name:
        return Refuse(400, "the header name is missing or empty")
    try:
        parse_name(request.name)
    except InvalidName as fault:
        return Refuse(400, str(fault))
    return None


def _moves(request: JoinRequest, held: ClusterEntry | None) -> bool:
    """It is the cluster that is reached elsewhere, and is about to be here instead.

    Of one that is reached through an original nobody can tell; standing by it takes nothing from anybody.
    """
    if held is None or not request.instance:
        return False
    if request.standby:
        return held.instance in ("", request.instance)
    return request.instance == held.instance and request.epoch > held.epoch


def _accept(request: JoinRequest) -> Admission:
    v2 = V2 in request.subprotocols
    if not request.listen and not v2:
        return Refuse(400, "the header listen-addr is empty: an ote.v1 cluster says where its tunnel is")
    return Accept(V2 if v2 else None, request.listen or "")


class Insistence:
    """Originals that come again and again while there is no way to the root.

    One that is configured to be below us cannot say so, and one that is refused has no other way to live than to come again;
    one that has other parents in reach has found one of them by then.
    """

    def __init__(self) -> None:
        self._asked: dict[str, tuple[float, float]] = {}

    def asks(self, name: str, now: float) -> bool:
        """It comes now; true if it has for long enough."""
        first, last = self._asked.pop(name, (now, now))
        first = now if now - last > GIVEN_UP else first
        self._asked[name] = first, now
        if len(self._asked) > REMEMBERED:
            del self._asked[next(iter(self._asked))]
        return now - first >= INSISTENCE
