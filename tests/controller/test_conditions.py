"""What conditions say, and when they say that they changed."""

from __future__ import annotations

from typing import Any

from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ote_twisted.api.times import rfc3339
from ote_twisted.controller.conditions import AGREES, DISAGREES, Standing, conditions, unreachable
from ote_twisted.wire.entry import ClusterStatus

FINE = ClusterStatus("k3s", ready=True, reason="ApiAnswers", message="it answers")
ONLINE = Standing(FINE, True, 100.0, 90.0, "", "", None)
LOST = Standing(FINE, False, 200.0, 200.0, "the link to bj was lost: reset", "bj", None)


def read(standing: Standing, before: Any = None, now: float = 500.0) -> dict[str, dict[str, Any]]:
    """Conditions by type."""
    return {each["type"]: each for each in conditions(standing, before, now)}


def brief(found: dict[str, dict[str, Any]]) -> dict[str, str]:
    """Type to status."""
    return {kind: each["status"] for kind, each in found.items()}


class ValueTests(SynchronousTestCase):
    """One cluster at one moment."""

    def test_a_cluster_that_can_be_reached(self) -> None:
        """Ready is what the cluster says of itself, in its words, Reachable is that there is a way."""
        found = read(ONLINE)
        self.assertEqual(brief(found), {"Ready": "True", "Reachable": "True"})
        self.assertEqual((found["Ready"]["reason"], found["Ready"]["message"]), ("ApiAnswers", "it answers"))

    def test_a_cluster_that_is_not_ready(self) -> None:
        """A cluster that says that it cannot perform is reachable and not ready."""
        found = read(evolve(ONLINE, status=evolve(FINE, ready=False, reason="no word!", message="no API")))
        self.assertEqual(brief(found), {"Ready": "False", "Reachable": "True"})
        self.assertEqual((found["Ready"]["reason"], found["Ready"]["message"]), ("Told", "no API"))

    def test_a_cluster_that_tells_nothing(self) -> None:
        """Of a cluster that tells nothing of itself nobody knows whether it is ready."""
        self.assertEqual(brief(read(evolve(ONLINE, status=None))), {"Ready": "Unknown", "Reachable": "True"})

    def test_a_cluster_that_cannot_be_reached(self) -> None:
        """Its last Ready is not repeated; both conditions tell the hop, since when and why."""
        found = read(LOST)
        self.assertEqual(brief(found), {"Ready": "Unknown", "Reachable": "False"})
        sentence = "Unreachable via bj since 1970-01-01T00:03:20Z: the link to bj was lost: reset"
        self.assertEqual([each["message"] for each in found.values()], [sentence] * 2)
        self.assertEqual(unreachable("", 0.0, "why"), "Unreachable since 1970-01-01T00:00:00Z: why")

    def test_children_are_synced(self) -> None:
        """A child's subtree agrees or not; while it cannot be reached nobody knows, and elsewhere nothing is said."""
        agrees = read(evolve(ONLINE, synced=AGREES))
        self.assertEqual(brief(agrees)["Synced"], "True")
        self.assertEqual(brief(read(evolve(ONLINE, synced=DISAGREES)))["Synced"], "False")
        before = list(agrees.values())
        self.assertEqual(brief(read(LOST, before))["Synced"], "Unknown")
        self.assertNotIn("Synced", read(ONLINE, before))


class TransitionTests(SynchronousTestCase):
    """One cluster over time."""

    def test_moments(self) -> None:
        """Ready changed when the cluster said so, Reachable when its way broke."""
        self.assertEqual([each["lastTransitionTime"] for each in read(ONLINE).values()], [rfc3339(100), rfc3339(100)])
        later = evolve(ONLINE, as_of=150.0)
        self.assertEqual([each["lastTransitionTime"] for each in read(later).values()], [rfc3339(150), rfc3339(100)])
        self.assertEqual([each["lastTransitionTime"] for each in read(LOST).values()], [rfc3339(200), rfc3339(200)])

    def test_words_alone_move_nothing(self) -> None:
        """Another reason or message with the same status is no transition."""
        before = list(read(ONLINE).values())
        told = read(evolve(ONLINE, as_of=400.0, status=evolve(FINE, message="still fine")), before)
        self.assertEqual((told["Ready"]["message"], told["Ready"]["lastTransitionTime"]), ("still fine", rfc3339(100)))
        via = read(evolve(LOST, hop="north", since=300.0), list(read(LOST).values()))
        self.assertIn("via north", via["Reachable"]["message"])
        self.assertEqual(via["Reachable"]["lastTransitionTime"], rfc3339(200))

    def test_odd_conditions_are_replaced(self) -> None:
        """What somebody wrote in their place is not believed."""
        for odd in (None, 7, "x", [1], [{"type": 3}], [{"type": "Ready", "status": "True", "lastTransitionTime": 5}]):
            self.assertEqual(read(ONLINE, odd), read(ONLINE))

    @given(st.lists(st.sampled_from([ONLINE, LOST, evolve(ONLINE, synced=AGREES), evolve(ONLINE, synced=DISAGREES)]), max_size=8))
    def test_a_moment_moves_only_with_the_status(self, story: list[Standing]) -> None:
        """Whatever happens, the moment of a condition is another one only if its status is, and writing twice changes nothing."""
        before: list[dict[str, Any]] = []
        for number, standing in enumerate(story):
            moment = 1000.0 * (number + 1)
            after = conditions(evolve(standing, since=moment, as_of=moment), before, moment)
            known = {each["type"]: each for each in before}
            for each in after:
                old = known.get(each["type"])
                moved = old is None or old["lastTransitionTime"] != each["lastTransitionTime"]
                self.assertEqual(moved, old is None or old["status"] != each["status"])
            self.assertEqual(conditions(evolve(standing, since=moment, as_of=moment), after, moment + 1), after)
            before = after
