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
-- $10 types text[]  $11 which of them smallint[]  $12 receivers uuid[]  $13 places in the tail integer[] (null: announced)
-- $14 abouts uuid[]  $15 created_at timestamptz[]  $16 data text[] (of those announced; empty when there are none)
-- $17 places in the outbox bigint[]
WITH moved AS (
    UPDATE cursors SET position = $3 WHERE name = $1 AND position = $2 RETURNING true
), stands AS (
    SELECT coalesce(max(last), 0) AS last FROM event_spans
), tail AS (
    SELECT array_agg(t.id) AS ids, array_agg(t.about) AS abouts, array_agg(t.timestamp) AS times
    FROM (
        SELECT id, about, timestamp
        FROM transfers
        WHERE xid >= $4::text::xid8 AND (xid, timestamp, id) > ($4::text::xid8, $5::timestamptz, $6::uuid)
            AND xid <= $7::text::xid8 AND (xid, timestamp, id) <= ($7::text::xid8, $8::timestamptz, $9::uuid)
        ORDER BY xid, timestamp, id
    ) AS t
), span AS (
    INSERT INTO event_spans (last, size, types, kinds, receivers, places, transfers, abouts, times)
    SELECT stands.last + cardinality($12::uuid[]), cardinality($12::uuid[]), $10::text[], $11::smallint[], $12::uuid[],
        $13::integer[], coalesce(tail.ids, '{}'), coalesce(tail.abouts, '{}'), coalesce(tail.times, '{}')
    FROM moved CROSS JOIN stands CROSS JOIN tail
    WHERE cardinality($12::uuid[]) > 0
    RETURNING last
), receivers AS (
    INSERT INTO event_receivers (receiver, last)
    SELECT receiver, span.last FROM span CROSS JOIN unnest($12::uuid[]) AS receiver GROUP BY receiver, span.last
), said AS (
    INSERT INTO event_data (seq, about, created_at, data)
    SELECT stands.last + d.number, d.about, d.created_at, d.data
    FROM moved CROSS JOIN stands
        CROSS JOIN unnest($14::uuid[], $15::timestamptz[], $16::text[]) WITH ORDINALITY AS d (about, created_at, data, number)
    WHERE d.data IS NOT NULL
), taken AS (
    UPDATE outbox SET data = NULL WHERE place = ANY ($17::bigint[]) AND EXISTS (SELECT FROM moved)
)
SELECT stands.last + cardinality($12::uuid[]) AS last,
    CASE WHEN cardinality($12::uuid[]) > 0
        THEN pg_notify('qrpay_events', (stands.last + cardinality($12::uuid[]))::text) END AS heard
FROM moved CROSS JOIN stands;

-- name: next_span
-- Whom the first span tells that goes beyond a number, event by event; and about what, in no order.
-- $1 seq bigint
SELECT last, receivers,
    abouts || ARRAY(SELECT d.about FROM event_data d WHERE d.seq > s.last - s.size AND d.seq <= s.last) AS abouts
FROM event_spans s WHERE last > $1 ORDER BY last LIMIT 1;

-- name: events_at
-- The events of these numbers.
-- $1 seqs bigint[]
SELECT e.* FROM unnest($1::bigint[]) AS asked (seq) CROSS JOIN LATERAL event_at(asked.seq) AS e ORDER BY e.seq;

-- name: held_back_s
-- Age in seconds of the oldest transfer that may not be told yet, since an older transaction still runs; 0: none.
SELECT coalesce(extract(epoch FROM clock_timestamp() - min(timestamp)), 0)::float8
FROM transfers
WHERE xid >= pg_snapshot_xmin(pg_current_snapshot());

-- name: last_seq
-- How far the log reaches; 0 when it is empty.
SELECT coalesce(max(last), 0) FROM event_spans;

-- name: events_of
-- A receiver's events after a number, oldest first. No more spans are looked into than events are asked for.
-- $1 receiver uuid  $2 after bigint  $3 limit bigint
SELECT e.*
FROM (
    SELECT s.last - s.size + n AS seq
    FROM event_receivers r
        JOIN event_spans s ON s.last = r.last
        CROSS JOIN LATERAL unnest(array_positions(s.receivers, $1::uuid)) AS n
    WHERE r.receiver = $1 AND r.last > $2::bigint AND s.last - s.size + n > $2::bigint
    ORDER BY s.last, n
    LIMIT $3::bigint
) AS mine CROSS JOIN LATERAL event_at(mine.seq) AS e
ORDER BY e.seq;

-- name: logged_at
-- The event of this number, when it is this receiver's.
-- $1 receiver uuid  $2 seq bigint
SELECT * FROM event_at($2::bigint) WHERE receiver = $1;

-- name: latest_of
-- A receiver's latest event.
-- $1 receiver uuid
SELECT e.*
FROM (
    SELECT s.last - s.size + n AS seq
    FROM (SELECT last FROM event_receivers WHERE receiver = $1 ORDER BY last DESC LIMIT 1) AS r
        JOIN event_spans s ON s.last = r.last
        CROSS JOIN LATERAL unnest(array_positions(s.receivers, $1::uuid)) AS n
    ORDER BY n DESC
    LIMIT 1
) AS mine CROSS JOIN LATERAL event_at(mine.seq) AS e;

-- check: the_event_log_has_no_gap
-- Each span begins where the one before it ended, and each of its events is whole.
SELECT s.last, s.size, s.before
FROM (SELECT *, lag(last, 1, 0::bigint) OVER (ORDER BY last) AS before FROM event_spans) AS s
WHERE s.last - s.size <> s.before OR s.size <> cardinality(s.places) OR s.size <> (
    SELECT count(*) FROM events e
    WHERE e.span = s.last AND num_nulls(e.type, e.receiver, e.about, e.created_at) = 0
        AND num_nulls(e.transfer, e.data) = 1
);

-- check: every_receiver_finds_its_events
-- Whoever is told something in a span is listed with it.
SELECT e.seq, e.receiver FROM events e
WHERE NOT EXISTS (SELECT FROM event_receivers r WHERE r.receiver = e.receiver AND r.last = e.span);

-- check: every_event_has_its_transfer
-- What was not announced is told from a transfer that stands, be it in a partition that is not attached.
-- Each transfer once, in the order of their ids, in a month that its id says: no month is read as a whole.
-- $1 after which number bigint  $2 up to which number bigint
SELECT told.last AS span, told.transfer
FROM (
    SELECT min(s.last) AS last, u.transfer
    FROM event_spans s, unnest(s.transfers) AS u (transfer)
    WHERE s.last > $1::bigint AND s.last <= $2::bigint
    GROUP BY u.transfer ORDER BY u.transfer
) AS told
WHERE (SELECT true FROM transfers t WHERE t.id = told.transfer) IS NULL
    AND NOT EXISTS (SELECT FROM detached_ids d WHERE d.id = told.transfer);

-- pieces: every_event_has_its_transfer
-- Some ten thousand numbers each.
SELECT 20000 * n AS after, 20000 * (n + 1) AS until
FROM generate_series(0, (SELECT coalesce(max(last), 0) / 20000 FROM event_spans)) AS n;
