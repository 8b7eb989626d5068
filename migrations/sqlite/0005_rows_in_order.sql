-- Keys of guests and of payments have no order, and each of these rows is written several times: as a claim, a recovery
-- point, an answer; as sent, as settled. Kept in the order in which they come, rows of one batch share pages, and only a
-- small index by key is written all over.

CREATE TABLE keys_in_order (
  user_id        TEXT NOT NULL,
  key            TEXT NOT NULL,
  fingerprint    BLOB NOT NULL,
  lease_until    INTEGER,       -- NULL once done
  order_id       TEXT,          -- the recovery point: the order this key works on
  status         INTEGER,
  body           BLOB,
  created_at     INTEGER NOT NULL,
  is_booking     INTEGER NOT NULL DEFAULT 0 CHECK (is_booking IN (0, 1)),
  UNIQUE (user_id, key)
) STRICT;
INSERT INTO keys_in_order
  SELECT user_id, key, fingerprint, lease_until, order_id, status, body, created_at, is_booking
  FROM idempotency_keys ORDER BY created_at;
DROP TABLE idempotency_keys;
ALTER TABLE keys_in_order RENAME TO idempotency_keys;
CREATE INDEX idempotency_keys_by_age ON idempotency_keys (created_at);
CREATE INDEX idempotency_keys_bookings ON idempotency_keys (lease_until) WHERE is_booking = 1 AND lease_until IS NOT NULL;

CREATE TABLE payments_in_order (
  provider_key  TEXT NOT NULL UNIQUE, -- a hash of order, operation and attempt
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
) STRICT;
INSERT INTO payments_in_order
  SELECT provider_key, order_id, operation, attempt, state, amount, currency, detail, against, tries, due_at, created_at
  FROM payments ORDER BY created_at;

-- The books refer to payments, and follow them.
CREATE TABLE books (
  ledger_entry_id INTEGER PRIMARY KEY AUTOINCREMENT,
  provider_key    TEXT NOT NULL REFERENCES payments_in_order (provider_key),
  order_id        TEXT NOT NULL REFERENCES orders,
  account         TEXT NOT NULL CHECK (account IN ('PROVIDER', 'SALES')),
  amount          INTEGER NOT NULL,
  currency        TEXT NOT NULL,
  at              INTEGER NOT NULL
) STRICT;
INSERT INTO books SELECT ledger_entry_id, provider_key, order_id, account, amount, currency, at FROM ledger_entries;
DROP TABLE ledger_entries;
DROP TABLE payments;
ALTER TABLE payments_in_order RENAME TO payments;
ALTER TABLE books RENAME TO ledger_entries;

CREATE INDEX payments_by_order ON payments (order_id);
CREATE INDEX payments_due ON payments (due_at) WHERE state IN ('INTENT', 'SENT', 'UNKNOWN');
-- At most one capture of an order ever succeeds (M2).
CREATE UNIQUE INDEX payments_one_capture ON payments (order_id) WHERE operation = 'CAPTURE' AND state = 'OK';
-- A payment is written once; it is of one order, and orders come in order.
CREATE UNIQUE INDEX ledger_entries_once ON ledger_entries (order_id, provider_key, account);
CREATE TRIGGER ledger_entries_stay BEFORE UPDATE ON ledger_entries BEGIN
  SELECT RAISE(ABORT, 'the books are append-only');
END;
CREATE TRIGGER ledger_entries_are_kept BEFORE DELETE ON ledger_entries BEGIN
  SELECT RAISE(ABORT, 'the books are append-only');
END;

-- An order is open through most of its states. An index that depends on the state is written at each of its edges; one
-- that depends on whether it is open, at its beginning and its end.
ALTER TABLE orders ADD COLUMN is_open INTEGER
  CHECK (is_open IS NULL OR is_open = (state IN ('PENDING', 'AUTHORIZING', 'AUTHORIZED', 'CAPTURING')));
UPDATE orders SET is_open = state IN ('PENDING', 'AUTHORIZING', 'AUTHORIZED', 'CAPTURING');
DROP INDEX orders_one_open;
CREATE UNIQUE INDEX orders_one_open ON orders (event_id, user_id) WHERE is_open = 1;
DROP INDEX orders_due;
CREATE INDEX orders_due ON orders (expires_at) WHERE is_open = 1;
