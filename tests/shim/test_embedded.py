"""The embedded shim, what it tells of its cluster, and sums over nodes."""

from __future__ import annotations

import json
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import Deferred, succeed
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from ote_twisted.api.model import ApiRequest, ApiResponse
from ote_twisted.interfaces import IApiServer
from ote_twisted.shim.capacity import node_totals, quantity, written
from ote_twisted.shim.describe import describe_by_api
from ote_twisted.shim.embedded import EmbeddedShim
from ote_twisted.storage.model import JSON
from ote_twisted.tasks.model import Answer, Task


def node(ready: str = "True", unschedulable: bool = False, **amounts: str) -> dict[str, object]:
    """A Node object as far as it matters."""
    return {
        "spec": {"unschedulable": unschedulable},
        "status": {"conditions": [{"type": "Ready", "status": ready}], "capacity": amounts, "allocatable": amounts},
    }


@implementer(IApiServer)
class Pages:
    """An API server with fixed answers; every call is kept."""

    def __init__(self, **pages: object) -> None:
        self.pages = {"/" + name.replace("_", "/"): json.dumps(page).encode() for name, page in pages.items()}
        self.calls: list[ApiRequest] = []

    def handle(self, request: ApiRequest) -> Deferred[ApiResponse]:
        """A page, or 404."""
        self.calls.append(request)
        body = self.pages.get(request.uri)
        return succeed(ApiResponse(404, b"no") if body is None else ApiResponse(200, body))

    def stored(self, resource: str) -> Deferred[list[JSON] | None]:
        """The items of a list that is a page."""
        page = self.pages.get(f"/api/v1/{resource}")
        return succeed(None if page is None else json.loads(page)["items"])


class EmbeddedShimTests(SynchronousTestCase):
    """Tasks become calls of the API engine."""

    def test_call_has_the_tasks_parts(self):
        """Method, URI with query, body and the media type of the body reach the engine; its answer comes back (T62, T63)."""
        pages = Pages(api_v1_nodes=[1])
        answer = self.successResultOf(EmbeddedShim(pages).perform(Task("api", "PATCH", "/api/v1/nodes", b"{}")))
        call = pages.calls[0]
        self.assertEqual((call.method, call.uri, call.body), ("PATCH", "/api/v1/nodes", b"{}"))
        self.assertEqual(call.headers["content-type"], "application/merge-patch+json")
        self.assertEqual(answer, Answer(200, b"[1]"))

    def test_engine_is_not_asked_for_others(self):
        """Another destination is 404, another method 405, and the engine hears of neither (T52, F58)."""
        pages = Pages()
        shim = EmbeddedShim(pages)
        self.assertEqual(self.successResultOf(shim.perform(Task("helm", "GET", "/"))).code, 404)
        self.assertEqual(self.successResultOf(shim.perform(Task("api", "TRACE", "/"))).code, 405)
        self.assertEqual(pages.calls, [])

    def test_description(self):
        """The embedded cluster tells its kind, version, and the sums over its nodes."""
        pages = Pages(api_v1_nodes={"items": [node(cpu="2"), node(cpu="500m")]})
        self.assertEqual(
            self.successResultOf(EmbeddedShim(pages, "9").describe()),
            {"kind": "embedded", "version": "9", "nodes": 2}
            | {"nodesReady": 2, "capacity": {"cpu": "2500m"}, "allocatable": {"cpu": "2500m"}},
        )

    def test_description_without_nodes(self):
        """A cluster that serves no nodes tells its kind and version only; one that has none yet says so."""
        self.assertEqual(self.successResultOf(EmbeddedShim(Pages(), "9").describe()), {"kind": "embedded", "version": "9"})
        empty = self.successResultOf(EmbeddedShim(Pages(api_v1_nodes={"items": []}), "9").describe())
        self.assertEqual(empty, {"kind": "embedded", "version": "9"} | node_totals([]))

    def test_description_takes_no_calls(self):
        """The engine is asked for the nodes themselves, so that a site at rest gets no API call."""
        pages = Pages(api_v1_nodes={"items": [node(cpu="2")]})
        self.successResultOf(EmbeddedShim(pages).describe())
        self.assertEqual(pages.calls, [])


class DescribeByApiTests(SynchronousTestCase):
    """A cluster that is asked by its API."""

    def describe(self, **pages: object) -> object:
        """The description of a cluster with these answers."""
        shim = EmbeddedShim(Pages(**pages))
        return self.successResultOf(Deferred.fromCoroutine(describe_by_api(shim.perform)))

    def test_kubernetes_and_k3s(self):
        """k3s is told by its version."""
        self.assertEqual(self.describe(version={"gitVersion": "v1.30.1"}), {"kind": "kubernetes", "version": "v1.30.1"})
        self.assertEqual(self.describe(version={"gitVersion": "v1.30.1+k3s1"}), {"kind": "k3s", "version": "v1.30.1+k3s1"})

    def test_nonsense_is_absent(self):
        """Answers that make no sense leave the description without that part."""
        self.assertEqual(self.describe(version=[], api_v1_nodes={"items": 5}), {})
        self.assertEqual(self.describe(version={"gitVersion": 5}), {})


class CapacityTests(SynchronousTestCase):
    """Sums over nodes."""

    def test_only_ready_and_schedulable(self):
        """Nodes that are not ready or not schedulable count, but add nothing."""
        totals = node_totals([node(memory="1Gi"), node("False", memory="1Gi"), node(unschedulable=True, memory="1Gi")])
        self.assertEqual((totals["nodes"], totals["capacity"]), (3, {"memory": str(2**30)}))

    def test_quantities(self):
        """Quantities are read in all their forms; what is none is 0."""
        for text, number in {
            "2": "2",
            "100m": "0.1",
            "1Ki": "1024",
            "1.5k": "1500",
            "2E": "2e18",
            "1e3": "1000",
            "5n": "5e-9",
            "": "0",
            "Ki": "0",
            "NaN": "0",
            "Infinity": "0",
            "1e999999": "0",
            "x": "0",
        }.items():
            self.assertEqual(quantity(text), Decimal(number), text)

    def test_written(self):
        """Whole numbers stay whole, parts are thousandths rounded up."""
        self.assertEqual([written(Decimal(text)) for text in ("3", "0.5", "0.0001")], ["3", "500m", "1m"])

    @given(
        st.recursive(
            st.none() | st.text() | st.integers(),
            lambda inner: (
                st.lists(inner)
                | st.dictionaries(
                    st.sampled_from(["spec", "status", "conditions", "capacity", "type", "cpu", "unschedulable"]), inner
                )
            ),
            max_leaves=20,
        )
    )
    def test_any_json(self, value):
        """Whatever a cluster calls its nodes, there is a sum."""
        self.assertEqual(node_totals([value])["nodes"], 1)
