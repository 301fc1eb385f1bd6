"""The results of a task in pages."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from ote_twisted.errors import Expired, NotFound
from ote_twisted.tasks.model import Answer
from tests.tasks.world import NAMESPACE, World


class ResultsTests(SynchronousTestCase):
    """All results, whatever the status has room for."""

    def setUp(self):
        self.world = World(self)
        for number in range(130):
            self.world.carrier.join(f"c{number:03}")
        self.world.start()
        self.world.create()

    def page(self, limit=None, token=None):
        """A page."""
        return self.successResultOf(self.world.owner.results(NAMESPACE, "t", limit, token))

    def test_a_result(self):
        """A result has the fields of a status entry, and its cluster as its name."""
        self.world.answer("c000", body=b"\xff", code=500)
        (item,) = self.page(1)["items"]
        self.assertEqual((item["metadata"]["name"], item["state"], item["encoding"]), ("c000", "failed", "base64"))

    def test_pages_are_complete(self):
        """Pages of any size give every target once, in order, also those without an answer."""
        for limit in (1, 49, 50, 51, 129, 130, None):
            names, token = [], None
            while True:
                page = self.page(limit, token)
                names += [item["metadata"]["name"] for item in page["items"]]
                token = page["metadata"].get("continue")
                if token is None:
                    break
            self.assertEqual(names, [f"c{number:03}" for number in range(130)])

    def test_large_bodies_make_short_pages(self):
        """A page ends where its bodies become too large."""
        for number in range(130):
            self.world.owner.answered(self.world.uid(), "t", f"c{number:03}", Answer(200, b"x" * 65536), 1)
        self.world.turn()
        page = self.page()
        self.assertTrue(60 <= len(page["items"]) <= 66)
        self.assertTrue(page["metadata"]["continue"])

    def test_unknown_task(self):
        """A task that is not there is not found."""
        self.failureResultOf(self.world.owner.results(NAMESPACE, "nope"), NotFound)

    def test_page_of_another_generation(self):
        """A list that is continued after a change of the spec is expired."""
        token = self.page(10)["metadata"]["continue"]
        self.world.change(url="/new")
        self.world.turn()
        self.failureResultOf(self.world.owner.results(NAMESPACE, "t", 10, token), Expired)

    def test_foreign_tokens(self):
        """Tokens that are none of ours are refused as expired."""
        for token in ("", "x", "ä", "W10=", "bnVsbA=="):
            self.failureResultOf(self.world.owner.results(NAMESPACE, "t", 10, token), Expired)
