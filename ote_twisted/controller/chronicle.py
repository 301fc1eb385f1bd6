"""What a controller tells people of its part of the tree, as events."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from ote_twisted.controller.directory import Directory
from ote_twisted.interfaces import IEventRecorder, ILink
from ote_twisted.topology.difference import Difference
from ote_twisted.wire.join import Admission, JoinRequest, Refuse

NAMED = 10
"""Clusters that a message names; of more it tells the number."""

MISSED = 100_000
"""Clusters that are remembered as lost with a child; of further ones the return is not told."""

BUSY = 503
"""Status of a refusal that only asks to come later."""


class Chronicle:
    """Looks on and records. What is given to it is given back where that spares the caller a line."""

    def __init__(self, recorder: IEventRecorder) -> None:
        self._recorder = recorder
        self._lost_with: dict[str, str] = {}
        self._missing: dict[str, int] = {}
        self._behind: dict[str, int] = {}

    def judged(self, request: JoinRequest, admission: Admission) -> Admission:
        """It was decided about a handshake."""
        if isinstance(admission, Refuse) and admission.status != BUSY:
            self._recorder.record("ChildRefused", f"It may not join: {admission.reason}.", request.name, warning=True)
        return admission

    def opened(self, link: ILink) -> None:
        """A link is established."""
        wire = "ote.v2" if link.v2 else "ote.v1"
        if link.is_parent:
            self._recorder.record("ParentJoined", f"Joined the parent at {link.peer_address} with {wire}.")
        else:
            self._recorder.record("ChildJoined", f"It joined with {wire}.", link.peer)

    def parent_lost(self, link: ILink, reason: str) -> None:
        """There is no link to a parent any more."""
        self._recorder.record("ParentLost", f"The link to the parent at {link.peer_address} was lost: {reason}.", warning=True)

    def child_lost(self, child: str, reason: str, difference: Difference) -> None:
        """A child's link is gone, with that difference."""
        lost = child in difference.gone
        way = "" if lost else " There is another way to it."
        self._recorder.record("ChildLost", f"The link to it was lost: {reason}.{way}", child, warning=lost)
        behind = [name for name in difference.gone if name != child]
        if behind:
            self._recorder.record("SubtreeUnreachable", f"There is no way to {_named(behind)} behind it.", child, warning=True)
            self._miss(child, behind)

    def changed(self, difference: Difference, before: Directory) -> None:
        """The routes changed.

        :param before: has not been told yet.
        """
        for name, entry in difference.present.items():
            parent = before.parent_of(name)
            if parent and entry.parent and parent != entry.parent:
                self._recorder.record("ClusterMoved", f"It is below {entry.parent} now and was below {parent} before.", name)
            if name in self._lost_with:
                self._back(self._lost_with.pop(name))

    def duplicated(self, name: str, holder: str, child: str) -> None:
        """Two machines are one cluster."""
        text = (
            f"Two controllers run from copies of its state folder: it is reached through {holder}, and claimed through {child} "
            "as well. Give one of them a name and an empty state folder of its own."
        )
        self._recorder.record("DuplicateIdentity", text, name, warning=True)

    def journal_refused(self, reason: str) -> None:
        """What was performed and is owed cannot be written down."""
        text = f"What this controller performed and owes cannot be written down: {reason}. It is held in memory until then."
        self._recorder.record("DeliveryNotWritten", text, warning=True)

    def journal_taken(self) -> None:
        """All of it is written down again."""
        self._recorder.record("DeliveryWritten", "What this controller performed and owes is written down again.")

    def forgotten(self, names: Sequence[str]) -> None:
        """Clusters are known no more."""
        for name in names:
            self._recorder.record("ClusterForgotten", "It could not be reached for so long that it is known no more.", name)

    def _miss(self, child: str, behind: Sequence[str]) -> None:
        """Remember who was lost with a child."""
        if len(self._lost_with) + len(behind) <= MISSED:
            self._lost_with.update(dict.fromkeys(behind, child))
            self._missing[child] = self._missing.get(child, 0) + len(behind)
            self._behind[child] = self._missing[child]

    def _back(self, child: str) -> None:
        """One of those who were lost with a child can be reached, whichever way."""
        self._missing[child] -= 1
        if not self._missing[child]:
            del self._missing[child]
            all_of_them = _counted(self._behind.pop(child))
            self._recorder.record(
                "SubtreeReachable", f"There is a way again to all that were lost with it: {all_of_them}.", child
            )


def _named(names: Collection[str]) -> str:
    """``2 clusters (a, b)``, with as many names as can be read."""
    few = sorted(names)[:NAMED]
    return f"{_counted(len(names))} ({', '.join(few)}{', …' if len(names) > NAMED else ''})"


def _counted(clusters: int) -> str:
    return "1 cluster" if clusters == 1 else f"{clusters} clusters"
