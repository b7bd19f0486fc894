-- Where the log tells of an order, what came of the deliveries, and which settlement its payment is in.

-- name: first_time_from
-- The first span that ends at this number or later, and when its first transfer was posted.
-- $1 number bigint
SELECT last, times[1] AS at FROM event_spans
WHERE last >= $1::bigint AND cardinality(times) > 0 ORDER BY last LIMIT 1;

-- name: told_of
-- The events that tell of these transfers to one receiver, in some spans from a number on.
-- $1 number bigint  $2 how many spans  $3 transfers uuid[]  $4 receiver uuid
SELECT s.last - s.size + e.number AS seq, s.types[s.kinds[e.number]] AS type, s.times[a.place] AS created_at
FROM (SELECT * FROM event_spans WHERE last >= $1::bigint ORDER BY last LIMIT $2) AS s
    CROSS JOIN LATERAL (
        SELECT array_position(s.transfers, t.transfer) AS place FROM unnest($3::uuid[]) AS t (transfer)
    ) AS a
    CROSS JOIN LATERAL unnest(array_positions(s.places, a.place)) AS e (number)
WHERE a.place IS NOT NULL AND s.receivers[e.number] = $4
ORDER BY seq;

-- name: delivered
-- What came of the deliveries of these events to the endpoints of a merchant.
-- $1 merchant uuid  $2 seqs bigint[]
SELECT d.seq, w.url, d.status, d.attempts, d.since, d.last_at, d.last_status, d.last_error, d.last_ms
FROM webhook_endpoints w JOIN webhook_deliveries d ON d.endpoint = w.id
WHERE w.merchant = $1 AND d.seq = ANY ($2::bigint[]) ORDER BY d.seq, w.id;

-- name: settled_in
-- The settlement that covers what happened to a merchant at this moment, in a currency.
-- $1 merchant uuid  $2 currency  $3 timestamptz
SELECT id, business_date::text AS business_date, status, created_at FROM settlements
WHERE merchant = $1 AND currency = $2 AND from_at < $3 AND to_at >= $3 ORDER BY number LIMIT 1;
