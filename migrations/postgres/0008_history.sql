-- What verifying needs to know of the past.

-- The edges of an order in their order, each with the hash of the one before and of itself: a past that was changed shows.
-- An order has its edges together, so that its life is read by its id. Rows of before have no hash.
ALTER TABLE order_events ADD COLUMN number BIGINT, ADD COLUMN hash BYTEA CHECK (length(hash) = 32);
UPDATE order_events e SET number = n.number
  FROM (SELECT order_event_id, row_number() OVER (PARTITION BY order_id ORDER BY order_event_id) AS number
    FROM order_events) n
  WHERE n.order_event_id = e.order_event_id;
-- A daemon of before, should one still be at work, writes no number, and may go on.
ALTER TABLE order_events DROP CONSTRAINT order_events_pkey;
CREATE UNIQUE INDEX order_events_by_order ON order_events (order_id, number);

-- How many edges an order has, and the hash of the last: `5:` and 64 hexadecimal digits.
ALTER TABLE orders ADD COLUMN history TEXT NOT NULL DEFAULT '0:';
UPDATE orders o SET history = (SELECT count(*) FROM order_events e WHERE e.order_id = o.order_id) || ':';

-- Whoever is inside stays when the capacity is lowered, and who bought without a waiting room has when there is one again.
ALTER TABLE events ADD COLUMN highest_capacity BIGINT NOT NULL DEFAULT 0, ADD COLUMN free_until BIGINT NOT NULL DEFAULT 0;
UPDATE events e SET free_until = now_millis(),
  highest_capacity = greatest(e.capacity, (SELECT count(*) FROM sessions s
    WHERE s.event_id = e.event_id AND s.state IN ('ACTIVE', 'ORDERING')));
