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

    def test_check_that_raises(self) -> None:
        """A check that raises counts as failed, without its details."""
        code, _, body = HealthChecks("livez", {"x": broken}).render()
        self.assertEqual((code, body), (500, b"[-]x failed: the check itself failed: RuntimeError\nlivez check failed\n"))
