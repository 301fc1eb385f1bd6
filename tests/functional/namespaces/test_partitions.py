"""What a tree does when its network loses, cuts and slows down."""

from __future__ import annotations

import json
import signal
import time
from functools import partial
from typing import Any

from tests.functional.controller_processes import TREE, until
from tests.functional.namespaces.machines import FOUND, PING, Machine, MachinesTestCase

OUTAGE = 120.0
"""Seconds that a region, or a site, is on its own: sixty times as long as a better parent has to be good."""

MAPS = "/api/v1/namespaces/default/configmaps"


def made_by(task: str) -> str:
    """Body of a task that makes an object of its own each time it is performed."""
    return json.dumps({"metadata": {"generateName": f"{task}-", "labels": {"task": task}}})


class PartitionTestCase(MachinesTestCase):
    """Root, two regions, a site below north."""

    def setUp(self) -> None:
        super().setUp()
        self.root = self.machine("root")
        self.north = self.machine("north", "root")
        self.south = self.machine("south", "root")
        self.site = self.machine("site", "north")
        self.root.online("north", "south", "site")

    def state(self, at: Machine, name: str) -> str:
        """What a controller says of a cluster."""
        return at.clusters().get(name, "")

    def effects(self, at: Machine) -> list[str]:
        """The tasks that made an object at a cluster, each as often as it did, in the order of the objects' making."""
        items = at.get(MAPS)["items"]
        found = [item for item in items if "task" in (item["metadata"].get("labels") or {})]
        found.sort(key=lambda item: int(item["metadata"]["resourceVersion"]))
        return [item["metadata"]["labels"]["task"] for item in found]

    def make(self, at: Machine, name: str, selector: str) -> None:
        """Write a task whose every performance shows."""
        at.submit(name, selector, "POST", MAPS, made_by(name))

    def work_alone(self, at: Machine, prefix: str, cluster: str) -> list[str]:
        """Have a cluster perform a task a second for as long as an outage lasts; gives the tasks."""
        began, tasks = time.monotonic(), list[str]()
        while (elapsed := time.monotonic() - began) < OUTAGE:
            if elapsed >= len(tasks):
                tasks.append(f"{prefix}-{len(tasks)}")
                self.make(at, tasks[-1], cluster)
                self.answered(at, tasks[-1], cluster)
            until(lambda: time.monotonic() - began >= len(tasks), "the next second")
        return tasks

    def answered(self, at: Machine, name: str, *clusters: str) -> None:
        """Wait until these have answered a task with success."""
        wanted = dict.fromkeys(clusters, 201)
        until(lambda: at.answers(name) == wanted, f"answers {wanted} to {name}; {at.get(f'{TREE}/clustercontrollers/{name}')}")


class SilenceTests(PartitionTestCase):
    """Links that say nothing any more."""

    def found(self, at: Machine, name: str, since: float) -> None:
        """A cluster is found to be gone, in time."""
        until(lambda: self.state(at, name) == "offline", f"{name} offline at {at.name}")
        self.assertLess(time.monotonic() - since, FOUND)

    def test_silent_drop(self) -> None:
        """A region whose every word is lost is found by pings on both sides; when it is heard again it is back."""
        self.lab.part(["north"])
        began = time.monotonic()
        self.found(self.root, "north", began)
        self.found(self.north, "site", began)
        self.lab.heal()
        self.root.online("north", "south", "site")
        self.make(self.root, "after", "site")
        self.answered(self.root, "after", "site")

    def test_wire_pulled(self) -> None:
        """The same where the wire is pulled, and plugged in again."""
        self.lab.pull("north")
        self.found(self.root, "north", time.monotonic())
        self.lab.plug("north")
        self.root.online("north", "south", "site")

    def test_one_way(self) -> None:
        """Loss in one direction alone, whichever, is found too: neither side goes on with half a link."""
        for source, target in (("site", "north"), ("north", "site")):
            self.lab.part(["site"], ["root", "south"])
            self.lab.lose(source, target)
            self.found(self.north, "site", time.monotonic())
            until(lambda: "ParentLost" in json.dumps(self.events(self.site)), "the site knows it")
            self.lab.heal()
            self.root.online("north", "south", "site")

    def events(self, at: Machine) -> Any:
        """Events of a controller."""
        return at.get("/api/v1/namespaces/kube-system/events")

    def test_half_open(self) -> None:
        """A site that died where nobody could hear it and started again takes the place of its half-open session at once."""
        self.lab.part(["site"])
        self.site.end(signal.SIGKILL)
        self.lab.heal()
        self.site.start()
        self.make(self.root, "again", "site")
        self.answered(self.root, "again", "site")
        self.root.online("north", "south", "site")

    def has_answer(self, name: str) -> bool:
        """Whether the site's answer to a task is at the root."""
        return self.root.answers(name) == {"site": 200}

    def test_narrow_way(self) -> None:
        """Where the way is narrow large answers take their time, and no link is taken for dead."""
        for name in ("root", "north", "site"):
            self.lab.throttle(name, "2mbit")
        value = {"metadata": {"name": "large"}, "data": {"text": "x" * 300_000}}
        self.assertEqual(self.site.ask("POST", MAPS, value)[0], 201)
        for number in range(8):
            self.root.submit(f"t{number}", "site", "GET", f"{MAPS}/large")
        for number in range(8):
            until(partial(self.has_answer, f"t{number}"), f"answer {number}")
        self.assertNotIn("ParentLost", json.dumps(self.events(self.site)))
        self.assertNotIn("ChildLost", json.dumps(self.events(self.root)))


