"""Which tests prove which implementation of which contract. Every implementation in the package has its line here."""

from __future__ import annotations

from attrs import field, frozen


@frozen
class Contract:
    """One interface of ``ote_twisted.interfaces``.

    :ivar factory: dotted name of the function that makes the contract's tests; empty where there is one implementation only and
        the tests of that one are the contract's.
    :ivar proven: implementation's dotted name to the tests that prove it: classes made by the factory, or a module of tests.
    :ivar gaps: implementations that are not run through the factory yet; their own tests are all there is.
    """

    interface: str
    factory: str = ""
    proven: dict[str, tuple[str, ...]] = field(factory=dict)
    gaps: tuple[str, ...] = ()


_STORES = "tests.storage.test_contracts"
_JOURNALS = "tests.storage.test_journals"
_SHIMS = "tests.shim.test_contract"
_LINKS = "tests.tunnel.test_link"
_CONTROLLER = "tests.controller"
_SIMULATION = "tests.testing.simulation.test_simulation"
_MAKE = "ote_twisted.testing.contracts"

CONTRACTS = (
    Contract(
        "IObjectStore",
        f"{_MAKE}.store.make_object_store_tests",
        {
            "ote_twisted.storage.memory.MemoryObjectStore": (f"{_STORES}.MemoryObjectStoreTests",),
            "ote_twisted.storage.sqlite.objects.SQLiteObjectStore": (
                f"{_STORES}.SQLiteObjectStoreTests",
                f"{_STORES}.ThreadedObjectStoreTests",
            ),
        },
    ),
    Contract(
        "ITaskLedger",
        f"{_MAKE}.ledger.make_task_ledger_tests",
        {
            "ote_twisted.storage.ledger_memory.MemoryTaskLedger": (f"{_STORES}.MemoryTaskLedgerTests",),
            "ote_twisted.storage.ledger_sqlite.SQLiteTaskLedger": (
                f"{_STORES}.SQLiteTaskLedgerTests",
                f"{_STORES}.ThreadedTaskLedgerTests",
            ),
        },
    ),
    Contract(
        "IDeliveryJournal",
        f"{_MAKE}.journal.make_journal_tests",
        {
            "ote_twisted.storage.journal_memory.MemoryDeliveryJournal": (f"{_JOURNALS}.MemoryDeliveryJournalTests",),
            "ote_twisted.storage.journal_sqlite.SQLiteDeliveryJournal": (
                f"{_JOURNALS}.SQLiteDeliveryJournalTests",
                f"{_JOURNALS}.ThreadedDeliveryJournalTests",
            ),
        },
    ),
    Contract(
        "IKeptState",
        f"{_MAKE}.journal.make_kept_state_tests",
        {
            "ote_twisted.storage.journal_memory.MemoryKeptState": (f"{_JOURNALS}.MemoryKeptStateTests",),
            "ote_twisted.storage.journal_sqlite.SQLiteKeptState": (f"{_JOURNALS}.SQLiteKeptStateTests",),
        },
    ),
    Contract(
        "IRepeatableShim",
        proven={
            "ote_twisted.shim.embedded.EmbeddedShim": ("tests.shim.test_repeating",),
            "ote_twisted.shim.guard.GuardedShim": ("tests.shim.test_repeating",),
            "ote_twisted.testing.shim.MemoryShim": ("tests.shim.test_repeating",),
            "ote_twisted.testing.simulation.ground.GroundShim": (_SIMULATION,),
        },
    ),
    Contract("IQueueingShim", proven={"ote_twisted.shim.guard.GuardedShim": ("tests.shim.test_turns",)}),
    Contract("IWatch", proven={"ote_twisted.storage.feed.Watch": (_STORES,)}),
    Contract(
        "IClusterShim",
        f"{_MAKE}.shim.make_shim_tests",
        {
            "ote_twisted.testing.shim.MemoryShim": (f"{_SHIMS}.GuardedMemoryShimTests",),
            "ote_twisted.shim.embedded.EmbeddedShim": (f"{_SHIMS}.GuardedEmbeddedShimTests",),
            "ote_twisted.shim.remote.RemoteShim": (f"{_SHIMS}.RemoteShimTests", f"{_SHIMS}.GuardedRemoteShimTests"),
            "ote_twisted.shim.guard.GuardedShim": (f"{_SHIMS}.GuardedMemoryShimTests", f"{_SHIMS}.GuardedRemoteShimTests"),
        },
        gaps=("ote_twisted.testing.simulation.ground.GroundShim",),
    ),
    Contract(
        "IShimHost",
        proven={
            "ote_twisted.controller.service.ClusterController": ("tests.controller.test_upward",),
            "ote_twisted.shim.served.ServedCluster": ("tests.shim.test_remote",),
            "ote_twisted.testing.shim.MemoryHost": ("tests.shim.test_contract",),
        },
    ),
    Contract(
        "ILink",
        f"{_MAKE}.link.make_link_tests",
        {
            "ote_twisted.tunnel.link.Link": (
                f"{_LINKS}.CloudV1LinkContractTests",
                f"{_LINKS}.EdgeV1LinkContractTests",
                f"{_LINKS}.CloudV2LinkContractTests",
                f"{_LINKS}.EdgeV2LinkContractTests",
            ),
            "ote_twisted.testing.simulation.links.SimulatedLink": (
                "tests.testing.simulation.test_links.ChildEndContractTests",
                "tests.testing.simulation.test_links.ParentEndContractTests",
            ),
            "ote_twisted.testing.links.MemoryLink": ("tests.testing.test_links.MemoryLinkContractTests",),
        },
    ),
    Contract(
        "ILinkSink",
        proven={
            "ote_twisted.controller.service.ClusterController": ("tests.controller.test_routes", "tests.controller.test_upward"),
            "ote_twisted.failover.service.Failover": ("tests.failover.test_service",),
            "ote_twisted.testing.recording.RecordingSink": ("tests.tunnel.test_cloud",),
        },
    ),
    Contract(
        "IParentDialler",
        proven={
            "ote_twisted.tunnel.edge.EdgeDialler": ("tests.tunnel.test_edge",),
            "ote_twisted.testing.simulation.dialling.SimulatedDialler": ("tests.testing.simulation.test_links",),
        },
    ),
    Contract(
        "IParentUser",
        proven={
            "ote_twisted.controller.membership.Membership": ("tests.controller.test_membership",),
            "ote_twisted.testing.recording.RecordingSink": ("tests.failover.test_service",),
        },
    ),
    Contract("IParentObserver", proven={"ote_twisted.failover.service.Failover": ("tests.failover.test_service",)}),
    Contract(
        "ITaskCarrier",
        f"{_MAKE}.carrier.make_task_carrier_tests",
        {
            "ote_twisted.testing.carrier.RecordingCarrier": ("tests.tasks.test_contracts.RecordingCarrierTests",),
            "ote_twisted.controller.service.ClusterController": (f"{_CONTROLLER}.test_contracts.ClusterControllerCarrierTests",),
        },
    ),
    Contract("ITaskOwner", proven={"ote_twisted.tasks.owner.TaskOwner": ("tests.tasks.test_owner",)}),
    Contract(
        "IEventRecorder",
        f"{_MAKE}.events.make_event_recorder_tests",
        {
            "ote_twisted.events.recorder.EventRecorder": ("tests.events.test_contracts.EventRecorderContractTests",),
            "ote_twisted.testing.events.MemoryEventRecorder": ("tests.events.test_contracts.MemoryEventRecorderContractTests",),
        },
        gaps=("ote_twisted.testing.simulation.node.EventCounter",),
    ),
    Contract("IApiServer", proven={"ote_twisted.api.engine.ApiEngine": ("tests.shim.test_embedded",)}),
    Contract(
        "IVirtualResource",
        proven={
            "ote_twisted.controller.reviews.SelectionReviews": ("tests.controller.test_directory",),
            "ote_twisted.controller.reviews.ControllerStatuses": ("tests.controller.test_directory",),
        },
    ),
)
