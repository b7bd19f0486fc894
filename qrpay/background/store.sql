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
-- Put events that no transfer tells into the outbox, in this order; one that was announced before is left out.
-- $1 ids uuid[]  $2 types text[]  $3 receivers uuid[]  $4 abouts uuid[]  $5 created_at timestamptz[]  $6 data text[]
INSERT INTO outbox (id, type, receiver, about, created_at, data)
SELECT e.id, e.type, e.receiver, e.about, e.created_at, e.data
FROM unnest($1::uuid[], $2::text[], $3::uuid[], $4::uuid[], $5::timestamptz[], $6::text[])
    WITH ORDINALITY AS e (id, type, receiver, about, created_at, data, place)
ORDER BY e.place
ON CONFLICT (id) DO NOTHING;

-- name: unread
-- What was posted after a place in the ledger, in commit order, column by column; see ledger/functions/tail.sql. It ends
-- before the oldest transaction that still runs (`bound`). Only what deciding takes: what markers are about, since their
-- accounts say nothing, and the times only when something waits in the outbox to be put between.
-- $1 transaction text  $2 timestamp  $3 id uuid  $4 limit integer
WITH announced AS MATERIALIZED (
    SELECT EXISTS (SELECT FROM outbox WHERE data IS NOT NULL) AS waits
)
SELECT array_agg(t.debit) AS debits, array_agg(t.credit) AS credits, array_agg(t.code) AS codes,
    array_agg(CASE WHEN t.amount = 0 THEN t.about END) AS abouts,
    CASE WHEN (SELECT waits FROM announced) THEN array_agg(t.timestamp) END,
    min(t.timestamp) AS oldest, (array_agg(t.xid))[count(t.id)]::text AS xid,
    (array_agg(t.timestamp))[count(t.id)] AS at, (array_agg(t.id))[count(t.id)] AS id,
    pg_snapshot_xmin(pg_current_snapshot())::text AS bound, (SELECT waits FROM announced) AS waiting
FROM ledger_tail($1::text::xid8, $2::timestamptz, $3::uuid, $4::integer) AS t;

-- name: announced
-- The oldest events of the outbox, written before the transaction `bound` and, where given, not after `until`.
-- $1 bound text  $2 until text (or null)  $3 limit bigint
SELECT place, announced_at, type, receiver, about, created_at, data
FROM outbox
WHERE data IS NOT NULL AND xid < $1::text::xid8 AND ($2::text IS NULL OR xid <= $2::text::xid8)
ORDER BY place
LIMIT $3;

-- name: append
-- One step of the log: move its cursor, append events in this order, mark those that came from the outbox, and tell
-- every process how far the log reaches (they hear it at commit). No row, and nothing done, when somebody else has
-- moved the cursor. The cursor's row is the fence, so nobody else appends meanwhile and the numbers have no gap.
-- What a money event refers to is copied from the ledger here: the tail between two places is the same for ever.
-- $1 name  $2 from  $3 to text  $4 xid text  $5 timestamp  $6 id: the tail after this  $7 $8 $9: up to this
-- $10 places in the tail integer[] (null: announced)  $11 types text[]  $12 receivers uuid[]
-- $13 abouts uuid[]  $14 created_at timestamptz[]  $15 data text[] (of those announced; empty when there are none)
-- $16 places in the outbox bigint[]
WITH moved AS (
    UPDATE cursors SET position = $3 WHERE name = $1 AND position = $2 RETURNING true
), stands AS (
    SELECT coalesce(max(seq), 0) AS last FROM events
), tail AS (
    SELECT array_agg(t.id) AS ids, array_agg(t.about) AS abouts, array_agg(t.timestamp) AS times
    FROM (
        SELECT id, about, timestamp
        FROM transfers
        WHERE xid >= $4::text::xid8 AND (xid, timestamp, id) > ($4::text::xid8, $5::timestamptz, $6::uuid)
            AND xid <= $7::text::xid8 AND (xid, timestamp, id) <= ($7::text::xid8, $8::timestamptz, $9::uuid)
        ORDER BY xid, timestamp, id
    ) AS t
), written AS (
    INSERT INTO events (seq, type, receiver, about, transfer, created_at, data)
    SELECT stands.last + e.number, e.type, e.receiver, coalesce(tail.abouts[e.place], e.about), tail.ids[e.place],
        coalesce(tail.times[e.place], e.created_at), e.data
    FROM moved CROSS JOIN stands CROSS JOIN tail CROSS JOIN
        unnest($10::integer[], $11::text[], $12::uuid[], $13::uuid[], $14::timestamptz[], $15::text[])
        WITH ORDINALITY AS e (place, type, receiver, about, created_at, data, number)
), taken AS (
    UPDATE outbox SET data = NULL WHERE place = ANY ($16::bigint[]) AND EXISTS (SELECT FROM moved)
)
SELECT stands.last + cardinality($11::text[]) AS last,
    CASE WHEN cardinality($11::text[]) > 0
        THEN pg_notify('qrpay_events', (stands.last + cardinality($11::text[]))::text) END AS heard
FROM moved CROSS JOIN stands;

-- name: news_after
-- Whom and what the log tells of from a number on, and no more, column by column.
-- $1 seq bigint  $2 limit bigint
SELECT array_agg(seq), array_agg(receiver), array_agg(about)
FROM (SELECT seq, receiver, about FROM events WHERE seq > $1 ORDER BY seq LIMIT $2) AS news;

-- name: events_after
-- The log from a number on.
-- $1 seq bigint  $2 limit bigint
SELECT seq, type, receiver, about, transfer, created_at, data FROM events WHERE seq > $1 ORDER BY seq LIMIT $2;

-- name: events_at
-- The events of these numbers.
-- $1 seqs bigint[]
SELECT seq, type, receiver, about, transfer, created_at, data FROM events WHERE seq = ANY ($1::bigint[]) ORDER BY seq;

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
SELECT seq, type, receiver, about, transfer, created_at, data
FROM events
WHERE receiver = $1 AND seq > $2
ORDER BY seq
LIMIT $3;

-- name: logged_at
-- The event of this number, when it is this receiver's.
-- $1 receiver uuid  $2 seq bigint
SELECT seq, type, receiver, about, transfer, created_at, data FROM events WHERE seq = $2 AND receiver = $1;

-- name: latest_of
-- A receiver's latest event.
-- $1 receiver uuid
SELECT seq, type, receiver, about, transfer, created_at, data
FROM events
WHERE receiver = $1
ORDER BY seq DESC
LIMIT 1;

-- check: the_event_log_has_no_gap
-- Numbers run from 1 to the last without a hole.
SELECT count(*) AS events, max(seq) AS last FROM events HAVING count(*) <> coalesce(max(seq), 0);

-- check: every_event_has_its_transfer
-- What was not announced is told from a transfer that stands, be it in a partition that is not attached.
SELECT e.seq, e.transfer FROM events e LEFT JOIN transfers t ON t.id = e.transfer
WHERE e.data IS NULL AND t.id IS NULL AND NOT EXISTS (SELECT FROM detached_ids d WHERE d.id = e.transfer);
