-- The books: double entry, append-only (M11). Debits are positive, credits negative.
CREATE TABLE ledger_entries (
  ledger_entry_id INTEGER PRIMARY KEY AUTOINCREMENT,
  provider_key    TEXT NOT NULL REFERENCES payments,
  order_id        TEXT NOT NULL REFERENCES orders,
  account         TEXT NOT NULL CHECK (account IN ('PROVIDER', 'SALES')),
  amount          INTEGER NOT NULL,
  currency        TEXT NOT NULL,
  at              INTEGER NOT NULL
) STRICT;
-- A payment is written once.
CREATE UNIQUE INDEX ledger_entries_once ON ledger_entries (provider_key, account);
CREATE INDEX ledger_entries_by_order ON ledger_entries (order_id);
CREATE TRIGGER ledger_entries_stay BEFORE UPDATE ON ledger_entries BEGIN
  SELECT RAISE(ABORT, 'the books are append-only');
END;
CREATE TRIGGER ledger_entries_are_kept BEFORE DELETE ON ledger_entries BEGIN
  SELECT RAISE(ABORT, 'the books are append-only');
END;
