-- What the payment provider told by itself, once an event however often it was told (M12). The ids grow with time.
CREATE TABLE provider_callbacks (
  event_id     TEXT PRIMARY KEY,
  provider_key TEXT NOT NULL,
  received_at  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- A booking is one request for all steps: should its claim lapse, the office goes on with it (I7).
ALTER TABLE idempotency_keys ADD COLUMN is_booking INTEGER NOT NULL DEFAULT 0 CHECK (is_booking IN (0, 1));
CREATE INDEX idempotency_keys_bookings ON idempotency_keys (lease_until) WHERE is_booking = 1 AND lease_until IS NOT NULL;
