"""Every recorder of events keeps the contract."""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from ote_twisted.events.model import EventLimits, Happening
from ote_twisted.testing.contracts.events import RecorderUnderTest, Seen, make_event_recorder_tests
from ote_twisted.testing.events import MemoryEventRecorder
from tests.events.building import Place

LIMITS = EventLimits(kept=20, similar=10)


def in_store(case: SynchronousTestCase) -> RecorderUnderTest:
    """The recorder of controllers; what is seen is what the store has."""
    place = Place(LIMITS)
    case.addCleanup(place.stop)
    place.recorder.startService()

    def seen() -> list[Seen]:
        place.settle()
        return [
            Seen(each["reason"], each["involvedObject"]["name"], each["message"], each["type"] == "Warning", each["count"])
            for each in place.events()
        ]

    return RecorderUnderTest(place.recorder, seen, place.clock.advance)


def in_memory(case: SynchronousTestCase) -> RecorderUnderTest:
    """The one for tests."""
    clock = Clock()
    recorder = MemoryEventRecorder("here", clock.seconds, LIMITS)
    return RecorderUnderTest(recorder, lambda: [_seen(each) for each in recorder.happenings()], clock.advance)


def _seen(happening: Happening) -> Seen:
    told = happening.told
    return Seen(told.reason, told.about, told.message, told.warning, happening.count)


class EventRecorderContractTests(make_event_recorder_tests(in_store)):  # type: ignore[misc]
    """The recorder of controllers keeps the contract."""


class MemoryEventRecorderContractTests(make_event_recorder_tests(in_memory)):  # type: ignore[misc]
    """The recorder for tests keeps the contract."""
