-- Webhook endpoints, and the queue of deliveries.

-- name: take_turns
-- Let one registration of a merchant run at a time, until the transaction ends, so that their number stays bounded.
-- $1 merchant uuid
SELECT pg_advisory_xact_lock(hashtextextended('webhook endpoints', 0) # hashtextextended($1::uuid::text, 0));

-- name: register
-- Register an endpoint, unless the merchant has as many as it may, or this id is there already.
-- It hears what enters the log from now on.
-- $1 id uuid  $2 merchant uuid  $3 url text  $4 events text[]  $5 secret bytea  $6 created_at  $7 test boolean
-- $8 max bigint
INSERT INTO webhook_endpoints (id, merchant, url, events, secret, created_at, test, from_seq)
SELECT $1, $2, $3, $4, $5, $6, $7, (SELECT coalesce(max(last), 0) FROM event_spans)
WHERE (SELECT count(*) FROM webhook_endpoints WHERE merchant = $2 AND status <> 'removed') < $8::bigint
ON CONFLICT (id) DO NOTHING
RETURNING id;

-- name: endpoint
-- One of a merchant's endpoints, removed ones too.
-- $1 merchant uuid  $2 id uuid
SELECT id, merchant, url, events, secret, status, reason, created_at, test, behind IS NOT NULL AS behind
FROM webhook_endpoints
WHERE id = $2 AND merchant = $1;

-- name: endpoints_of
-- A merchant's endpoints, oldest first; there are few.
-- $1 merchant uuid
SELECT id, merchant, url, events, secret, status, reason, created_at, test, behind IS NOT NULL AS behind
FROM webhook_endpoints
WHERE merchant = $1 AND status <> 'removed'
ORDER BY created_at, id;

-- name: change
-- Give an endpoint another address or other events; a new address has a clean slate.
-- $1 id uuid  $2 url text  $3 events text[]
UPDATE webhook_endpoints
SET url = $2, events = $3,
    failures = CASE WHEN url = $2 THEN failures ELSE 0 END,
    failing_since = CASE WHEN url = $2 THEN failing_since END,
    not_before = CASE WHEN url = $2 THEN not_before ELSE 'epoch' END
WHERE id = $1 AND status <> 'removed';

-- name: pause
-- Leave an endpoint alone from now on. What the consumer has queued by now is the least that it heard: a span that is
-- being queued this moment may be taken twice, and a delivery stands once.
-- $1 id uuid
UPDATE webhook_endpoints w
SET status = 'paused', behind = coalesce(w.behind, greatest(w.from_seq, (
    SELECT c.position::bigint FROM cursors c WHERE c.name = 'consumer webhooks'
), 0))
WHERE w.id = $1 AND w.status = 'enabled';

-- name: resume
-- Call an endpoint again, as if it had never failed; a batch at a time brings what it missed.
-- $1 id uuid
UPDATE webhook_endpoints
SET status = 'enabled', reason = NULL, failures = 0, failing_since = NULL, not_before = 'epoch'
WHERE id = $1 AND status IN ('paused', 'disabled');

-- name: begin_anew
-- What waited for an endpoint is due now, and its days begin anew.
-- $1 endpoint uuid  $2 now timestamptz
UPDATE webhook_deliveries SET since = $2, next_try_at = $2 WHERE endpoint = $1 AND status = 'waiting';

-- name: replay
-- Have a test endpoint hear again what follows a number.
-- $1 id uuid  $2 after seq bigint  $3 now timestamptz
UPDATE webhook_endpoints SET behind = $2, replay_at = $3 WHERE id = $1 AND test AND status <> 'removed';

-- name: behind
-- Endpoints that have something to catch up with; there are few.
SELECT id FROM webhook_endpoints WHERE status = 'enabled' AND behind IS NOT NULL ORDER BY id LIMIT 1000;

-- name: take_behind
-- Take one of them until the transaction ends: how far it heard, and how many deliveries wait for it, at most $2.
-- $1 id uuid  $2 batch bigint
SELECT behind, (
    SELECT count(*) FROM (
        SELECT FROM webhook_deliveries WHERE endpoint = $1 AND status = 'waiting' LIMIT $2::bigint
    ) AS queue
) AS waiting
FROM webhook_endpoints WHERE id = $1 AND status = 'enabled' AND behind IS NOT NULL
FOR NO KEY UPDATE;

-- name: stop_consumer
-- Let the consumer queue nothing until the transaction ends: whoever has caught up joins in without a gap.
SELECT position FROM cursors WHERE name = 'consumer webhooks' FOR NO KEY UPDATE;

-- name: queue_missed
-- Queue the next of an endpoint's events; how many were looked at, and the last one's number. What was sent before a
-- replay was asked for is sent again.
-- $1 id uuid  $2 after seq bigint  $3 limit bigint  $4 now timestamptz
WITH mine AS MATERIALIZED (
    SELECT w.id, w.events, w.replay_at, s.last - s.size + n AS seq
    FROM webhook_endpoints w
        JOIN event_receivers r ON r.receiver = w.merchant AND r.last > $2::bigint
        JOIN event_spans s ON s.last = r.last
        CROSS JOIN LATERAL unnest(array_positions(s.receivers, w.merchant)) AS n
    WHERE w.id = $1 AND s.last - s.size + n > $2::bigint
    ORDER BY s.last, n
    LIMIT $3::bigint
), queued AS (
    INSERT INTO webhook_deliveries AS d (endpoint, seq, about, since, next_try_at)
    SELECT m.id, m.seq, e.about, $4, $4
    FROM mine m CROSS JOIN LATERAL event_at(m.seq) AS e
    WHERE m.events @> ARRAY[e.type] OR m.events @> ARRAY['*']
    ON CONFLICT (endpoint, seq) DO UPDATE SET status = 'waiting', since = $4, next_try_at = $4
        WHERE d.since < (SELECT replay_at FROM webhook_endpoints WHERE id = $1)
)
SELECT count(*) AS looked, coalesce(max(seq), $2) AS last FROM mine;

-- name: heard_up_to
-- Say how far an endpoint has come; null: it has caught up, and hears with the others.
-- $1 id uuid  $2 seq bigint
UPDATE webhook_endpoints SET behind = $2 WHERE id = $1;

-- name: remove
-- Remove an endpoint; no row when there is none.
-- $1 merchant uuid  $2 id uuid
UPDATE webhook_endpoints SET status = 'removed', reason = NULL
WHERE id = $2 AND merchant = $1 AND status <> 'removed'
RETURNING id;

-- name: give_up
-- Give up whatever waits for these endpoints.
-- $1 endpoints uuid[]
UPDATE webhook_deliveries SET status = 'given_up' WHERE endpoint = ANY ($1::uuid[]) AND status = 'waiting';

-- name: somebody_listens
-- Whether any endpoint is to be called at all.
SELECT EXISTS (SELECT FROM webhook_endpoints WHERE status = 'enabled');

-- name: enqueue
-- Queue what the log tells between two numbers for the endpoints that want it; how many deliveries that makes.
-- $1 after seq bigint  $2 until seq bigint  $3 now timestamptz
WITH queued AS (
    INSERT INTO webhook_deliveries (endpoint, seq, about, since, next_try_at)
    SELECT w.id, e.seq, e.about, $3, $3
    FROM webhook_endpoints w JOIN events e ON e.receiver = w.merchant
    WHERE w.status = 'enabled' AND w.behind IS NULL AND e.seq > $1::bigint AND e.seq <= $2::bigint AND e.seq > w.from_seq
        AND e.span > $1::bigint AND e.span <= coalesce((SELECT min(last) FROM event_spans WHERE last >= $2::bigint), $2::bigint)
        AND (w.events @> ARRAY[e.type] OR w.events @> ARRAY['*'])
    ON CONFLICT DO NOTHING
    RETURNING 1
)
SELECT count(*) FROM queued;

-- name: wake_sender
-- Tell the sender that something is due; it hears this when the transaction commits.
SELECT pg_notify('qrpay_webhooks', '');

-- name: due
-- What may be sent now: for each endpoint that has something waiting (found by skipping from one to the next), its
-- oldest due deliveries, each only when nothing earlier about the same thing is waiting. What is in flight is left out
-- and counts against the endpoint's share, so that one that hangs takes no other's place; one that fails has a share
-- of one.
-- $1 now timestamptz  $2 each bigint  $3 all bigint  $4 endpoints in flight uuid[]  $5 seqs in flight bigint[]
WITH RECURSIVE busy (endpoint) AS (
    (SELECT endpoint FROM webhook_deliveries WHERE status = 'waiting' ORDER BY endpoint LIMIT 1)
    UNION ALL
    SELECT (
        SELECT d.endpoint FROM webhook_deliveries d
        WHERE d.status = 'waiting' AND d.endpoint > busy.endpoint
        ORDER BY d.endpoint LIMIT 1
    )
    FROM busy WHERE busy.endpoint IS NOT NULL
)
SELECT w.id AS endpoint, d.seq, d.attempts, d.since, d.next_try_at, w.url, w.secret, w.failures
FROM busy
    JOIN webhook_endpoints w ON w.id = busy.endpoint AND w.status = 'enabled' AND w.not_before <= $1
    CROSS JOIN LATERAL (
        SELECT d.seq, d.attempts, d.since, d.next_try_at
        FROM webhook_deliveries d
        WHERE d.endpoint = w.id AND d.status = 'waiting' AND d.next_try_at <= $1
            AND NOT EXISTS (
                SELECT FROM webhook_deliveries earlier
                WHERE earlier.endpoint = d.endpoint AND earlier.about = d.about AND earlier.status = 'waiting'
                    AND earlier.seq < d.seq
            )
            AND (d.endpoint, d.seq) NOT IN (SELECT * FROM unnest($4::uuid[], $5::bigint[]))
        ORDER BY d.next_try_at, d.seq
        LIMIT greatest(0, CASE WHEN w.failures > 0 THEN 1 ELSE $2::bigint END - (
            SELECT count(*) FROM unnest($4::uuid[]) AS flying (endpoint) WHERE flying.endpoint = w.id
        ))
    ) d
ORDER BY d.next_try_at, d.seq
LIMIT $3::bigint;

-- name: health
-- How these endpoints have been.
-- $1 endpoints uuid[]
SELECT id AS endpoint, failures, failing_since, not_before FROM webhook_endpoints WHERE id = ANY ($1::uuid[]);

-- name: record_health
-- Write how endpoints are now; those with a reason are switched off, and keep their place in the log.
-- $1 endpoints uuid[]  $2 failures integer[]  $3 failing_since timestamptz[]  $4 not_before timestamptz[]
-- $5 reasons text[] (null: it stays as it is)
UPDATE webhook_endpoints w
SET failures = h.failures, failing_since = h.failing_since, not_before = h.not_before,
    status = CASE WHEN h.reason IS NOT NULL AND w.status = 'enabled' THEN 'disabled' ELSE w.status END,
    reason = CASE WHEN h.reason IS NOT NULL AND w.status = 'enabled' THEN h.reason ELSE w.reason END,
    behind = CASE WHEN h.reason IS NULL OR w.status <> 'enabled' OR w.behind IS NOT NULL THEN w.behind
        ELSE greatest(w.from_seq, (SELECT c.position::bigint FROM cursors c WHERE c.name = 'consumer webhooks'), 0) END
FROM unnest($1::uuid[], $2::integer[], $3::timestamptz[], $4::timestamptz[], $5::text[])
    AS h (endpoint, failures, failing_since, not_before, reason)
WHERE w.id = h.endpoint;

-- name: record
-- Write what came of attempts.
-- $1 endpoints uuid[]  $2 seqs bigint[]  $3 statuses text[]  $4 attempts integer[]  $5 next_try_at timestamptz[]
-- $6 at timestamptz[]  $7 HTTP statuses integer[]  $8 errors text[]  $9 ms integer[]
UPDATE webhook_deliveries d
SET status = CASE WHEN d.status = 'waiting' OR t.status = 'delivered' THEN t.status ELSE d.status END,
    attempts = t.attempts, next_try_at = t.next_try_at, last_at = t.at,
    last_status = t.last_status, last_error = t.error, last_ms = t.ms
FROM unnest($1::uuid[], $2::bigint[], $3::text[], $4::integer[], $5::timestamptz[], $6::timestamptz[], $7::integer[],
    $8::text[], $9::integer[]) AS t (endpoint, seq, status, attempts, next_try_at, at, last_status, error, ms)
WHERE d.endpoint = t.endpoint AND d.seq = t.seq;

-- name: hurry
-- These endpoints are back: whatever waits for its next try is due now.
-- $1 endpoints uuid[]  $2 now timestamptz
UPDATE webhook_deliveries SET next_try_at = $2
WHERE endpoint = ANY ($1::uuid[]) AND status = 'waiting' AND next_try_at > $2;

-- name: deliveries
-- An endpoint's deliveries, newest first.
-- $1 endpoint uuid  $2 before seq bigint (or null)  $3 limit bigint  $4 status text (or null)
SELECT d.seq, e.type, d.status, d.attempts, e.created_at, d.next_try_at,
    d.last_at, d.last_status, d.last_error, d.last_ms
FROM webhook_deliveries d CROSS JOIN LATERAL event_at(d.seq) AS e
WHERE d.endpoint = $1 AND d.seq < coalesce($2::bigint, 9223372036854775807)
    AND ($4::text IS NULL OR d.status = $4::text)
ORDER BY d.seq DESC
LIMIT $3::bigint;

-- name: delivery
-- One delivery of an endpoint, by its event's number.
-- $1 endpoint uuid  $2 seq bigint
SELECT d.seq, e.type, d.status, d.attempts, e.created_at, d.next_try_at,
    d.last_at, d.last_status, d.last_error, d.last_ms
FROM webhook_deliveries d CROSS JOIN LATERAL event_at(d.seq) AS e
WHERE d.endpoint = $1 AND d.seq = $2;

-- name: send_again
-- Make a delivery due now, whatever has become of it; its days begin anew.
-- $1 endpoint uuid  $2 seq bigint  $3 now timestamptz
UPDATE webhook_deliveries SET status = 'waiting', since = $3, next_try_at = $3 WHERE endpoint = $1 AND seq = $2;

-- check: every_delivery_has_its_event
-- A delivery names an event of the log, sent to its own merchant.
SELECT d.endpoint, d.seq
FROM webhook_deliveries d
    JOIN webhook_endpoints w ON w.id = d.endpoint
    LEFT JOIN events e ON e.seq = d.seq
WHERE e.receiver IS DISTINCT FROM w.merchant;
