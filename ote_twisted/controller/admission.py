"""Whether a child may join. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from ote_twisted.errors import InvalidName
from ote_twisted.topology.names import parse_name
from ote_twisted.wire.join import V2, Accept, Admission, JoinRequest, Refuse

RETRY_AFTER = 5.0
"""When one who was refused for a passing reason may ask again, seconds."""


def admit(request: JoinRequest, own: str, ancestors: Collection[str], via: Mapping[str, str]) -> Admission:
    """Decide about a handshake.

    A name that is connected here right now is not refused here: the tunnel finds out which of the two is alive.

    :param own: name of this controller.
    :param ancestors: names between here and the root.
    :param via: reachable cluster -> child through which it is reached.
    """
    if request.listen is None:
        return Refuse(400, "the header listen-addr is missing: the address at which this cluster's own tunnel is reached")
    if not request.user_defined_name:
        return Refuse(400, "the header name is missing or empty")
    try:
        name = parse_name(request.name)
    except InvalidName as fault:
        return Refuse(400, str(fault))
    if name == own:
        return Refuse(403, f"{name} is the name of this controller")
    if name in ancestors:
        return Refuse(403, f"{name} is above {own} on the way to the root, so it cannot be below")
    holder = via.get(name, name)
    if holder != name:
        return Refuse(403, f"a cluster {name} is already reached through {holder}", RETRY_AFTER)
    return _accept(request)


def _accept(request: JoinRequest) -> Admission:
    v2 = V2 in request.subprotocols
    if not request.listen and not v2:
        return Refuse(400, "the header listen-addr is empty: an ote.v1 cluster says where its tunnel is")
    return Accept(V2 if v2 else None, request.listen or "")
