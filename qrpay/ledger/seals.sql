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
           CASE WHEN t.flags & 12 <> 0 THEN (SELECT h.amount FROM transfers h WHERE h.id = t.pending_id) END AS held
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
-- What each kind of account had before a bank day and at its end.
-- $1 day date
SELECT n.ledger, n.code, b.debits_posted AS debits_before, b.credits_posted AS credits_before, e.debits_posted,
       e.credits_posted, e.debits_pending, e.credits_pending
FROM closings n
LEFT JOIN LATERAL (
    SELECT * FROM closings c WHERE c.ledger = n.ledger AND c.code = n.code AND c.day < $1::date
    ORDER BY c.day DESC LIMIT 1
) AS b ON true
JOIN LATERAL (
    SELECT * FROM closings c WHERE c.ledger = n.ledger AND c.code = n.code AND c.day <= $1::date
    ORDER BY c.day DESC LIMIT 1
) AS e ON true
WHERE n.day = 'infinity'
ORDER BY n.ledger, n.code;
