//! The sandbox's log, `gateway.db`.

/// `entry` is append-only and holds what was done or declined, in order; `repeat` marks a line that only says again what
/// an earlier one says. What an operation acts on is found through its order: ids of orders grow with time, so their index
/// grows at its end, where an index over references (hashes) would touch a page an entry. `fence` holds keys that
/// may never act, `fault` how often an operation on an authorization failed on purpose, `told` up to which entry all have
/// been told of. `identity` is made with the file, and a copy of the file has it too.
pub(super) const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS entry (
    sequence      INTEGER PRIMARY KEY AUTOINCREMENT,
    key           BLOB NOT NULL CHECK (length(key) = 32),
    repeat        INTEGER NOT NULL CHECK (repeat IN (0, 1)),
    order_id      TEXT NOT NULL,
    operation     TEXT NOT NULL CHECK (operation IN ('AUTHORIZE', 'CAPTURE', 'VOID', 'REFUND')),
    authorization TEXT,
    reference     TEXT,
    declined      TEXT,
    amount        INTEGER NOT NULL,
    currency      TEXT NOT NULL,
    fingerprint   TEXT NOT NULL,
    behaviour     TEXT,
    token_hash    TEXT,
    at            INTEGER NOT NULL,
    CHECK ((reference IS NULL) <> (declined IS NULL)),
    CHECK ((operation = 'AUTHORIZE') = (behaviour IS NOT NULL)),
    CHECK ((behaviour IS NULL) = (token_hash IS NULL))
) STRICT;
CREATE UNIQUE INDEX IF NOT EXISTS entry_by_key ON entry (key) WHERE repeat = 0;
CREATE INDEX IF NOT EXISTS entry_by_order ON entry (order_id) WHERE repeat = 0;
CREATE UNIQUE INDEX IF NOT EXISTS entry_one_capture ON entry (order_id, authorization)
    WHERE repeat = 0 AND operation = 'CAPTURE' AND declined IS NULL;
CREATE UNIQUE INDEX IF NOT EXISTS entry_one_void ON entry (order_id, authorization)
    WHERE repeat = 0 AND operation = 'VOID' AND declined IS NULL;
CREATE TABLE IF NOT EXISTS fence (
    key BLOB PRIMARY KEY CHECK (length(key) = 32),
    at  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS told (
    one      INTEGER PRIMARY KEY CHECK (one = 1),
    sequence INTEGER NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS fault (
    authorization TEXT PRIMARY KEY,
    times         INTEGER NOT NULL CHECK (times > 0)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS identity (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    id  TEXT NOT NULL
) STRICT;
INSERT OR IGNORE INTO identity VALUES (1, lower(hex(randomblob(16))));
";

/// "tmgw": marks the file as a sandbox's log. Writing it again changes nothing.
pub(super) const APPLICATION_ID: &str = "PRAGMA application_id = 0x746D6777";
