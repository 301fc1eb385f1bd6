-- Small values that outlive the process, by name.
CREATE TABLE kept (
    name TEXT PRIMARY KEY,
    value BLOB NOT NULL
) WITHOUT ROWID;

-- Tasks that were begun here and must not be performed twice.
CREATE TABLE begun (
    uid TEXT PRIMARY KEY,
    until REAL NOT NULL
) WITHOUT ROWID;

-- Answers of tasks performed here, for repeats; in the order of the ids.
CREATE TABLE performed (
    id INTEGER PRIMARY KEY,
    uid TEXT NOT NULL UNIQUE,
    until REAL NOT NULL,
    code INTEGER NOT NULL,
    body BLOB NOT NULL,
    truncated INTEGER NOT NULL,
    full_length INTEGER NOT NULL,
    unknown INTEGER NOT NULL
);

-- Messages upwards that nobody has confirmed; in the order of the ids.
CREATE TABLE outbox (
    id INTEGER PRIMARY KEY,
    uid TEXT NOT NULL UNIQUE,
    key TEXT NOT NULL,
    until REAL NOT NULL,
    message BLOB NOT NULL
);
CREATE INDEX outbox_by_key ON outbox (key) WHERE key <> '';
