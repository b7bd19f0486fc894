-- The log under seal, and the figures that follow from it.

-- name: follow
-- Go on along the log; see functions/follow.sql.
-- $1 transfers at most integer  $2 accounts at most integer
SELECT sealed, place, root, moved FROM ledger_follow($1, $2);

-- name: head
-- The newest seal: how far the log is sealed.
SELECT number, position, root, signature IS NOT NULL AS signed FROM seals ORDER BY number DESC LIMIT 1;

-- name: sign
-- Sign a seal, if it is still the one that was signed.
-- $1 number bigint  $2 root bytea  $3 kid text  $4 signature bytea
SELECT ledger_sign($1, $2, $3, $4);

-- name: totals
-- Both sides of every ledger as of now: the figures kept with the newest seal, what was posted after it (at most $1
-- transfers; beyond that the figures are those of the seal), and what accounts show that no transfer explains.
-- $1 limit integer
WITH head AS MATERIALIZED (
    SELECT xid, at, id FROM seals ORDER BY number DESC LIMIT 1
), after AS MATERIALIZED (
    SELECT t.ledger, t.amount, t.flags,
           CASE WHEN t.flags & 12 <> 0 THEN (SELECT r.amount FROM hold_resolutions r WHERE r.hold = t.pending_id) END AS held
    FROM transfers t
    WHERE t.xid >= (SELECT xid FROM head)
        AND (t.xid, t.timestamp, t.id) > ((SELECT xid FROM head), (SELECT at FROM head), (SELECT id FROM head))
    LIMIT $1::integer
), sums AS (
    SELECT ledger, debits_pending, debits_posted, credits_pending, credits_posted FROM closings WHERE day = 'infinity'
    UNION ALL
    SELECT ledger, p.pending, p.posted, p.pending, p.posted
    FROM after, LATERAL (
        SELECT CASE WHEN flags & 2 = 2 THEN amount ELSE -coalesce(held, 0) END AS pending,
               CASE WHEN flags & 10 = 0 THEN amount ELSE 0 END AS posted
    ) AS p
    WHERE amount > 0 AND (SELECT count(*) FROM after) < $1::integer
    UNION ALL
    SELECT ledger, debits_pending, debits_posted, credits_pending, credits_posted FROM discrepancies
)
SELECT ledger, sum(debits_posted)::bigint AS debits_posted, sum(credits_posted)::bigint AS credits_posted,
       sum(debits_pending)::bigint AS debits_pending, sum(credits_pending)::bigint AS credits_pending
FROM sums GROUP BY ledger ORDER BY ledger;

-- name: discrepancies
-- Accounts whose counters are not the sums of their transfers, and by how much they are too high.
SELECT account, ledger, found_at, debits_pending, debits_posted, credits_pending, credits_posted
FROM discrepancies ORDER BY found_at, account;

-- name: trial_balance
-- What each kind of account had before a bank day and at its end: the closing figures, and what was posted after the newest
-- seal, at most $2 transfers.
-- $1 day date  $2 limit integer
WITH head AS MATERIALIZED (
    SELECT xid, at, id FROM seals ORDER BY number DESC LIMIT 1
), after AS MATERIALIZED (
    SELECT t.debit, t.credit, t.ledger, (t.timestamp AT TIME ZONE 'Asia/Shanghai')::date AS day,
           CASE WHEN t.flags & 2 = 2 THEN t.amount WHEN t.flags & 12 = 0 THEN 0
                ELSE -(SELECT h.amount FROM transfers h WHERE h.id = t.pending_id) END AS pending,
           CASE WHEN t.flags & 10 = 0 THEN t.amount ELSE 0 END AS posted
    FROM transfers t
    WHERE t.amount > 0 AND t.xid >= (SELECT xid FROM head)
        AND (t.xid, t.timestamp, t.id) > ((SELECT xid FROM head), (SELECT at FROM head), (SELECT id FROM head))
    LIMIT $2::integer
), sides AS (
    SELECT debit AS account, ledger, day, pending AS debits_pending, posted AS debits_posted, 0 AS credits_pending,
           0 AS credits_posted FROM after
    UNION ALL
    SELECT credit, ledger, day, 0, 0, pending, posted FROM after
), gained AS MATERIALIZED (
    SELECT s.ledger, coalesce(a.code, 0::smallint) AS code,
           sum(s.debits_posted) FILTER (WHERE s.day < $1::date) AS debits_before,
           sum(s.credits_posted) FILTER (WHERE s.day < $1::date) AS credits_before,
           sum(s.debits_pending) AS debits_pending, sum(s.debits_posted) AS debits_posted,
           sum(s.credits_pending) AS credits_pending, sum(s.credits_posted) AS credits_posted
    FROM sides s LEFT JOIN accounts a ON a.id = s.account
    WHERE s.day <= $1::date
    GROUP BY s.ledger, coalesce(a.code, 0::smallint)
), kinds AS (
    SELECT ledger, code FROM closings WHERE day = 'infinity' UNION SELECT ledger, code FROM gained
)
SELECT k.ledger, k.code,
       (coalesce(b.debits_posted, 0) + coalesce(g.debits_before, 0))::bigint AS debits_before,
       (coalesce(b.credits_posted, 0) + coalesce(g.credits_before, 0))::bigint AS credits_before,
       (coalesce(e.debits_pending, 0) + coalesce(g.debits_pending, 0))::bigint AS debits_pending,
       (coalesce(e.debits_posted, 0) + coalesce(g.debits_posted, 0))::bigint AS debits_posted,
       (coalesce(e.credits_pending, 0) + coalesce(g.credits_pending, 0))::bigint AS credits_pending,
       (coalesce(e.credits_posted, 0) + coalesce(g.credits_posted, 0))::bigint AS credits_posted
FROM kinds k
LEFT JOIN LATERAL (
    SELECT * FROM closings c WHERE c.ledger = k.ledger AND c.code = k.code AND c.day < $1::date
    ORDER BY c.day DESC LIMIT 1
) AS b ON true
LEFT JOIN LATERAL (
    SELECT * FROM closings c WHERE c.ledger = k.ledger AND c.code = k.code AND c.day <= $1::date
    ORDER BY c.day DESC LIMIT 1
) AS e ON true
LEFT JOIN gained g ON g.ledger = k.ledger AND g.code = k.code
WHERE e.day IS NOT NULL OR g.code IS NOT NULL
ORDER BY k.ledger, k.code;
