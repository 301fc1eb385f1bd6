"""What every shim keeps, as tests. Give the factory a way to make yours::

    class FilesShimContractTests(make_shim_tests(lambda case: ShimHarness(FilesShim(case.mktemp()), ...))):
        \"\"\"A directory is a cluster.\"\"\"

The tests use your shim as controllers do: inside the guard (:class:`ote_twisted.shim.guard.GuardedShim`).
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from attrs import field, frozen
from twisted.internet.defer import CancelledError, Deferred, gatherResults
from twisted.internet.task import Clock
from twisted.trial.unittest import TestCase
from zope.interface.verify import verifyObject

from ote_twisted.errors import ShimUnavailable
from ote_twisted.interfaces import IClusterShim
from ote_twisted.shim.answers import BODY_LIMIT
from ote_twisted.shim.guard import GuardedShim
from ote_twisted.tasks.model import Answer, Task
from ote_twisted.testing.shim import MemoryHost

CLUSTER = "contract-cluster"


def _nothing() -> None:
    pass


def _body(answer: Answer) -> bytes:
    return answer.body


@frozen
class ShimHarness:
    """A shim to be tested, and how to use its cluster.

    :ivar shim: not started yet.
    :ivar write: makes a task that sets one object's value, a short text; the same object each time.
    :ivar read: a task that reads that object.
    :ivar value: finds the value in the answer to ``read``.
    :ivar prepare: tasks that make the object exist, if ``write`` alone does not.
    :ivar settle: lets everything that can happen now happen, where that needs more than the reactor.
    :ivar opaque: bodies may be any bytes; otherwise, e.g. if they must be JSON, such a body is a 4xx.
    """

    shim: IClusterShim
    write: Callable[[bytes], Task]
    read: Task
    value: Callable[[Answer], bytes] = _body
    prepare: tuple[Task, ...] = ()
    settle: Callable[[], None] = _nothing
    opaque: bool = field(default=True, kw_only=True)


class ShimContract(TestCase):
    """Behaviours of any shim. Not run by itself; see :func:`make_shim_tests`."""

    make_harness: Callable[[TestCase], ShimHarness]
    bare = False

    def setUp(self) -> None:
        """Make the shim under test; it is not started."""
        self.harness = type(self).make_harness(self)
        self.host = MemoryHost()
        inner = self.harness.shim
        self.shim: IClusterShim = inner if self.bare else GuardedShim(inner, Clock())
        self.addCleanup(self._stop)

    def _stop(self) -> Deferred[None]:
        stopping = self.shim.stop()
        self.harness.settle()
        return stopping

    async def _started(self) -> None:
        starting = self.shim.start(CLUSTER, self.host)
        self.harness.settle()
        await starting
        for task in self.harness.prepare:
            self.assertLess((await self._perform(task)).code, 400)

    def _perform(self, task: Task) -> Deferred[Answer]:
        performing = self.shim.perform(task)
        self.harness.settle()
        return performing

    def test_provides_the_interface(self) -> None:
        """A shim provides IClusterShim, every method with its parameters."""
        verifyObject(IClusterShim, self.harness.shim)

    async def test_written_is_read(self) -> None:
        """What one task wrote, the next one reads."""
        await self._started()
        self.assertLess((await self._perform(self.harness.write(b"first"))).code, 400)
        answer = await self._perform(self.harness.read)
        self.assertEqual((answer.code, self.harness.value(answer)), (200, b"first"))

    async def test_told_that_it_is_ready(self) -> None:
        """A started shim whose cluster is there has told its host so."""
        await self._started()
        self.assertTrue(self.host.states[-1][0])
        self.assertTrue(self.host.states[-1][1])

    async def test_nothing_before_start(self) -> None:
        """A shim that is not started performs nothing: ShimUnavailable."""
        with self.assertRaises(ShimUnavailable):
            await self._perform(self.harness.read)

    async def test_nothing_after_stop(self) -> None:
        """A stopped shim performs nothing: ShimUnavailable."""
        await self._started()
        await self._stop()
        with self.assertRaises(ShimUnavailable):
            await self._perform(self.harness.read)

    async def test_stop_without_start(self) -> None:
        """Stopping a shim that was never started does nothing."""
        await self._stop()

    async def test_stop_twice(self) -> None:
        """Stopping twice is the same as once."""
        await self._started()
        await self._stop()
        await self._stop()

    async def test_stop_right_after_start(self) -> None:
        """A shim can be stopped before it is of use."""
        starting = self.shim.start(CLUSTER, self.host).addErrback(lambda _: None)
        await self._stop()
        starting.cancel()

    async def test_stop_leaves_no_task_open(self) -> None:
        """When stopping is through, every task has an answer or ShimUnavailable."""
        await self._started()
        outcomes: list[object] = []
        for _ in range(3):
            self.shim.perform(self.harness.read).addBoth(outcomes.append)
        await self._stop()
        self.assertEqual(len(outcomes), 3)
        for outcome in outcomes:
            self.assertTrue(isinstance(outcome, Answer) or getattr(outcome, "type", None) is ShimUnavailable, outcome)

    async def test_unknown_destination(self) -> None:
        """A destination that the shim does not know is a 404 with a sentence."""
        await self._started()
        answer = await self._perform(Task("no-such-destination", "GET", "/"))
        self.assertEqual(answer.code, 404)
        self.assertTrue(answer.body)

    async def test_unknown_method(self) -> None:
        """A method that the destination does not know is a 405 with a sentence."""
        await self._started()
        answer = await self._perform(Task(self.harness.read.destination, "BREW", self.harness.read.uri))
        self.assertEqual(answer.code, 405)
        self.assertTrue(answer.body)

    async def test_codes_are_of_http(self) -> None:
        """A path that is not there is an answer of 4xx, not a failure and never 0."""
        await self._started()
        answer = await self._perform(Task(self.harness.read.destination, "GET", "/no/such/path/at/all"))
        self.assertTrue(400 <= answer.code < 500, answer)

    async def test_many_at_once(self) -> None:
        """Tasks given at once are all answered."""
        await self._started()
        await self._perform(self.harness.write(b"shared"))
        performing = [self.shim.perform(self.harness.read) for _ in range(50)]
        self.harness.settle()
        answers = await gatherResults(performing)
        self.assertEqual({self.harness.value(answer) for answer in answers}, {b"shared"})

    async def test_order_of_one_object(self) -> None:
        """Tasks for one object take effect in the order given, though none waits for the one before."""
        await self._started()
        writing = [self.shim.perform(self.harness.write(b"%d" % number)) for number in range(20)]
        reading = self.shim.perform(self.harness.read)
        self.harness.settle()
        await gatherResults(writing)
        self.assertEqual(self.harness.value(await reading), b"19")

    async def test_cancel(self) -> None:
        """A task that is given up fires at once, and the shim goes on."""
        await self._started()
        await self._perform(self.harness.write(b"kept"))
        performing = self.shim.perform(self.harness.read)
        performing.cancel()
        self.harness.settle()
        outcome = await performing.addErrback(lambda reason: reason.trap(CancelledError))
        self.assertTrue(outcome is CancelledError or isinstance(outcome, Answer))
        self.assertEqual(self.harness.value(await self._perform(self.harness.read)), b"kept")

    async def test_binary_body(self) -> None:
        """A body of any bytes gets an answer: kept as it is, or refused with a 4xx."""
        await self._started()
        body = bytes(range(256)) * 4
        answer = await self._perform(self.harness.write(body))
        if not self.harness.opaque:
            self.assertTrue(400 <= answer.code < 500, answer)
            return
        self.assertLess(answer.code, 400)
        self.assertEqual(self.harness.value(await self._perform(self.harness.read)), body)

    async def test_large_body(self) -> None:
        """A large answer arrives, whole or marked as cut."""
        await self._started()
        body = b"x" * (BODY_LIMIT + 1000)
        written = await self._perform(self.harness.write(body))
        if written.code >= 400:
            self.assertLess(written.code, 500)
            return
        answer = await self._perform(self.harness.read)
        self.assertEqual(answer.code, 200)
        self.assertEqual(answer.truncated, len(answer.body) < (answer.full_length or len(answer.body)))

    async def test_describe(self) -> None:
        """A description is a JSON object with a kind and a version, and whole numbers of nodes."""
        await self._started()
        describing = self.shim.describe()
        self.harness.settle()
        description = await describing
        json.dumps(description)
        for key in ("kind", "version"):
            self.assertIsInstance(description.get(key, ""), str)
        self.assertIsInstance(description.get("nodes", 0), int)
        for key in ("capacity", "allocatable"):
            self.assertIsInstance(description.get(key, {}), dict)


def make_shim_tests(make_harness: Callable[[TestCase], ShimHarness], bare: bool = False) -> Any:
    """The contract as a test case class to inherit from.

    :param make_harness: called with the running test case before each test.
    :param bare: without the guard, for shims that keep the whole contract by themselves.
    """

    return type(
        "ShimContractTests",
        (ShimContract,),
        {"make_harness": staticmethod(make_harness), "bare": bare, "__doc__": "A shim keeps its contract."},
    )
