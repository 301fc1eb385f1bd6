"""The embedded store: its file, its failures, its bounds."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from attrs import evolve
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from ote_twisted.errors import CorruptStore, Expired, StoreError, StoreUnavailable
from ote_twisted.storage.limits import Limits
from ote_twisted.storage.model import ResourceVersion, StoreEvent
from ote_twisted.storage.sqlite import files
from ote_twisted.storage.sqlite.opening import SQLiteStorage, open_store
from ote_twisted.tasks.model import TargetState
from ote_twisted.testing.contracts.store import CONTRACT_LIMITS, MAPS, config_map, key, told
from tests.storage.building import new_path, open_here, open_threaded, pass_turns


class _Base(SynchronousTestCase):
    def result(self, clock: Clock, waiting: Deferred[Any]) -> Any:
        pass_turns(clock)
        return self.successResultOf(waiting)

    def create(self, storage: SQLiteStorage, clock: Clock, name: str, **data: Any) -> Any:
        return self.result(clock, storage.objects.create(key(name), config_map(name, **data)))

    def refused(self, clock: Clock, waiting: Deferred[Any], error: type[StoreError]) -> str:
        pass_turns(clock)
        return str(self.failureResultOf(waiting, error).value)


class OpeningTests(_Base):
    """What open_store makes of what it finds."""

    def assertUntouched(self, path: Path, error: type[StoreError], says: str) -> None:
        before = path.read_bytes()
        refusal = self.assertRaises(error, open_store, path, Clock())
        self.assertIn(says, str(refusal))
        self.assertIn(str(path), str(refusal))
        self.assertEqual(path.read_bytes(), before)

    def test_everything_is_there_after_a_restart(self) -> None:
        """Objects, versions, the change log and the books of tasks survive a restart."""
        path, clock = new_path(self), Clock()
        storage = open_store(path, clock)
        self.create(storage, clock, "a", colour="red")
        self.create(storage, clock, "gone")
        self.result(clock, storage.objects.delete(key("gone"), None))
        self.result(clock, storage.ledger.add("u.1", ["c1"], TargetState.SENT))
        version = storage.objects.version()
        self.successResultOf(storage.stopService())
        again, clock = open_here(self, path)
        self.assertEqual(again.objects.version(), version)
        self.assertIn(b'"red"', self.successResultOf(again.objects.get(key("a"))).value)
        self.assertEqual(self.successResultOf(again.ledger.counts("u.1"))[TargetState.SENT], 1)
        events: list[StoreEvent] = []
        again.objects.watch(MAPS, ResourceVersion(0), events.extend)
        pass_turns(clock)
        self.assertEqual(told(events), [("ADDED", "a", 2), ("DELETED", "gone", 4)])

    def test_page_of_a_list_from_before_a_restart_is_expired(self) -> None:
        """A continue token does not survive a restart."""
        path, clock = new_path(self), Clock()
        storage = open_store(path, clock)
        for name in ("a", "b"):
            self.create(storage, clock, name)
        token = self.successResultOf(storage.objects.list(MAPS, limit=1)).continue_key
        self.successResultOf(storage.stopService())
        again, clock = open_here(self, path)
        self.refused(clock, again.objects.list(MAPS, continue_key=token), Expired)

    def test_file_is_for_its_owner_only(self) -> None:
        """The store may hold secrets: nobody else can read it."""
        path = new_path(self)
        open_here(self, path)
        self.assertEqual([found.name for found in path.parent.iterdir() if found.stat().st_mode & 0o077], [])

    def test_empty_file_becomes_a_store(self) -> None:
        """A file without a byte is like none."""
        path = new_path(self)
        path.touch()
        storage, _ = open_here(self, path)
        self.assertEqual(storage.objects.version(), 1)

    def test_file_that_is_no_database(self) -> None:
        """A file of something else is refused with what to do, and not changed."""
        path = new_path(self)
        for content in (b"#!/bin/sh\n", b"SQLite format 3\x00", os.urandom(8192)):
            path.write_bytes(content)
            self.assertUntouched(path, CorruptStore, "this is no SQLite database. It was not changed. Restore it")

    def test_database_of_another_program(self) -> None:
        """A foreign SQLite database is refused and not changed."""
        path = new_path(self)
        foreign = sqlite3.connect(path)
        foreign.execute("CREATE TABLE objects (id)")
        foreign.close()
        self.assertUntouched(path, CorruptStore, "belongs to another program")

    def test_damaged_database(self) -> None:
        """A store with a damaged page is refused and not changed."""
        path, clock = new_path(self), Clock()
        storage = open_store(path, clock)
        for number in range(50):
            storage.objects.create(key(f"m{number}"), config_map("m", text="x" * 900))
        pass_turns(clock)
        self.successResultOf(storage.stopService())
        whole = path.read_bytes()
        path.write_bytes(whole[:4096] + b"\xff" * 4096 + whole[8192:])
        self.assertUntouched(path, CorruptStore, "the database is damaged")

    def test_truncated_database(self) -> None:
        """A store of which the end is missing is refused and not changed."""
        path = new_path(self)
        self.successResultOf(open_store(path, Clock()).stopService())
        path.write_bytes(path.read_bytes()[:6000])
        self.assertUntouched(path, CorruptStore, "the database is damaged")

    def test_store_of_a_newer_release(self) -> None:
        """A store with a newer schema is refused and not changed."""
        path = new_path(self)
        self.successResultOf(open_store(path, Clock()).stopService())
        newer = sqlite3.connect(path)
        newer.execute("PRAGMA user_version = 99")
        newer.close()
        self.assertUntouched(path, CorruptStore, "of a newer release")

    def test_place_that_does_not_exist(self) -> None:
        """A directory that is not there is a clear error."""
        path = Path(self.mktemp()) / "store.sqlite"
        refusal = self.assertRaises(StoreUnavailable, open_store, path, Clock())
        self.assertIn("cannot be opened: No such file or directory", str(refusal))

    def test_directory_in_place_of_the_file(self) -> None:
        """A directory under the file's name is a clear error."""
        path = new_path(self)
        path.mkdir()
        self.assertIn("Is a directory", str(self.assertRaises(StoreUnavailable, open_store, path, Clock())))

    def test_store_in_use(self) -> None:
        """A store that is open is refused, naming the process that has it; after its end it is free."""
        path = new_path(self)
        storage = open_store(path, Clock())
        refusal = self.assertRaises(StoreUnavailable, open_store, path, Clock())
        self.assertIn(f"in use by process {os.getpid()}", str(refusal))
        self.successResultOf(storage.stopService())
        open_here(self, path)

    def test_refused_file_is_not_locked(self) -> None:
        """After a refusal the file may be replaced and opened."""
        path = new_path(self)
        path.write_bytes(b"nonsense")
        self.assertRaises(CorruptStore, open_store, path, Clock())
        path.unlink()
        open_here(self, path)


