"""Which tasks may be performed a second time when nobody knows whether the first time counted."""

from __future__ import annotations

import json

from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer
from zope.interface.verify import verifyObject

from ote_twisted.api.engine import ApiEngine
from ote_twisted.interfaces import IClusterShim, IRepeatableShim, IShimHost
from ote_twisted.shim.embedded import EmbeddedShim
from ote_twisted.shim.guard import GuardedShim
from ote_twisted.shim.repeating import repeatable_at_api, safe
from ote_twisted.storage.memory import MemoryObjectStore
from ote_twisted.storage.model import JSON
from ote_twisted.tasks.model import Answer, Task
from ote_twisted.testing.shim import MemoryShim

URI = "/api/v1/namespaces/default/configmaps/thing"


def task(method: str, body: object = None, destination: str = "api") -> Task:
    """One for an object, with JSON as body."""
    return Task(destination, method, URI, b"" if body is None else json.dumps(body).encode())


@implementer(IClusterShim)
class SilentShim:
    """One that says nothing about repeating."""

    def start(self, cluster: str, host: IShimHost) -> Deferred[None]:
        """See IClusterShim."""
        return succeed(None)

    def stop(self) -> Deferred[None]:
        """See IClusterShim."""
        return succeed(None)

    def perform(self, task: Task) -> Deferred[Answer]:
        """See IClusterShim."""
        return succeed(Answer(200))

    def describe(self) -> Deferred[JSON]:
        """See IClusterShim."""
        return succeed({})


class RuleTests(SynchronousTestCase):
    """At a Kubernetes API."""

    def test_reading_changes_nothing(self) -> None:
        """GET, HEAD and OPTIONS may be repeated anywhere."""
        for method in ("GET", "HEAD", "OPTIONS"):
            self.assertTrue(safe(task(method)) and repeatable_at_api(task(method)))

    def test_saying_how_it_is_to_be(self) -> None:
        """PUT and merge patch may be repeated, unless they name the version that they would have changed themselves."""
        for method in ("PUT", "PATCH"):
            self.assertTrue(repeatable_at_api(task(method, {"data": {"a": "1"}})))
            self.assertTrue(repeatable_at_api(task(method, {"metadata": {"uid": "u"}})))
            self.assertFalse(repeatable_at_api(task(method, {"metadata": {"resourceVersion": "7"}})))
            self.assertFalse(safe(task(method)))

    def test_doing_it_once_more(self) -> None:
        """POST creates another, a JSON patch may add another, and a body that is no JSON says nothing."""
        self.assertFalse(repeatable_at_api(task("POST", {"metadata": {"name": "thing"}})))
        self.assertFalse(repeatable_at_api(task("PATCH", [{"op": "add", "path": "/data/a", "value": "1"}])))
        for body in (b"", b"\xff", b"[" * 100_000):
            self.assertFalse(repeatable_at_api(Task("api", "PUT", URI, body)))

    def test_deleting(self) -> None:
        """A DELETE may be repeated if it names the one object that it means, because another of that name may have come."""
        self.assertFalse(repeatable_at_api(task("DELETE")))
        self.assertFalse(repeatable_at_api(task("DELETE", {"preconditions": {"resourceVersion": "7", "uid": "u"}})))
        self.assertTrue(repeatable_at_api(task("DELETE", {"preconditions": {"uid": "u"}})))


class ShimTests(SynchronousTestCase):
    """What shims say."""

    def guarded(self, inner: IClusterShim) -> GuardedShim:
        """With its guard."""
        guarded = GuardedShim(inner, Clock())
        verifyObject(IRepeatableShim, guarded)
        return guarded

    def embedded(self) -> EmbeddedShim:
        """The embedded cluster."""
        return EmbeddedShim(ApiEngine(MemoryObjectStore(Clock()), {}, lambda: 0.0, "1", {}, {}, {}))

    def test_a_shim_that_says_nothing(self) -> None:
        """It may repeat what changes nothing, and no more."""
        shim = self.guarded(SilentShim())
        self.assertEqual([shim.repeatable(task(method, {})) for method in ("GET", "PUT", "POST")], [True, False, False])

    def test_the_embedded_cluster(self) -> None:
        """It keeps the rules of a Kubernetes API; what it refuses is not performed, so it may come again."""
        shim = self.embedded()
        verifyObject(IRepeatableShim, shim)
        self.assertEqual([shim.repeatable(task(method, {})) for method in ("GET", "PUT", "POST")], [True, True, False])
        self.assertTrue(shim.repeatable(task("POST", {}, "helm")))

    def test_a_guard_says_what_is_inside(self) -> None:
        """The guard says what the shim inside says; a task that it refuses itself may come again."""
        shim = self.guarded(MemoryShim(Clock()))
        verifyObject(IRepeatableShim, MemoryShim(Clock()))
        self.assertEqual([shim.repeatable(task(method, {})) for method in ("GET", "PUT", "DELETE")], [True, True, False])
        self.assertTrue(shim.repeatable(Task("api", "DELETE", "no path")))
