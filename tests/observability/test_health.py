"""Health checks."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from ote_twisted.observability.health import HealthChecks


def broken() -> str | None:
    """Fail as a check should not."""
    raise RuntimeError("secret detail")


class HealthChecksTests(SynchronousTestCase):
    """Answers in Kubernetes' form."""

    well = HealthChecks("readyz", {"store": lambda: None, "parent": lambda: None})
    ill = HealthChecks("readyz", {"store": lambda: None, "parent": lambda: "no parent has answered yet"})

    def test_all_well(self) -> None:
        """When all is well the answer is ok."""
        self.assertEqual(self.well.render(), (200, "text/plain; charset=utf-8", b"ok"))

    def test_verbose(self) -> None:
        """Asked for more, each check has a line."""
        self.assertEqual(self.well.render(verbose=True)[2], b"[+]store ok\n[+]parent ok\nreadyz check passed\n")

    def test_failing(self) -> None:
        """A failing check makes the answer 500 and says why."""
        code, _, body = self.ill.render()
        self.assertEqual(code, 500)
        self.assertEqual(body, b"[+]store ok\n[-]parent failed: no parent has answered yet\nreadyz check failed\n")

    def test_exclude(self) -> None:
        """An excluded check does not count, and a name that is no check is warned of."""
        code, _, body = self.ill.render(True, ["parent", "nobody"])
        self.assertEqual(code, 200)
        self.assertIn(b"[+]parent excluded: ok\n", body)
        self.assertIn(b"warn: no check is named nobody\n", body)

    def test_one_check(self) -> None:
        """Each check can be asked alone."""
        self.assertEqual(self.ill.render_one("store")[0], 200)
        self.assertEqual(self.ill.render_one("parent")[2], b"no parent has answered yet\n")
        self.assertEqual(self.ill.render_one("nobody")[0], 404)

    def test_check_that_raises(self) -> None:
        """A check that raises counts as failed, without its details."""
        code, _, body = HealthChecks("livez", {"x": broken}).render()
        self.assertEqual((code, body), (500, b"[-]x failed: the check itself failed: RuntimeError\nlivez check failed\n"))