NEWEST = len(files.schema_files())


class UpgradeTests(SynchronousTestCase):
    """Numbered schema files."""

    def old_store(self) -> Path:
        path, clock = new_path(self), Clock()
        storage = open_store(path, clock)
        storage.objects.create(key("a"), config_map("a"))
        self.successResultOf(storage.stopService())
        return path

    def rows(self, path: Path, query: str) -> list[Any]:
        db = sqlite3.connect(path)
        self.addCleanup(db.close)
        return db.execute(query).fetchall()

    def test_upgrade_keeps_a_backup(self) -> None:
        """A store is upgraded script by script; what was before is kept beside it, whole."""
        path = self.old_store()
        files.prepare(path, [*files.schema_files(), "CREATE TABLE more (id);", "INSERT INTO more VALUES (7);"])
        self.assertEqual(self.rows(path, "SELECT id FROM more"), [(7,)])
        self.assertEqual(self.rows(path, "PRAGMA user_version"), [(NEWEST + 2,)])
        backup = path.with_name(f"store.sqlite.schema-{NEWEST}.backup")
        self.assertEqual(self.rows(backup, "SELECT name FROM objects"), [("a",)])
        self.assertEqual(self.rows(backup, "PRAGMA user_version"), [(NEWEST,)])
        self.assertEqual(backup.stat().st_mode & 0o077, 0)

    def test_failed_upgrade_changes_nothing(self) -> None:
        """An upgrade that fails leaves the store in the schema it had."""
        path = self.old_store()
        scripts = [*files.schema_files(), "CREATE TABLE more (id); INSERT INTO nothing VALUES (1);"]
        self.assertRaises(StoreError, files.prepare, path, scripts)
        self.assertEqual(self.rows(path, "PRAGMA user_version"), [(NEWEST,)])
        self.assertEqual(self.rows(path, "SELECT name FROM sqlite_master WHERE name = 'more'"), [])

    def test_every_earlier_schema_becomes_the_newest(self) -> None:
        """A store of any earlier release keeps its objects and has all tables of this one afterwards."""
        for number in range(1, NEWEST):
            path = new_path(self)
            files.prepare(path, files.schema_files()[:number])
            db = sqlite3.connect(path)
            db.execute("INSERT INTO generations (uid, done) VALUES ('u.1', 1)")
            db.commit()
            db.close()
            storage, clock = open_here(self, path)
            kept = storage.kept.keep("instance", b"1")
            pass_turns(clock)
            self.successResultOf(kept)
            self.assertEqual(self.successResultOf(storage.ledger.uids()), ["u.1"])
            self.assertEqual(self.successResultOf(storage.journal.load()).outbox, [])
            self.assertTrue(path.with_name(f"store.sqlite.schema-{number}.backup").exists())

    def test_newest_schema_is_left_alone(self) -> None:
        """Without a newer schema nothing is backed up."""
        path = self.old_store()
        open_here(self, path)
        self.assertEqual(list(path.parent.glob("*.backup*")), [])


