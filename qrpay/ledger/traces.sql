-- How batches went: written a moment later, read by whoever asks what became of a payment.

-- name: keep_traces
-- Keep what was measured of some batches.
-- $1 worker uuid  $2 numbers bigint[]  $3 bases timestamptz[]  $4 sizes integer[]  $5 sent_at timestamptz[]
-- $6 took_us integer[]  $7 ids bytea[]  $8 stamps bytea[]
INSERT INTO batch_traces (worker, number, base, size, sent_at, took_us, ids, stamps)
SELECT $1, t.* FROM unnest($2::bigint[], $3::timestamptz[], $4::integer[], $5::timestamptz[], $6::integer[], $7::bytea[],
                           $8::bytea[]) AS t (number, base, size, sent_at, took_us, ids, stamps)
ON CONFLICT DO NOTHING;

-- name: traces_around
-- Batches whose transfers may bear this timestamp, and hold this id somewhere.
-- $1 timestamp  $2 id bytea
SELECT worker, number, size, sent_at, took_us, ids, stamps FROM batch_traces
WHERE base > $1::timestamptz - interval '10 milliseconds' AND base <= $1 AND position($2::bytea IN ids) > 0;

-- name: forget_traces
-- Remove what is older, the oldest first; how many batches that were.
-- $1 before timestamptz  $2 how many
WITH old AS (SELECT base, worker, number FROM batch_traces WHERE base < $1 ORDER BY base LIMIT $2)
DELETE FROM batch_traces t USING old o WHERE (t.base, t.worker, t.number) = (o.base, o.worker, o.number);
