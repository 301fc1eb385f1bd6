"""Messages for a controller that is away."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ote_twisted.shim.backlog import Backlog


class BacklogTests(SynchronousTestCase):
    """Bounded, the newest kept (F82)."""

    @given(st.lists(st.binary(max_size=12)), st.integers(1, 5), st.integers(12, 40))
    def test_newest_are_kept(self, messages, count, size):
        """What is taken is the end of what was put, within both bounds, and the rest is counted."""
        backlog = Backlog(count, size)
        for message in messages:
            backlog.put(message)
        taken = backlog.take()
        self.assertEqual(list(taken), messages[len(messages) - len(taken) :])
        self.assertLessEqual(len(taken), count)
        self.assertLessEqual(sum(map(len, taken)), size)
        self.assertEqual(backlog.dropped, len(messages) - len(taken))
        self.assertEqual(backlog.take(), ())
