-- The schema of migrations/sqlite up to the number of this file: the same tables, columns and promises. From here on both
-- go in step.
--
-- Times are milliseconds since the Unix epoch by the database's clock; money is in minor units. Whole numbers are BIGINT
-- throughout, as the program reads them. Texts that name something are compared byte by byte (COLLATE "C"): a page goes on
-- where the one before ended, whatever the database's locale is.
--
-- Rows that come by the thousand have no foreign key to their event: every check would write a lock into the event's one
-- row. Events are never deleted.

-- What time it is now, not when the transaction began.
CREATE FUNCTION now_millis() RETURNS BIGINT LANGUAGE sql VOLATILE PARALLEL SAFE AS
  'SELECT floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint';
-- When the statement began: whatever was committed before is in what it reads.
CREATE FUNCTION read_millis() RETURNS BIGINT LANGUAGE sql STABLE PARALLEL SAFE AS
  'SELECT floor(extract(epoch FROM statement_timestamp()) * 1000)::bigint';

CREATE TABLE venues (
  venue_id TEXT COLLATE "C" PRIMARY KEY,
  name     TEXT NOT NULL,
  city     TEXT NOT NULL
);

CREATE TABLE events (
  event_id              TEXT COLLATE "C" PRIMARY KEY,
  venue_id              TEXT COLLATE "C" NOT NULL REFERENCES venues,
  name                  TEXT NOT NULL,
  starts_at             BIGINT NOT NULL,
  currency              TEXT NOT NULL,
  sale_state            TEXT NOT NULL CHECK (sale_state IN ('SCHEDULED', 'OPEN', 'PAUSED', 'CLOSED')),
  sale_starts_at        BIGINT,
  waiting_room          BIGINT NOT NULL CHECK (waiting_room IN (0, 1)),
  capacity              BIGINT NOT NULL CHECK (capacity >= 0),
  admissions_per_minute BIGINT NOT NULL CHECK (admissions_per_minute > 0),
  lapse_seconds         BIGINT NOT NULL,
  active_seconds        BIGINT NOT NULL,
  lobby_seconds         BIGINT NOT NULL,
  hold_ttl_seconds      BIGINT NOT NULL,
  seats_per_order       BIGINT NOT NULL,
  seats_per_buyer       BIGINT NOT NULL,
  created_at            BIGINT NOT NULL
);
CREATE INDEX events_by_start ON events (starts_at, event_id);
CREATE INDEX events_due ON events (sale_starts_at) WHERE sale_state = 'SCHEDULED';

CREATE TABLE event_performers (
  event_id     TEXT COLLATE "C" NOT NULL REFERENCES events ON DELETE CASCADE,
  place        BIGINT NOT NULL,
  performer_id TEXT COLLATE "C" NOT NULL,
  name         TEXT NOT NULL,
  PRIMARY KEY (event_id, place)
);

CREATE TABLE price_levels (
  event_id TEXT COLLATE "C" NOT NULL REFERENCES events ON DELETE CASCADE,
  level    BIGINT NOT NULL,
  name     TEXT NOT NULL,
  color    TEXT NOT NULL,
  price    BIGINT NOT NULL CHECK (price >= 0),
  seats    BIGINT NOT NULL,
  PRIMARY KEY (event_id, level)
);

-- The geometry as it is served, and the clock of seat changes. Whoever changes seats of an event locks its clock first.
CREATE TABLE seat_maps (
  event_id TEXT COLLATE "C" PRIMARY KEY REFERENCES events ON DELETE CASCADE,
  sections TEXT NOT NULL,
  body     BYTEA NOT NULL
);
CREATE TABLE seat_clocks (
  event_id TEXT COLLATE "C" PRIMARY KEY,
  seq      BIGINT NOT NULL
);

CREATE TABLE seats (
  venue_id   TEXT COLLATE "C" NOT NULL,
  seat_index BIGINT NOT NULL,
  seat_id    TEXT COLLATE "C" NOT NULL,
  section    TEXT NOT NULL,
  row_label  TEXT NOT NULL,
  number     TEXT NOT NULL,
  PRIMARY KEY (venue_id, seat_index)
);

