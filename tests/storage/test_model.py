"""Stores against a dictionary, by a machine of random calls."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from ote_twisted.errors import AlreadyExists, Conflict, NotFound
from ote_twisted.interfaces import IObjectStore
from ote_twisted.storage.memory import MemoryObjectStore
from ote_twisted.storage.model import EventType, ResourceVersion, StoredObject, StoreEvent
from ote_twisted.storage.sqlite.opening import SQLiteStorage, open_store
from ote_twisted.testing.contracts.store import CONTRACT_LIMITS, MAPS, config_map, key
from tests.storage.building import new_path, pass_turns

NAMES = st.sampled_from(["a", "b", "c", "d"])
SETTINGS = settings(max_examples=60, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck))


class Follower:
    """What a watch makes of events: the objects as it knows them."""

    def __init__(self, known: dict[str, bytes]) -> None:
        self.known = known
        self.versions: list[int] = []

    def deliver(self, events: Sequence[StoreEvent]) -> None:
        for event in events:
            self.versions.append(event.object.version)
            if event.type is EventType.DELETED:
                self.known.pop(event.object.key.name, None)
            else:
                self.known[event.object.key.name] = event.object.value


def version_and_text(stored: StoredObject) -> tuple[int, str]:
    """What the model keeps of an object, read from its bytes."""
    value = orjson.loads(stored.value)
    return int(value["metadata"]["resourceVersion"]), value["data"]["text"]


class StoreMachine(RuleBasedStateMachine):
    """Creates, updates, deletes, lists, watches; the model is a dictionary of name to (version, text)."""

    store: IObjectStore

    def open(self, clock: Clock) -> None:
        raise NotImplementedError

    @initialize()
    def begin(self) -> None:
        self.clock = Clock()
        self.model: dict[str, tuple[int, str]] = {}
        self.version = 1
        self.followers: list[Follower] = []
        self.history: list[tuple[ResourceVersion, dict[str, bytes]]] = []
        self.open(self.clock)

    def outcome(self, waiting: Deferred[Any]) -> Any:
        found: list[Any] = []
        waiting.addBoth(found.append)
        pass_turns(self.clock)
        return found[0]

    def settled(self, waiting: Deferred[Any], *errors: type[Exception]) -> Any:
        outcome = self.outcome(waiting)
        if errors:
            assert isinstance(outcome, Failure) and outcome.check(*errors), outcome
            return None
        assert not isinstance(outcome, Failure), outcome
        return outcome

    def changed(self, name: str, text: str, version: int) -> None:
        self.version += 1
        assert version == self.version
        self.model[name] = (version, text)

    @rule(name=NAMES, text=st.text(max_size=5))
    def create(self, name: str, text: str) -> None:
        waiting = self.store.create(key(name), config_map(name, text=text))
        if name in self.model:
            self.settled(waiting, AlreadyExists)
        else:
            self.changed(name, text, self.settled(waiting).version)

    @rule(name=NAMES, text=st.text(max_size=5), expected=st.sampled_from(["any", "right", "wrong"]))
    def update(self, name: str, text: str, expected: str) -> None:
        version = self.expectation(name, expected)
        waiting = self.store.update(key(name), config_map(name, text=text), version)
        if name not in self.model:
            self.settled(waiting, NotFound)
        elif expected == "wrong":
            self.settled(waiting, Conflict)
        else:
            self.changed(name, text, self.settled(waiting).version)

    @rule(name=NAMES, expected=st.sampled_from(["any", "right", "wrong"]))
    def delete(self, name: str, expected: str) -> None:
        waiting = self.store.delete(key(name), self.expectation(name, expected))
        if name not in self.model:
            self.settled(waiting, NotFound)
        elif expected == "wrong":
            self.settled(waiting, Conflict)
        else:
            self.changed(name, "", self.settled(waiting).version)
            del self.model[name]

    @rule(names=st.lists(NAMES, max_size=6))
    def creates_of_one_turn(self, names: list[str]) -> None:
        waiting = [self.store.create(key(name), config_map(name, text="turn")) for name in names]
        for name, one in zip(names, waiting, strict=True):
            if name in self.model:
                self.settled(one, AlreadyExists)
            else:
                self.changed(name, "turn", self.settled(one).version)

    @rule()
    def remember_and_follow(self) -> None:
        page = self.settled(self.store.list(MAPS))
        known = {stored.key.name: stored.value for stored in page.items}
        self.history.append((page.version, known))
        self.follow(page.version, known)

    @rule(data=st.data())
    def follow_from_the_past(self, data: st.DataObject) -> None:
        if self.history:
            since, known = data.draw(st.sampled_from(self.history))
            if since >= self.version - CONTRACT_LIMITS.kept_versions:
                self.follow(since, known)

    def follow(self, since: ResourceVersion, known: dict[str, bytes]) -> None:
        follower = Follower(dict(known))
        self.store.watch(MAPS, since, follower.deliver)
        self.followers.append(follower)

    @rule(limit=st.integers(1, 3))
    def list_in_pages(self, limit: int) -> None:
        found, token = [], None
        expected = sorted(self.model)
        while True:
            page = self.settled(self.store.list(MAPS, limit=limit, continue_key=token))
            found += [stored.key.name for stored in page.items]
            token = page.continue_key
            if token is None:
                break
            if len(found) == limit:
                self.create("c", "written meanwhile")
        assert found == expected, (found, expected)

    @invariant()
    def objects_are_the_models(self) -> None:
        if not hasattr(self, "store"):
            return
        pass_turns(self.clock)
        page = self.settled(self.store.list(MAPS))
        assert {stored.key.name: version_and_text(stored) for stored in page.items} == self.model
        assert page.version == self.store.version() == self.version
        for follower in self.followers:
            assert follower.known == {stored.key.name: stored.value for stored in page.items}
            assert follower.versions == sorted(set(follower.versions))

    def expectation(self, name: str, expected: str) -> ResourceVersion | None:
        if expected == "any":
            return None
        version = self.model.get(name, (1, ""))[0]
        return ResourceVersion(version if expected == "right" else version - 1)


class ModelTests(SynchronousTestCase):
    """Both stores behave like a dictionary with versions."""

    def test_memory_store(self) -> None:
        """The memory store agrees with the model after any calls."""

        class Machine(StoreMachine):
            def open(self, clock: Clock) -> None:
                self.store = MemoryObjectStore(clock, CONTRACT_LIMITS)

        run_state_machine_as_test(Machine, settings=SETTINGS)

    def test_sqlite_store(self) -> None:
        """The SQLite store agrees with the model after any calls, restarts among them."""
        case = self

        class Machine(StoreMachine):
            storage: SQLiteStorage

            def open(self, clock: Clock) -> None:
                self.path = new_path(case)
                self.storage = open_store(self.path, clock, limits=CONTRACT_LIMITS)
                self.store = self.storage.objects

            @rule()
            def restart(self) -> None:
                case.successResultOf(self.storage.stopService())
                self.followers.clear()
                self.storage = open_store(self.path, self.clock, limits=CONTRACT_LIMITS)
                self.store = self.storage.objects

            def teardown(self) -> None:
                if hasattr(self, "storage"):
                    case.successResultOf(self.storage.stopService())
                    assert self.clock.getDelayedCalls() == []

        run_state_machine_as_test(Machine, settings=SETTINGS)
