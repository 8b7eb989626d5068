-- Times are milliseconds since the Unix epoch by the database's clock; money is in minor units.

CREATE TABLE venues (
  venue_id TEXT PRIMARY KEY,
  name     TEXT NOT NULL,
  city     TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE events (
  event_id              TEXT PRIMARY KEY,
  venue_id              TEXT NOT NULL REFERENCES venues,
  name                  TEXT NOT NULL,
  starts_at             INTEGER NOT NULL,
  currency              TEXT NOT NULL,
  sale_state            TEXT NOT NULL CHECK (sale_state IN ('SCHEDULED', 'OPEN', 'PAUSED', 'CLOSED')),
  sale_starts_at        INTEGER,
  waiting_room          INTEGER NOT NULL CHECK (waiting_room IN (0, 1)),
  capacity              INTEGER NOT NULL CHECK (capacity >= 0),
  admissions_per_minute INTEGER NOT NULL CHECK (admissions_per_minute > 0),
  lapse_seconds         INTEGER NOT NULL,
  active_seconds        INTEGER NOT NULL,
  lobby_seconds         INTEGER NOT NULL,
  hold_ttl_seconds      INTEGER NOT NULL,
  seats_per_order       INTEGER NOT NULL,
  seats_per_buyer       INTEGER NOT NULL,
  created_at            INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX events_by_start ON events (starts_at, event_id);
CREATE INDEX events_due ON events (sale_starts_at) WHERE sale_state = 'SCHEDULED';

CREATE TABLE event_performers (
  event_id     TEXT NOT NULL REFERENCES events ON DELETE CASCADE,
  place        INTEGER NOT NULL,
  performer_id TEXT NOT NULL,
  name         TEXT NOT NULL,
  PRIMARY KEY (event_id, place)
) STRICT, WITHOUT ROWID;

CREATE TABLE price_levels (
  event_id TEXT NOT NULL REFERENCES events ON DELETE CASCADE,
  level    INTEGER NOT NULL,
  name     TEXT NOT NULL,
  color    TEXT NOT NULL,
  price    INTEGER NOT NULL CHECK (price >= 0),
  seats    INTEGER NOT NULL,
  PRIMARY KEY (event_id, level)
) STRICT, WITHOUT ROWID;

-- The geometry as it is served, and the clock of seat changes.
CREATE TABLE seat_maps (
  event_id TEXT PRIMARY KEY REFERENCES events ON DELETE CASCADE,
  sections TEXT NOT NULL,
  body     BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE seat_clocks (
  event_id TEXT PRIMARY KEY REFERENCES events ON DELETE CASCADE,
  seq      INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE seats (
  venue_id   TEXT NOT NULL REFERENCES venues,
  seat_index INTEGER NOT NULL,
  seat_id    TEXT NOT NULL,
  section    TEXT NOT NULL,
  row_label  TEXT NOT NULL,
  number     TEXT NOT NULL,
  PRIMARY KEY (venue_id, seat_index)
) STRICT, WITHOUT ROWID;

CREATE TABLE seat_inventory (
  event_id       TEXT NOT NULL REFERENCES events ON DELETE CASCADE,
  seat_index     INTEGER NOT NULL,
  seat_id        TEXT NOT NULL,
  level          INTEGER NOT NULL,
  status         INTEGER NOT NULL DEFAULT 0 CHECK (status BETWEEN 0 AND 4), -- available, held, pinned, sold, blocked
  version        INTEGER NOT NULL DEFAULT 0,                                -- the fence of the last writer
  reserved_until INTEGER,
  order_id       TEXT,
  ticket_id      TEXT,
  PRIMARY KEY (event_id, seat_index),
  CHECK ((status IN (1, 2, 3)) = (order_id IS NOT NULL)),
  CHECK ((status = 1) = (reserved_until IS NOT NULL)),
  CHECK ((status = 3) = (ticket_id IS NOT NULL))
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX seat_inventory_by_seat ON seat_inventory (event_id, seat_id);
CREATE INDEX seat_inventory_by_order ON seat_inventory (order_id) WHERE order_id IS NOT NULL;

CREATE TABLE gates (
  event_id    TEXT PRIMARY KEY REFERENCES events ON DELETE CASCADE,
  next_place  INTEGER NOT NULL,
  credit      INTEGER NOT NULL,
  credited_at INTEGER NOT NULL,
  lobby_seed  BLOB
) STRICT, WITHOUT ROWID;

CREATE TABLE sessions (
  session_id TEXT PRIMARY KEY,
  event_id   TEXT NOT NULL REFERENCES events,
  user_id    TEXT NOT NULL,
  state      TEXT NOT NULL CHECK (state IN ('WAITING', 'ACTIVE', 'ORDERING', 'DONE', 'LEFT', 'ABANDONED', 'EXPIRED')),
  place      INTEGER NOT NULL,
  lobby      INTEGER NOT NULL CHECK (lobby IN (0, 1)),
  joined_at  INTEGER NOT NULL,
  seen_at    INTEGER NOT NULL,
  deadline   INTEGER,
  order_id   TEXT
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX sessions_one_place ON sessions (event_id, user_id) WHERE state IN ('WAITING', 'ACTIVE', 'ORDERING');
CREATE INDEX sessions_in_line ON sessions (event_id, state, place) WHERE state IN ('WAITING', 'ACTIVE', 'ORDERING');
CREATE INDEX sessions_by_sight ON sessions (event_id, seen_at) WHERE state = 'WAITING';

CREATE TABLE session_events (
  session_event_id INTEGER PRIMARY KEY AUTOINCREMENT,
  session_id       TEXT NOT NULL,
  from_state       TEXT,
  to_state         TEXT NOT NULL,
  at               INTEGER NOT NULL
) STRICT;
CREATE INDEX session_events_by_session ON session_events (session_id);

CREATE TABLE orders (
  order_id   TEXT PRIMARY KEY,
  event_id   TEXT NOT NULL REFERENCES events,
  user_id    TEXT NOT NULL,
  session_id TEXT,
  state      TEXT NOT NULL,
  expires_at INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  total      INTEGER NOT NULL,
  currency   TEXT NOT NULL,
  attempts   INTEGER NOT NULL DEFAULT 0,
  declines   INTEGER NOT NULL DEFAULT 0,
  fence      INTEGER NOT NULL DEFAULT 0,
  seats      TEXT NOT NULL DEFAULT '[]'
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX orders_one_open ON orders (event_id, user_id)
  WHERE state IN ('PENDING', 'AUTHORIZING', 'AUTHORIZED', 'CAPTURING');
CREATE INDEX orders_due ON orders (expires_at) WHERE state IN ('PENDING', 'AUTHORIZING', 'AUTHORIZED');
CREATE INDEX orders_paid ON orders (event_id) WHERE state = 'FINALIZED';

CREATE TABLE order_events (
  order_event_id INTEGER PRIMARY KEY AUTOINCREMENT,
  order_id       TEXT NOT NULL,
  from_state     TEXT,
  to_state       TEXT NOT NULL,
  at             INTEGER NOT NULL
) STRICT;
CREATE INDEX order_events_by_order ON order_events (order_id);

CREATE TABLE payments (
  provider_key  TEXT PRIMARY KEY, -- a hash of order, operation and attempt
  order_id      TEXT NOT NULL REFERENCES orders,
  operation     TEXT NOT NULL CHECK (operation IN ('AUTHORIZE', 'CAPTURE', 'VOID', 'REFUND')),
  attempt       INTEGER NOT NULL,
  state         TEXT NOT NULL CHECK (state IN ('INTENT', 'SENT', 'OK', 'DECLINED', 'UNKNOWN', 'NEVER_HAPPENED')),
  amount        INTEGER NOT NULL CHECK (amount >= 0),
  currency      TEXT NOT NULL,
  detail        TEXT,           -- the provider's reference once OK, its reason once DECLINED
  against       TEXT,           -- the authorization or capture it acts on
  tries         INTEGER NOT NULL DEFAULT 0,
  due_at        INTEGER NOT NULL,
  created_at    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX payments_by_order ON payments (order_id);
CREATE INDEX payments_due ON payments (due_at) WHERE state IN ('INTENT', 'SENT', 'UNKNOWN');
-- At most one capture of an order ever succeeds (M2).
CREATE UNIQUE INDEX payments_one_capture ON payments (order_id) WHERE operation = 'CAPTURE' AND state = 'OK';

CREATE TABLE tickets (
  ticket_id  TEXT PRIMARY KEY,
  event_id   TEXT NOT NULL,
  seat_index INTEGER NOT NULL,
  order_id   TEXT NOT NULL REFERENCES orders,
  user_id    TEXT NOT NULL,
  code       TEXT NOT NULL,
  state      TEXT NOT NULL CHECK (state IN ('VALID', 'VOID')),
  issued_at  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
-- No two valid tickets for one seat of one event (S1).
CREATE UNIQUE INDEX tickets_one_a_seat ON tickets (event_id, seat_index) WHERE state = 'VALID';
CREATE INDEX tickets_by_order ON tickets (order_id);
CREATE INDEX tickets_by_buyer ON tickets (event_id, user_id) WHERE state = 'VALID';

CREATE TABLE idempotency_keys (
  user_id        TEXT NOT NULL,
  key            TEXT NOT NULL,
  fingerprint    BLOB NOT NULL,
  lease_until    INTEGER,       -- NULL once done
  order_id       TEXT,          -- the recovery point: the order this key works on
  status         INTEGER,
  body           BLOB,
  created_at     INTEGER NOT NULL,
  PRIMARY KEY (user_id, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX idempotency_keys_by_age ON idempotency_keys (created_at);