class FailoverTests(PartitionTestCase):
    """Another way to the root, told of no second parent."""

    def told(self, at: Machine, reason: str) -> int:
        """How often a controller tells of something."""
        events = at.get("/api/v1/namespaces/kube-system/events")["items"]
        return sum(event["count"] for event in events if event["reason"] == reason)

    def parent(self) -> str:
        """Below whom the root sees the site online; empty while it is not."""
        status = (self.root.cluster("site") or {}).get("status") or {}
        return status.get("parentName", "") if status.get("status") == "online" else ""

    def test_a_silent_region(self) -> None:
        """The site of a silent region is elsewhere within seconds, and works; when the region is heard again it goes home."""
        self.lab.part(["north"])
        began = time.monotonic()
        until(lambda: self.parent() in ("root", "south"), "the site below another parent")
        seconds = time.monotonic() - began
        print(f"measured: a silent region left for {self.parent()} after {seconds:.1f} s, about {4 * PING:g} s to find it")
        self.make(self.root, "away", "site")
        self.answered(self.root, "away", "site")
        self.lab.heal()
        until(lambda: self.parent() == "north", "the site at home")
        self.root.online("north", "south", "site")
        self.make(self.root, "home", "site")
        self.answered(self.root, "home", "site")
        self.assertEqual(self.effects(self.site), ["away", "home"])
        until(lambda: self.told(self.site, "ReturnedToParent") == 1, "the event of the return")
        self.assertEqual(self.told(self.site, "MovedToParent"), 1)

    def test_a_region_on_its_own_stays_together(self) -> None:
        """Where there is no way to the root for anybody the site stays with its region, through a long outage and afterwards."""
        self.lab.part(["north", "site"])
        until(lambda: self.state(self.root, "north") == "offline", "the root without north")
        tasks = self.work_alone(self.north, "inside", "site")
        self.assertEqual((self.told(self.site, "ParentLost"), self.told(self.site, "MovedToParent")), (0, 0))
        self.lab.heal()
        until(lambda: self.parent() != "", "the site at the root")
        until(lambda: self.parent() == "north", "the site at home")
        self.assertEqual(self.effects(self.site), tasks)

    def test_started_while_its_parent_is_dead(self) -> None:
        """A site that is started while its only configured parent is silent joins one that it had learnt of before."""
        until(lambda: "south" in self.candidates(), "what the site has learnt")
        self.site.end(signal.SIGKILL)
        self.lab.part(["north"])
        self.site.start()
        until(lambda: self.parent() in ("root", "south"), "the site below another parent")

    def candidates(self) -> set[str]:
        """Whom the site knows of."""
        statuses = self.site.get("/apis/ote-twisted.dev/v1alpha1/controllerstatuses")["items"]
        return {each["name"] for each in statuses[0]["status"]["uplink"].get("candidates", ())}


class OutageTests(PartitionTestCase):
    """Parts of the tree that are on their own for a while, and then are not."""

    def test_region_alone(self) -> None:
        """A region on its own keeps its sites and serves them; what was meant for it meanwhile arrives once, in order."""
        self.lab.part(["north", "site"])
        until(lambda: self.state(self.root, "site") == "offline", "the root without the site")
        self.make(self.north, "inside", "site,north")
        self.answered(self.north, "inside", "north", "site")
        for number in range(5):
            self.make(self.root, f"outside-{number}", "site")
        self.assertEqual(self.root.answers("outside-0"), {})
        self.assertEqual(self.state(self.north, "site"), "online")
        self.lab.heal()
        self.root.online("north", "south", "site")
        for number in range(5):
            self.answered(self.root, f"outside-{number}", "site")
        self.assertEqual(self.effects(self.site), ["inside", *(f"outside-{number}" for number in range(5))])

    def test_site_alone(self) -> None:
        """A site on its own for minutes serves its API and its tasks, also through a restart; nothing is done again."""
        for number in range(10):
            self.make(self.root, f"last-{number}", "site")
        self.lab.part(["site"])
        until(lambda: self.state(self.north, "site") == "offline", "north without the site")
        self.make(self.site, "own", "site")
        self.answered(self.site, "own", "site")
        self.site.end(signal.SIGKILL)
        self.site.start()
        until(lambda: self.site.answers("own") == {"site": 201}, "the own task after the restart")
        tasks = self.work_alone(self.site, "again", "site")
        self.lab.heal()
        self.root.online("north", "south", "site")
        for number in range(10):
            self.answered(self.root, f"last-{number}", "site")
        effects = self.effects(self.site)
        self.assertEqual(sorted(effects), sorted(["own", *tasks, *(f"last-{number}" for number in range(10))]))

    def test_cold_start_alone(self) -> None:
        """A site that starts where it cannot reach anybody works for itself, and joins when there is a way."""
        fresh = Machine(self.lab, self.folder, "fresh", ("north",))
        self.addCleanup(fresh.end)
        self.lab.part(["fresh"])
        fresh.start()
        until(lambda: fresh.page(MAPS)[0] == 200, "the API of a site that is alone")
        self.make(fresh, "first", "fresh")
        self.answered(fresh, "first", "fresh")
        self.lab.heal()
        self.root.online("north", "south", "site", "fresh")
        self.make(self.root, "second", "fresh")
        self.answered(self.root, "second", "fresh")
        self.assertEqual(self.effects(fresh), ["first", "second"])