-- A seat is written three times before it is sold, and none of what changes is indexed: with room left in the page, no
-- index is written either.
CREATE TABLE seat_inventory (
  event_id       TEXT COLLATE "C" NOT NULL,
  seat_index     BIGINT NOT NULL,
  seat_id        TEXT COLLATE "C" NOT NULL,
  level          BIGINT NOT NULL,
  status         BIGINT NOT NULL DEFAULT 0 CHECK (status BETWEEN 0 AND 4), -- available, held, pinned, sold, blocked
  version        BIGINT NOT NULL DEFAULT 0,                                -- the fence of the last writer
  reserved_until BIGINT,
  order_id       TEXT COLLATE "C",
  ticket_id      TEXT COLLATE "C",
  PRIMARY KEY (event_id, seat_index),
  CHECK ((status IN (1, 2, 3)) = (order_id IS NOT NULL)),
  CHECK ((status = 1) = (reserved_until IS NOT NULL)),
  CHECK ((status = 3) = (ticket_id IS NOT NULL))
) WITH (fillfactor = 60);
CREATE UNIQUE INDEX seat_inventory_by_seat ON seat_inventory (event_id, seat_id);

-- Whoever joins, and whoever lets in, locks the event's gate first (W1, W2).
CREATE TABLE gates (
  event_id    TEXT COLLATE "C" PRIMARY KEY,
  next_place  BIGINT NOT NULL,
  credit      BIGINT NOT NULL,
  credited_at BIGINT NOT NULL,
  lobby_seed  BYTEA
);

CREATE TABLE sessions (
  session_id TEXT COLLATE "C" PRIMARY KEY,
  event_id   TEXT COLLATE "C" NOT NULL,
  user_id    TEXT COLLATE "C" NOT NULL,
  state      TEXT NOT NULL CHECK (state IN ('WAITING', 'ACTIVE', 'ORDERING', 'DONE', 'LEFT', 'ABANDONED', 'EXPIRED')),
  place      BIGINT NOT NULL,
  lobby      BIGINT NOT NULL CHECK (lobby IN (0, 1)),
  joined_at  BIGINT NOT NULL,
  seen_at    BIGINT NOT NULL,
  deadline   BIGINT,
  order_id   TEXT COLLATE "C"
);
CREATE UNIQUE INDEX sessions_one_place ON sessions (event_id, user_id) WHERE state IN ('WAITING', 'ACTIVE', 'ORDERING');
CREATE INDEX sessions_in_line ON sessions (event_id, state, place) WHERE state IN ('WAITING', 'ACTIVE', 'ORDERING');
CREATE INDEX sessions_by_sight ON sessions (event_id, seen_at) WHERE state = 'WAITING';

CREATE TABLE session_events (
  session_event_id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  session_id       TEXT COLLATE "C" NOT NULL,
  from_state       TEXT,
  to_state         TEXT NOT NULL,
  at               BIGINT NOT NULL
);

CREATE TABLE orders (
  order_id   TEXT COLLATE "C" PRIMARY KEY,
  event_id   TEXT COLLATE "C" NOT NULL,
  user_id    TEXT COLLATE "C" NOT NULL,
  session_id TEXT COLLATE "C",
  state      TEXT NOT NULL,
  expires_at BIGINT NOT NULL,
  created_at BIGINT NOT NULL,
  total      BIGINT NOT NULL,
  currency   TEXT NOT NULL,
  attempts   BIGINT NOT NULL DEFAULT 0,
  declines   BIGINT NOT NULL DEFAULT 0,
  fence      BIGINT NOT NULL DEFAULT 0,
  seats      JSON NOT NULL DEFAULT '[]',
  -- An index that depends on the state is written at each of its edges; one that depends on this, at the beginning and the
  -- end.
  is_open    BIGINT NOT NULL
    CHECK (is_open = (state IN ('PENDING', 'AUTHORIZING', 'AUTHORIZED', 'CAPTURING'))::int)
);
CREATE UNIQUE INDEX orders_one_open ON orders (event_id, user_id) WHERE is_open = 1;
CREATE INDEX orders_due ON orders (expires_at) WHERE is_open = 1;
CREATE INDEX orders_paid ON orders (event_id) WHERE state = 'FINALIZED';

CREATE TABLE order_events (
  order_event_id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  order_id       TEXT COLLATE "C" NOT NULL,
  from_state     TEXT,
  to_state       TEXT NOT NULL,
  at             BIGINT NOT NULL
);

