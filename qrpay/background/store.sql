-- The event log, the outbox and the cursors of their readers.

-- name: start_cursor
-- Begin a cursor where there is none.
-- $1 name text  $2 position text
INSERT INTO cursors (name, position) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING;

-- name: position
-- Where a cursor stands.
-- $1 name text
SELECT position FROM cursors WHERE name = $1;

-- name: move_cursor
-- Move a cursor from where its owner believes it stands; no row when somebody else has moved it.
-- $1 name text  $2 from text  $3 to text
UPDATE cursors SET position = $3 WHERE name = $1 AND position = $2 RETURNING position;

-- name: announce
-- Put events that no transfer tells into the outbox, in this order.
-- $1 ids uuid[]  $2 types text[]  $3 receivers uuid[]  $4 abouts uuid[]  $5 created_at timestamptz[]  $6 data text[]
INSERT INTO outbox (id, type, receiver, about, created_at, data)
SELECT e.id, e.type, e.receiver, e.about, e.created_at, e.data
FROM unnest($1::uuid[], $2::text[], $3::uuid[], $4::uuid[], $5::timestamptz[], $6::text[])
    WITH ORDINALITY AS e (id, type, receiver, about, created_at, data, place)
ORDER BY e.place;

-- name: announced
-- The oldest events of the outbox, past no transaction that is still running.
-- $1 last transaction text (or null)  $2 limit bigint
SELECT place, announced_at, id, type, receiver, about, created_at, data
FROM outbox
WHERE xid < pg_snapshot_xmin(pg_current_snapshot()) AND ($1::text IS NULL OR xid <= $1::text::xid8)
ORDER BY place
LIMIT $2;

-- name: take_from_outbox
-- Remove what has moved to the log.
-- $1 places bigint[]
DELETE FROM outbox WHERE place = ANY ($1::bigint[]);

-- name: append
-- Append events to the log in this order, those left out whose id it holds already; the highest number, and how many.
-- Called under a fenced cursor, so nobody else appends meanwhile and the numbers have no gap.
-- $1 ids uuid[]  $2 types text[]  $3 receivers uuid[]  $4 abouts uuid[]  $5 created_at timestamptz[]  $6 data text[]
WITH fresh AS (
    SELECT e.*, row_number() OVER (ORDER BY e.place) AS number
    FROM unnest($1::uuid[], $2::text[], $3::uuid[], $4::uuid[], $5::timestamptz[], $6::text[])
        WITH ORDINALITY AS e (id, type, receiver, about, created_at, data, place)
        -- One look at the index each: as a plain anti-join, a planner that guesses badly would read the whole log.
        LEFT JOIN LATERAL (SELECT true AS is_there FROM events WHERE events.id = e.id LIMIT 1) AS known ON true
    WHERE known.is_there IS NULL
), written AS (
    INSERT INTO events (seq, id, type, receiver, about, created_at, data)
    SELECT (SELECT coalesce(max(seq), 0) FROM events) + fresh.number,
        fresh.id, fresh.type, fresh.receiver, fresh.about, fresh.created_at, fresh.data
    FROM fresh
    ORDER BY fresh.number
    RETURNING seq
)
SELECT max(seq) AS last, count(*) AS written FROM written;

-- name: tell
-- Tell every process how far the log reaches; they hear it when the transaction commits.
-- $1 last bigint
SELECT pg_notify('qrpay_events', $1::bigint::text);

-- name: events_after
-- The log from a number on.
-- $1 seq bigint  $2 limit bigint
SELECT seq, id, type, receiver, about, created_at, data FROM events WHERE seq > $1 ORDER BY seq LIMIT $2;

-- name: news_after
-- Whom and what the log tells of from a number on, and no more.
-- $1 seq bigint  $2 limit bigint
SELECT seq, receiver, about FROM events WHERE seq > $1 ORDER BY seq LIMIT $2;

-- name: events_at
-- The events of these numbers.
-- $1 seqs bigint[]
SELECT seq, id, type, receiver, about, created_at, data FROM events WHERE seq = ANY ($1::bigint[]) ORDER BY seq;

-- name: held_back_s
-- Age in seconds of the oldest transfer that may not be told yet, since an older transaction still runs; 0: none.
SELECT coalesce(extract(epoch FROM clock_timestamp() - min(timestamp)), 0)::float8
FROM transfers
WHERE xid >= pg_snapshot_xmin(pg_current_snapshot());

-- name: last_seq
-- How far the log reaches; 0 when it is empty.
SELECT coalesce(max(seq), 0) FROM events;

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

-- check: the_event_log_has_no_gap
-- Numbers run from 1 to the last without a hole.
SELECT count(*) AS events, max(seq) AS last FROM events HAVING count(*) <> coalesce(max(seq), 0);
