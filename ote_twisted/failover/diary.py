"""What people are told of the search for a parent: events and log lines."""

from __future__ import annotations

from twisted.logger import Logger

from ote_twisted.errors import DialFailed
from ote_twisted.failover.penalties import BUSY
from ote_twisted.failover.ways import Carry, Way
from ote_twisted.interfaces import IEventRecorder, ILink


class Diary:
    """Records each step once. That a parent was found or lost at all is recorded by whom the links are for."""

    _log = Logger()

    def __init__(self, name: str, recorder: IEventRecorder) -> None:
        self._name = name
        self._recorder = recorder
        self._refusals: dict[str, str] = {}

    def carries(self, action: Carry, link: ILink) -> None:
        """A link carries from now on."""
        way, former = action.way, action.former
        self._refusals.clear()
        self._log.info("{cluster} joined {address}", cluster=self._name, address=str(way.address))
        if former is not None and way.candidate.rank < former.candidate.rank and way.candidate.configured:
            text = f"Returned to the parent {way.candidate} from {former.candidate}, without a gap."
            self._recorder.record("ReturnedToParent", text)
        elif former is not None:
            text = f"Moved to the parent {way.candidate} from {former.candidate}, which had no way to the root."
            self._recorder.record("MovedToParent", text)
        elif action.after is not None:
            text = f"Moved to the parent {way.candidate}, because the link to {action.after} was lost."
            self._recorder.record("MovedToParent", text)

    def lost(self, way: Way, reason: str) -> None:
        """A link that carried, or had carried, is gone."""
        self._log.info("{cluster} lost {address}: {reason}", cluster=self._name, address=str(way.address), reason=reason)

    def refused(self, way: Way, fault: DialFailed) -> None:
        """An attempt failed. An event tells what a parent said, unless it says that since the last parent was found."""
        address = str(way.address)
        self._log.info("{cluster} could not join {address}: {answer}", cluster=self._name, address=address, answer=str(fault))
        if fault.status not in (0, BUSY) and self._refusals.get(address) != str(fault):
            self._refusals[address] = str(fault)
            self._recorder.record("ParentRefused", f"{way.candidate} refuses this cluster: {fault}.", warning=True)
