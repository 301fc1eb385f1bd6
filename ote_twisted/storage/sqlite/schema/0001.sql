CREATE TABLE objects (
    id INTEGER PRIMARY KEY,
    resource TEXT NOT NULL,
    namespace TEXT NOT NULL,
    name TEXT NOT NULL,
    version INTEGER NOT NULL,
    created INTEGER NOT NULL,
    labels BLOB,
    value BLOB NOT NULL
);
CREATE UNIQUE INDEX objects_by_key ON objects (resource, namespace, name);

CREATE TABLE labels (
    resource TEXT NOT NULL,
    label TEXT NOT NULL,
    value TEXT NOT NULL,
    object INTEGER NOT NULL,
    PRIMARY KEY (resource, label, value, object)
) WITHOUT ROWID;

-- One row per version. Only a deletion keeps its object here: everything else is joined from objects.
CREATE TABLE log (
    version INTEGER PRIMARY KEY,
    object INTEGER NOT NULL,
    resource TEXT,
    namespace TEXT,
    name TEXT,
    labels BLOB,
    value BLOB
);

CREATE TABLE generations (
    id INTEGER PRIMARY KEY,
    uid TEXT NOT NULL UNIQUE,
    pending INTEGER NOT NULL DEFAULT 0,
    sent INTEGER NOT NULL DEFAULT 0,
    done INTEGER NOT NULL DEFAULT 0,
    failed INTEGER NOT NULL DEFAULT 0,
    expired INTEGER NOT NULL DEFAULT 0
);

-- state: 0 pending, 1 sent, 2 done, 3 failed, 4 expired; from 2 on it is final.
CREATE TABLE books (
    generation INTEGER NOT NULL,
    cluster TEXT NOT NULL,
    state INTEGER NOT NULL,
    code INTEGER,
    body BLOB NOT NULL DEFAULT x'',
    truncated INTEGER NOT NULL DEFAULT 0,
    why TEXT NOT NULL DEFAULT '',
    timestamp INTEGER,
    received REAL,
    PRIMARY KEY (generation, cluster)
) WITHOUT ROWID;
