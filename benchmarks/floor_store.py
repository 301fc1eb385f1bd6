"""The floor of B6: bare SQLite and no product code, the same rows and the same JSON, so many writes per transaction."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from time import perf_counter
from typing import Any

import orjson

SCHEMA = """
PRAGMA journal_mode = WAL;
PRAGMA synchronous = FULL;
PRAGMA wal_autocheckpoint = 1000;
CREATE TABLE objects (
    id INTEGER PRIMARY KEY, resource TEXT, namespace TEXT, name TEXT, version INTEGER, created INTEGER, labels BLOB, value BLOB
);
CREATE UNIQUE INDEX objects_by_key ON objects (resource, namespace, name);
CREATE TABLE log (version INTEGER PRIMARY KEY, object INTEGER);
"""
OBJECT = "INSERT INTO objects (resource, namespace, name, version, created, labels, value) VALUES (?, ?, ?, ?, ?, ?, ?)"
LOG = "INSERT INTO log (version, object) VALUES (?, ?)"
FILLING = {"text": "x" * 800}


def config_map(name: str, version: int | None = None) -> dict[str, Any]:
    """An object of about 944 bytes."""
    metadata = {"name": name, "namespace": "default"}
    if version is not None:
        metadata["resourceVersion"] = str(version)
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": FILLING}


def writes_per_second(path: Path, group: int, seconds: float) -> float:
    """Create objects in transactions of ``group`` for so long."""
    db = sqlite3.connect(path, isolation_level=None)
    db.executescript(SCHEMA)
    version, start = 0, perf_counter()
    while perf_counter() < start + seconds:
        db.execute("BEGIN IMMEDIATE")
        for _ in range(group):
            version += 1
            name = f"m{version}"
            value = orjson.dumps(config_map(name, version))
            number = db.execute(OBJECT, ("configmaps", "default", name, version, version, None, value)).lastrowid
            db.execute(LOG, (version, number))
        db.execute("COMMIT")
    rate = version / (perf_counter() - start)
    db.close()
    return rate
