-- What the books said at some moment: checkpoints, and the entries between.

-- name: balance_at
-- An account's counters as of a moment, and which transaction that has changed the account is still under way: its
-- transfers may be older than the moment, and cannot be seen yet. The changed row bears the transaction's number. Once that
-- one has ended all is there, since whoever changes the account next comes later than the moment.
-- $1 account uuid  $2 at timestamptz  $3 the transaction that was under way when it was first asked, or null
WITH base AS MATERIALIZED (
    SELECT at, debits_pending, debits_posted, credits_pending, credits_posted
    FROM checkpoints WHERE account = $1::uuid AND at <= $2::timestamptz ORDER BY at DESC LIMIT 1
), since AS (
    SELECT sum(e.debits_pending) AS debits_pending, sum(e.debits_posted) AS debits_posted,
           sum(e.credits_pending) AS credits_pending, sum(e.credits_posted) AS credits_posted
    -- A subquery among its arguments would keep the function's text from being put in its place: planned anew each time.
    FROM (SELECT coalesce((SELECT at FROM base), '-infinity') AS at) AS b
        CROSS JOIN LATERAL ledger_entries($1::uuid, b.at, $2::timestamptz) AS e
), newest AS (
    SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint AS xid
)
SELECT CASE WHEN changed.xid <> '0' AND NOT pg_visible_in_snapshot(changed.xid, pg_current_snapshot())
           THEN changed.xid::text END AS under_way,
       EXISTS (SELECT FROM detached_accounts d JOIN detached_partitions n ON n.name = d.partition
               WHERE d.account = $1::uuid AND d.first_at <= $2::timestamptz AND d.last_at > $2::timestamptz) AS detached,
       (coalesce((SELECT debits_pending FROM base), 0) + coalesce(since.debits_pending, 0))::bigint AS debits_pending,
       (coalesce((SELECT debits_posted FROM base), 0) + coalesce(since.debits_posted, 0))::bigint AS debits_posted,
       (coalesce((SELECT credits_pending FROM base), 0) + coalesce(since.credits_pending, 0))::bigint AS credits_pending,
       (coalesce((SELECT credits_posted FROM base), 0) + coalesce(since.credits_posted, 0))::bigint AS credits_posted
FROM accounts a CROSS JOIN since CROSS JOIN newest CROSS JOIN LATERAL (
    -- Rows keep the last 32 bits of a number; whose transaction is under way began less than half of those ago.
    SELECT CASE WHEN $3::text IS NOT NULL THEN $3::text WHEN a.xmax = '0' THEN '0' ELSE
        (newest.xid - (newest.xid - a.xmax::text::bigint + 2147483648) % 4294967296 + 2147483648)::text END::xid8 AS xid
) AS changed
WHERE a.id = $1::uuid;

-- name: entries
-- An account's statement, newest first, from a place on; with each line what a resolution freed, and beside all of them the
-- account's counters as they stand, which are those after its newest line: both are read in one snapshot.
-- Every scan here visits each month, so what few lines need (`belonging`, `balance_at`) is asked for apart.
-- $1 account uuid  $2 timestamp, null for the newest  $3 id uuid of the last one seen  $4 limit
WITH page AS MATERIALIZED (
    (SELECT * FROM transfers
     WHERE debit = $1::uuid AND ($2::timestamptz IS NULL OR timestamp <= $2 AND (timestamp, id) < ($2, $3::uuid))
     ORDER BY timestamp DESC, id DESC LIMIT $4::integer)
    UNION ALL
    (SELECT * FROM transfers
     WHERE credit = $1::uuid AND ($2::timestamptz IS NULL OR timestamp <= $2 AND (timestamp, id) < ($2, $3::uuid))
     ORDER BY timestamp DESC, id DESC LIMIT $4::integer)
    ORDER BY timestamp DESC, id DESC LIMIT $4::integer
)
SELECT p.id, p.debit, p.credit, p.amount, p.code, p.ledger, p.about, p.reference, p.flags, p.pending_id, p.timeout_s,
       p.timestamp,
       CASE WHEN p.flags & 12 <> 0 THEN (SELECT r.amount FROM hold_resolutions r WHERE r.hold = p.pending_id) END AS held,
       ARRAY(SELECT ROW (d.first_at, d.last_at) FROM detached_accounts d JOIN detached_partitions n ON n.name = d.partition
             WHERE d.account = $1::uuid) AS gaps,
       coalesce(a.debits_pending, 0) AS debits_pending, coalesce(a.debits_posted, 0) AS debits_posted,
       coalesce(a.credits_pending, 0) AS credits_pending, coalesce(a.credits_posted, 0) AS credits_posted
FROM page p LEFT JOIN accounts a ON a.id = $1::uuid
ORDER BY p.timestamp DESC, p.id DESC;

-- name: belonging
-- When these transfers were recorded, and when they ran out of time if they are holds.
-- $1 ids uuid[]
SELECT id, timestamp, timestamp + make_interval(secs => timeout_s) AS due_at FROM transfers WHERE id = ANY ($1::uuid[]);

-- name: beside
-- What was posted in the same transaction as a transfer, in order.
-- $1 id uuid  $2 limit integer
SELECT id, debit, credit, amount, code, ledger, about, reference, flags, pending_id, timeout_s, timestamp
FROM transfers WHERE xid = (SELECT xid FROM transfers WHERE id = $1::uuid) AND id <> $1::uuid
ORDER BY timestamp, id LIMIT $2::integer;

-- name: concerning
-- All transfers about one thing, oldest first, whatever their kind.
-- $1 about uuid  $2 limit integer
SELECT id, debit, credit, amount, code, ledger, about, reference, flags, pending_id, timeout_s, timestamp
FROM transfers WHERE id = $1::uuid AND about = id OR about = $1::uuid AND about <> id
ORDER BY timestamp, id LIMIT $2::integer;

-- name: resolving
-- What posted or voided a hold.
-- $1 hold uuid
SELECT t.id, t.debit, t.credit, t.amount, t.code, t.ledger, t.about, t.reference, t.flags, t.pending_id, t.timeout_s,
       t.timestamp
FROM hold_resolutions r JOIN transfers t ON t.id = r.transfer WHERE r.hold = $1::uuid;

-- name: seal_of
-- Under which seal a transfer is; no row: it was posted a moment ago.
-- $1 id uuid
SELECT s.number FROM seals s JOIN transfers t ON t.id = $1::uuid
WHERE (s.xid, s.at, s.id) >= (t.xid, t.timestamp, t.id) ORDER BY s.number LIMIT 1;

-- name: gaps
-- From when to when an account has lines in partitions that are not attached.
-- $1 account uuid
SELECT d.first_at, d.last_at FROM detached_accounts d JOIN detached_partitions n ON n.name = d.partition
WHERE d.account = $1::uuid;

-- name: verify
-- Compare accounts with their transfers; see functions/verify.sql.
-- $1 accounts uuid[]
SELECT account, whole, debits_pending, debits_posted, credits_pending, credits_posted FROM ledger_verify($1);

-- name: accounts_after
-- The accounts that follow this one, by id.
-- $1 account uuid  $2 limit integer
SELECT id FROM accounts WHERE id > $1::uuid ORDER BY id LIMIT $2::integer;
