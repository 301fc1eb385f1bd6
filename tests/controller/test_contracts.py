"""A controller is a carrier of tasks like any other."""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from ote_twisted.controller.chronicle import Chronicle
from ote_twisted.controller.service import ClusterController
from ote_twisted.controller.settings import ControllerSettings
from ote_twisted.storage.journal_memory import MemoryKeptState
from ote_twisted.storage.memory import MemoryObjectStore
from ote_twisted.testing.contracts.carrier import CarrierUnderTest, make_task_carrier_tests
from ote_twisted.testing.events import MemoryEventRecorder
from ote_twisted.testing.links import MemoryLink
from ote_twisted.wire import clustermessage_pb2 as pb
from ote_twisted.wire.notices import decode_received
from tests.controller.building import announcement, entry


def root_without_cluster(case: SynchronousTestCase) -> CarrierUnderTest:
    """A root with ``shim none`` whose children are links in memory."""
    clock = Clock()
    own = entry("root", performs=False)
    store = MemoryObjectStore(clock)
    settings, chronicle = ControllerSettings(True), Chronicle(MemoryEventRecorder())
    controller = ClusterController(own, None, store, clock, clock.seconds, lambda: "uid", settings, chronicle, MemoryKeptState())
    controller.startService()
    case.addCleanup(controller.stopService)
    links: dict[str, MemoryLink] = {}

    def join(name: str, labels: dict[str, str]) -> None:
        links[name] = MemoryLink(name, controller).open()
        links[name].receive(announcement(name, [entry(name, "root", labels=labels)]))

    def arrived(command: int) -> list[tuple[str, str]]:
        return [
            (message.Head.Uid, name)
            for name, link in links.items()
            for message in _everything(link)
            if message.Head.Command == command
        ]

    def confirmed() -> list[tuple[str, str]]:
        clock.advance(1)
        bodies = [(message, name) for name, link in links.items() for message in _everything(link)]
        received = [(message, name) for message, name in bodies if message.Head.Command == pb.Received]
        return [(uid, name) for message, name in received for uid in decode_received(message.Body)]

    return CarrierUnderTest(
        controller,
        join,
        lambda name: links[name].end("gone"),
        lambda: arrived(pb.ControlReq),
        lambda: arrived(pb.Cancel),
        confirmed,
    )


def _everything(link: MemoryLink) -> list[pb.ClusterMessage]:
    return [pb.ClusterMessage.FromString(raw) for raw in link.sent]


class ClusterControllerCarrierTests(make_task_carrier_tests(root_without_cluster)):  # type: ignore[misc]
    """A root and its children keep the contract of carriers."""
