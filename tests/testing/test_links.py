"""Links in memory keep the contract of links."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from ote_twisted.testing.contracts.link import LinkHarness, make_link_tests
from ote_twisted.testing.links import MemoryLink, join, settle
from ote_twisted.testing.recording import RecordingSink

HIGH_WATER = 200_000
HARD_BOUND = 1_000_000


def joined(case: SynchronousTestCase) -> LinkHarness:
    """Two ends of one link."""
    near_sink, far_sink = RecordingSink(), RecordingSink()
    near = MemoryLink("c1", near_sink, high_water=HIGH_WATER, hard_bound=HARD_BOUND)
    far = MemoryLink("", far_sink, is_parent=True)
    join(near, far)
    return LinkHarness(
        near,
        near_sink,
        far_sink,
        lambda: settle(near, far),
        lambda seconds: settle(near, far),
        lambda: setattr(near, "stalled", True),
        lambda: setattr(near, "stalled", False),
        HIGH_WATER,
        HARD_BOUND,
    )


class MemoryLinkContractTests(make_link_tests(joined)):  # type: ignore[misc]
    """Links in memory."""