class FullDiskTests(_Base):
    """The file has reached its bound, which SQLite treats as a full disk."""

    def full(self) -> tuple[SQLiteStorage, Clock]:
        storage, clock = open_here(self, limits=Limits(file_bytes=256 << 10))
        waiting = [storage.objects.create(key(f"m{number:03}"), config_map("m", text="x" * 4000)) for number in range(100)]
        pass_turns(clock)
        for one in waiting:
            one.addErrback(lambda failure: failure.trap(StoreUnavailable))
        return storage, clock

    def test_writes_are_refused(self) -> None:
        """A write without room is StoreUnavailable, says why, and is counted."""
        storage, clock = self.full()
        says = self.refused(clock, storage.objects.create(key("x"), config_map("x", text="x" * 9000)), StoreUnavailable)
        self.assertIn("the disk under the store is full: nothing was written", says)
        self.assertTrue(storage.writer.backlog.failing)
        self.assertGreater(storage.writer.backlog.unavailable, 1)

    def test_reads_go_on(self) -> None:
        """Reads, lists and watches work on, and tell no write that failed."""
        storage, clock = self.full()
        page = self.successResultOf(storage.objects.list(MAPS))
        events: list[StoreEvent] = []
        storage.objects.watch(MAPS, ResourceVersion(1), events.extend)
        pass_turns(clock)
        self.assertTrue(0 < len(page.items) < 100)
        self.assertEqual([event.object.key for event in events], [stored.key for stored in page.items])
        self.assertEqual(storage.objects.version(), page.version)
        self.assertEqual(page.version, 1 + len(page.items))

    def test_room_makes_writes_work_again(self) -> None:
        """When there is room again writes succeed without any help."""
        storage, clock = self.full()
        for number in range(20):
            self.result(clock, storage.ledger.forget("none"))
            self.result(clock, storage.objects.update(key(f"m{number:03}"), config_map("m"), None))
        self.create(storage, clock, "new", text="x" * 4000)
        self.assertFalse(storage.writer.backlog.failing)

    def test_write_that_does_not_fit_spares_its_group(self) -> None:
        """Of one group, the write that is too large fails alone."""
        storage, clock = open_here(self, limits=Limits(file_bytes=256 << 10))
        before = self.successResultOf(storage.objects.list(MAPS)).version
        small = storage.objects.create(key("a"), config_map("a"))
        large = storage.objects.create(key("b"), config_map("b", text="x" * (400 << 10)))
        last = storage.objects.create(key("c"), config_map("c"))
        self.refused(clock, large, StoreUnavailable)
        self.assertEqual([self.successResultOf(one).version for one in (small, last)], [before + 1, before + 2])
        self.assertEqual(storage.commit.retried, 1)

    def test_ledger_is_refused_too(self) -> None:
        """The books of tasks are refused in the same way."""
        storage, clock = self.full()
        names = [f"cluster-{number:060}" for number in range(5_000)]
        self.refused(clock, storage.ledger.add("u.1", names, TargetState.PENDING), StoreUnavailable)
        self.assertEqual(set(self.successResultOf(storage.ledger.counts("u.1")).values()), {0})


