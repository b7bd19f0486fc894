-- The event log by receiver.

-- name: events_of
-- A receiver's events after a number, oldest first.
-- $1 receiver uuid  $2 after bigint  $3 limit bigint
SELECT seq, id, type, receiver, about, created_at, data
FROM events
WHERE receiver = $1 AND seq > $2
ORDER BY seq
LIMIT $3;

-- name: seq_of
-- The number of an event, when it is this receiver's.
-- $1 receiver uuid  $2 id uuid
SELECT seq FROM events WHERE id = $2 AND receiver = $1;

-- name: latest_of
-- A receiver's latest event.
-- $1 receiver uuid
SELECT seq, id, type, receiver, about, created_at, data
FROM events
WHERE receiver = $1
ORDER BY seq DESC
LIMIT 1;