CREATE TABLE payments (
  provider_key  TEXT COLLATE "C" PRIMARY KEY, -- a hash of order, operation and attempt
  order_id      TEXT COLLATE "C" NOT NULL REFERENCES orders,
  operation     TEXT NOT NULL CHECK (operation IN ('AUTHORIZE', 'CAPTURE', 'VOID', 'REFUND')),
  attempt       BIGINT NOT NULL,
  state         TEXT NOT NULL CHECK (state IN ('INTENT', 'SENT', 'OK', 'DECLINED', 'UNKNOWN', 'NEVER_HAPPENED')),
  amount        BIGINT NOT NULL CHECK (amount >= 0),
  currency      TEXT NOT NULL,
  detail        TEXT,           -- the provider's reference once OK, its reason once DECLINED
  against       TEXT,           -- the authorization or capture it acts on
  tries         BIGINT NOT NULL DEFAULT 0,
  due_at        BIGINT NOT NULL,
  created_at    BIGINT NOT NULL
);
CREATE INDEX payments_by_order ON payments (order_id);
CREATE INDEX payments_due ON payments (due_at) WHERE state IN ('INTENT', 'SENT', 'UNKNOWN');
-- At most one capture of an order ever succeeds (M2).
CREATE UNIQUE INDEX payments_one_capture ON payments (order_id) WHERE operation = 'CAPTURE' AND state = 'OK';

CREATE TABLE tickets (
  ticket_id  TEXT COLLATE "C" PRIMARY KEY,
  event_id   TEXT COLLATE "C" NOT NULL,
  seat_index BIGINT NOT NULL,
  order_id   TEXT COLLATE "C" NOT NULL REFERENCES orders,
  user_id    TEXT COLLATE "C" NOT NULL,
  code       TEXT NOT NULL,
  state      TEXT NOT NULL CHECK (state IN ('VALID', 'VOID')),
  issued_at  BIGINT NOT NULL
);
-- No two valid tickets for one seat of one event (S1).
CREATE UNIQUE INDEX tickets_one_a_seat ON tickets (event_id, seat_index) WHERE state = 'VALID';
CREATE INDEX tickets_by_order ON tickets (order_id);
CREATE INDEX tickets_by_buyer ON tickets (event_id, user_id) WHERE state = 'VALID';

CREATE TABLE idempotency_keys (
  user_id     TEXT COLLATE "C" NOT NULL,
  key         TEXT COLLATE "C" NOT NULL,
  fingerprint BYTEA NOT NULL,
  lease_until BIGINT,           -- NULL once done
  order_id    TEXT COLLATE "C", -- the recovery point: the order this key works on
  status      BIGINT,
  body        BYTEA,
  created_at  BIGINT NOT NULL,
  is_booking  BIGINT NOT NULL DEFAULT 0 CHECK (is_booking IN (0, 1)),
  PRIMARY KEY (user_id, key)
);
CREATE INDEX idempotency_keys_by_age ON idempotency_keys (created_at);
-- A booking is one request for all steps: should its claim lapse, the office goes on with it (I7).
CREATE INDEX idempotency_keys_bookings ON idempotency_keys (lease_until) WHERE is_booking = 1 AND lease_until IS NOT NULL;

-- The books: double entry, append-only (M11). Debits are positive, credits negative.
CREATE TABLE ledger_entries (
  ledger_entry_id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  provider_key    TEXT COLLATE "C" NOT NULL REFERENCES payments,
  order_id        TEXT COLLATE "C" NOT NULL REFERENCES orders,
  account         TEXT NOT NULL CHECK (account IN ('PROVIDER', 'SALES')),
  amount          BIGINT NOT NULL,
  currency        TEXT NOT NULL,
  at              BIGINT NOT NULL
);
-- A payment is written once.
CREATE UNIQUE INDEX ledger_entries_once ON ledger_entries (order_id, provider_key, account);
CREATE FUNCTION refuse_change_of_books() RETURNS trigger LANGUAGE plpgsql AS
  'BEGIN RAISE EXCEPTION ''the books are append-only''; END';
CREATE TRIGGER ledger_entries_stay BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_entries
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change_of_books();

-- What the payment provider told by itself, once an event however often it was told (M12). The ids grow with time.
CREATE TABLE provider_callbacks (
  event_id     TEXT COLLATE "C" PRIMARY KEY,
  provider_key TEXT COLLATE "C" NOT NULL,
  received_at  BIGINT NOT NULL
);