class WriterTests(_Base):
    """The queue before the writer."""

    def test_too_many_waiting_writes(self) -> None:
        """Writes beyond the bound are refused at once and counted; those accepted are written."""
        storage, clock = open_here(self, limits=Limits(queued_writes=2))
        waiting = [storage.objects.create(key(name), config_map(name)) for name in ("a", "b", "c")]
        self.assertIn("2 writes are waiting", str(self.failureResultOf(waiting[2], StoreUnavailable).value))
        self.assertEqual(storage.writer.backlog.refused, 1)
        self.assertEqual([self.result(clock, one).key.name for one in waiting[:2]], ["a", "b"])

    def test_stopping_finishes_what_was_accepted(self) -> None:
        """Writes accepted before the stop are durable; those after it are refused."""
        path = new_path(self)
        storage, clock = open_here(self, path)
        accepted = storage.objects.create(key("a"), config_map("a"))
        self.successResultOf(storage.stopService())
        self.successResultOf(accepted)
        for late in (storage.objects.delete(key("a"), None), storage.objects.get(key("a")), storage.objects.list(MAPS)):
            self.assertIn("the store is closed", self.refused(clock, late, StoreUnavailable))
        self.assertRaises(StoreUnavailable, storage.objects.watch, MAPS, ResourceVersion(1), list)
        again, _ = open_here(self, path)
        self.successResultOf(again.objects.get(key("a")))

    def test_stopping_the_thread_finishes_what_was_accepted(self) -> None:
        """The writer thread ends after the last accepted write, and stopping again is harmless."""
        storage, settle = open_threaded(self)
        accepted = [storage.objects.create(key(f"m{number}"), config_map("m")) for number in range(50)]
        stopped = storage.stopService()
        settle()
        self.assertEqual(len([self.successResultOf(one) for one in accepted]), 50)
        self.successResultOf(storage.stopService())
        del stopped

    def test_fault_in_one_write_fails_it_alone(self) -> None:
        """A name that no database can hold costs its own write."""
        storage, clock = open_here(self)
        good = storage.objects.create(key("a"), config_map("a"))
        bad = storage.objects.create(key("\ud800"), config_map("b"))
        self.assertIn("valid Unicode", self.refused(clock, bad, StoreError))
        self.successResultOf(good)
        self.assertIn("valid Unicode", self.refused(clock, storage.objects.get(key("\ud800")), StoreError))

    def test_writes_of_a_turn_share_a_commit(self) -> None:
        """Sixty-four writes of one turn are one transaction."""
        storage, clock = open_here(self)
        for number in range(64):
            storage.objects.create(key(f"m{number}"), config_map("m"))
        pass_turns(clock)
        self.assertEqual((storage.commit.commits, storage.writer.backlog.writes), (1, 64))

    def test_cancelled_write(self) -> None:
        """Giving up on a write's Deferred harms nothing; the write happens."""
        storage, clock = open_here(self)
        waiting = storage.objects.create(key("a"), config_map("a"))
        waiting.addErrback(lambda _: None).cancel()
        pass_turns(clock)
        self.successResultOf(storage.objects.get(key("a")))


