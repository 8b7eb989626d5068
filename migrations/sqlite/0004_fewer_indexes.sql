-- Nobody asks by these, and every sale had to write them.
DROP INDEX seat_inventory_by_order;
DROP INDEX order_events_by_order;
DROP INDEX session_events_by_session;
