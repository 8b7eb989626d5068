-- What verifying needs to know of the past.

-- The edges of an order in their order, each with the hash of the one before and of itself: a past that was changed shows.
-- An order has its edges together, so that its life is read by its id. Rows of before have no hash.
CREATE TABLE order_history (
  order_id   TEXT NOT NULL,
  number     INTEGER NOT NULL, -- of the edge, from 1
  from_state TEXT,
  to_state   TEXT NOT NULL,
  at         INTEGER NOT NULL,
  hash       BLOB CHECK (length(hash) = 32),
  PRIMARY KEY (order_id, number)
) STRICT, WITHOUT ROWID;
INSERT INTO order_history (order_id, number, from_state, to_state, at)
  SELECT order_id, row_number() OVER (PARTITION BY order_id ORDER BY order_event_id), from_state, to_state, at
  FROM order_events;
DROP TABLE order_events;
ALTER TABLE order_history RENAME TO order_events;

-- How many edges an order has, and the hash of the last: `5:` and 64 hexadecimal digits.
ALTER TABLE orders ADD COLUMN history TEXT NOT NULL DEFAULT '0:';
UPDATE orders SET history = (SELECT COUNT(*) FROM order_events e WHERE e.order_id = orders.order_id) || ':';

-- Whoever is inside stays when the capacity is lowered, and who bought without a waiting room has when there is one again.
ALTER TABLE events ADD COLUMN highest_capacity INTEGER NOT NULL DEFAULT 0;
ALTER TABLE events ADD COLUMN free_until INTEGER NOT NULL DEFAULT 0;
UPDATE events SET free_until = CAST(unixepoch('subsec') * 1000 AS INTEGER),
  highest_capacity = max(capacity, (SELECT COUNT(*) FROM sessions s
    WHERE s.event_id = events.event_id AND s.state IN ('ACTIVE', 'ORDERING')));