class BoundsTests(_Base):
    """What is not kept for ever."""

    def test_paged_list_that_takes_too_long(self) -> None:
        """A paged list is held for its time, then the next page is Expired and counted."""
        storage, clock = open_here(self)
        for name in ("a", "b", "c"):
            self.create(storage, clock, name)
        token = self.successResultOf(storage.objects.list(MAPS, limit=1)).continue_key
        clock.advance(CONTRACT_LIMITS.snapshot_seconds - 1)
        self.assertEqual(len(self.successResultOf(storage.objects.list(MAPS, continue_key=token)).items), 2)
        clock.advance(1)
        self.refused(clock, storage.objects.list(MAPS, continue_key=token), Expired)
        self.assertEqual((storage.objects.readers.expired, storage.objects.readers.held), (1, 0))

    def test_too_many_paged_lists(self) -> None:
        """One paged list too many expires the oldest."""
        storage, clock = open_here(self)
        self.create(storage, clock, "a")
        tokens = []
        for number in range(CONTRACT_LIMITS.snapshots + 1):
            self.create(storage, clock, f"m{number}")
            tokens.append(self.successResultOf(storage.objects.list(MAPS, limit=1)).continue_key)
        self.refused(clock, storage.objects.list(MAPS, continue_key=tokens[0]), Expired)
        self.successResultOf(storage.objects.list(MAPS, continue_key=tokens[1]))

    def test_log_is_trimmed(self) -> None:
        """The change log stays near its bound however much is written."""
        path = new_path(self)
        storage, clock = open_here(self, path)
        self.create(storage, clock, "a")
        for _ in range(5 * CONTRACT_LIMITS.kept_versions):
            self.result(clock, storage.objects.update(key("a"), config_map("a"), None))
        db = sqlite3.connect(path)
        self.addCleanup(db.close)
        (rows,) = db.execute("SELECT count(*) FROM log").fetchone()
        self.assertTrue(CONTRACT_LIMITS.kept_versions <= rows <= 1.1 * CONTRACT_LIMITS.kept_versions)

    def test_long_replay_comes_in_slices(self) -> None:
        """A watch far behind is brought forward in slices, so that the reactor is not held; it misses nothing meanwhile."""
        storage, clock = open_here(self, limits=evolve(CONTRACT_LIMITS, kept_versions=5_000))
        for number in range(1_300):
            storage.objects.create(key(f"m{number:04}"), config_map("m"))
        pass_turns(clock)
        batches: list[list[str]] = []
        storage.objects.watch(MAPS, ResourceVersion(1), lambda events: batches.append([e.object.key.name for e in events]))
        storage.objects.create(key("n"), config_map("n"))
        storage.objects.update(key("m0000"), config_map("m"), None)
        pass_turns(clock)
        self.assertEqual([len(batch) for batch in batches], [500, 500, 300, 2])
        names = [f"m{number:04}" for number in range(1_300)]
        self.assertEqual([name for batch in batches for name in batch], [*names, "n", "m0000"])
        self.assertEqual(storage.objects.feed.replayed, 1)

    def test_watch_stopped_in_its_replay(self) -> None:
        """A watch stopped between two slices gets no more, and lets go of the file."""
        storage, clock = open_here(self, limits=evolve(CONTRACT_LIMITS, kept_versions=5_000))
        for number in range(1_300):
            storage.objects.create(key(f"m{number:04}"), config_map("m"))
        pass_turns(clock)
        events: list[StoreEvent] = []

        def stop_at_once(batch: Sequence[StoreEvent]) -> None:
            events.extend(batch)
            watch.stop()

        watch = storage.objects.watch(MAPS, ResourceVersion(1), stop_at_once)
        pass_turns(clock)
        self.assertEqual(len(events), 500)
        self.assertEqual(storage.objects.feed.watches, 0)

    def test_recent_events_are_bounded_in_bytes(self) -> None:
        """Large objects push old events out of memory; the log still has them."""
        storage, clock = open_here(self, limits=Limits(recent_bytes=100_000))
        for number in range(10):
            self.create(storage, clock, f"m{number}", text="x" * 50_000)
        events: list[StoreEvent] = []
        storage.objects.watch(MAPS, ResourceVersion(1), events.extend)
        pass_turns(clock)
        self.assertEqual((len(events), storage.objects.feed.replayed), (10, 1))
