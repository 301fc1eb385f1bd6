"""A controller stops before its listener does, so children leave one that has stopped."""

from __future__ import annotations

from twisted.internet.defer import Deferred

from tests.controller.trees import TreeTestCase


class StopOrderTests(TreeTestCase):
    """The order of the composition: the uplink, the tasks, the controller, then the children's links."""

    def test_children_leave_a_stopped_controller(self) -> None:
        """Originals and others that are disconnected after the controller has stopped leave nothing on its clock."""
        self.chain("root", "mid")
        for name, v2 in (("old-1", False), ("old-2", False), ("new", True)):
            self.tree.add(name, ["mid"], v2=v2)
        self.tree.settle()
        mid = self.tree.node("mid")
        stops = [service.stopService() for service in (mid.failover, mid.owner, mid.controller, mid.cloud)]
        mid.running = False
        self.tree.network.flush()
        for stopped in stops:
            if isinstance(stopped, Deferred):
                self.successResultOf(stopped)
        owners = [getattr(getattr(call, "func", None), "__self__", None) for call in self.tree.network.clock.getDelayedCalls()]
        self.assertNotIn(mid.controller.neighbours, owners)
        for name in ("old-1", "old-2", "new", "root"):
            self.tree.node(name).stop()
        self.tree.network.advance(5)
        self.assertEqual(self.tree.network.clock.getDelayedCalls(), [])

    def test_children_of_a_stopping_controller_find_it_again(self) -> None:
        """A controller that is stopped and started again has its children and their answers back."""
        self.chain("root", "mid", "leaf")
        self.tree.node("leaf").shim.script(delay=8)
        self.tree.node("root").submit("t", "leaf", "PUT", "/t", "x")
        self.tree.settle(1)
        mid = self.tree.node("mid")
        for service in (mid.failover, mid.owner, mid.controller, mid.cloud):
            service.stopService()
        self.tree.network.advance(3)
        mid.start()
        self.until(lambda: self.condition("root", "t")[0] == "True")
        self.assertEqual(self.tree.performers("/t"), {"leaf": 1})
