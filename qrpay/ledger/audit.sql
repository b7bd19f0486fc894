-- The full audit: everything is looked at again, in pages.

-- name: begin
-- Begin an audit of the log up to a seal.
-- $1 began_at timestamptz  $2 position bigint  $3 root bytea  $4 stage text
INSERT INTO audits (began_at, position, root, stage) VALUES ($1, $2, $3, $4)
RETURNING number, began_at, ended_at, position, root, stage, done, place, transfers, accounts, checkpoints, findings;

-- name: latest
-- The latest audits, newest first.
-- $1 limit integer
SELECT number, began_at, ended_at, position, root, stage, done, place, transfers, accounts, checkpoints, findings
FROM audits ORDER BY number DESC LIMIT $1;

-- name: advance
-- Keep how far an audit has come; no row when another process goes on with it.
-- $1 number bigint  $2 old stage text  $3 old place text  $4 stage text  $5 place text  $6 done bigint
-- $7 transfers bigint  $8 accounts bigint  $9 checkpoints bigint  $10 findings jsonb  $11 ended_at timestamptz
UPDATE audits SET stage = $4, place = $5, done = $6, transfers = $7, accounts = $8, checkpoints = $9, findings = $10,
    ended_at = $11
WHERE number = $1 AND stage = $2 AND place = $3 AND ended_at IS NULL
RETURNING number;

-- name: sizes
-- About how much there is of what the audit goes through, as the planner counts.
SELECT greatest(reltuples, 0)::bigint AS rows FROM unnest(ARRAY['checkpoints', 'accounts', 'accounts']::regclass[])
    WITH ORDINALITY AS t (oid, place) JOIN pg_class c ON c.oid = t.oid ORDER BY t.place;

-- name: seals_after
-- Seals that follow this one: whether each goes on from the one before it, and whether what stands between the places of
-- both is what was sealed.
-- $1 number bigint  $2 limit integer
SELECT s.number, s.position, s.size, s.root, s.kid, s.signature,
       s.number = p.number + 1 AND s.position = p.position + s.size AND s.root = sha256(p.root || s.leaves) AS chained,
       s.leaves = coalesce((
           SELECT string_agg(ledger_digest(t.id, t.debit, t.credit, t.amount, t.code, t.ledger, t.about, t.reference,
                                           t.flags, t.pending_id, t.timeout_s, t.timestamp, t.xid),
                             '' ORDER BY t.xid, t.timestamp, t.id)
           FROM transfers t
           WHERE t.xid >= p.xid AND (t.xid, t.timestamp, t.id) > (p.xid, p.at, p.id)
               AND t.xid <= s.xid AND (t.xid, t.timestamp, t.id) <= (s.xid, s.at, s.id)
       ), '') AS same
FROM seals s CROSS JOIN LATERAL (
    SELECT * FROM seals p WHERE p.number < s.number ORDER BY p.number DESC LIMIT 1
) AS p
WHERE s.number > $1::bigint
ORDER BY s.number
LIMIT $2::integer;

-- name: sealed
-- The leaves of a seal.
-- $1 number bigint
SELECT leaves FROM seals WHERE number = $1;

-- name: standing
-- The leaves of what stands between the place of the seal before this one and its own.
-- $1 number bigint
SELECT t.id, ledger_digest(t.id, t.debit, t.credit, t.amount, t.code, t.ledger, t.about, t.reference, t.flags,
                           t.pending_id, t.timeout_s, t.timestamp, t.xid) AS leaf
FROM seals s CROSS JOIN LATERAL (
    SELECT * FROM seals p WHERE p.number < s.number ORDER BY p.number DESC LIMIT 1
) AS p JOIN transfers t ON t.xid >= p.xid AND (t.xid, t.timestamp, t.id) > (p.xid, p.at, p.id)
    AND t.xid <= s.xid AND (t.xid, t.timestamp, t.id) <= (s.xid, s.at, s.id)
WHERE s.number = $1::bigint;

-- name: known
-- Those of these transfers that stand anywhere.
-- $1 ids uuid[]
SELECT id FROM transfers WHERE id = ANY ($1::uuid[]);

-- name: detached
-- Those of these transfers that stand in a partition that is not attached; they are compared when it comes back.
-- $1 ids uuid[]
SELECT id FROM detached_ids WHERE id = ANY ($1::uuid[]);

-- name: checkpoints_after
-- Checkpoints that follow this one, and by how much each exceeds the one before it and the entries between; by nothing
-- where some of those are not attached.
-- $1 account uuid  $2 at timestamptz  $3 limit integer
SELECT p.account, b.at AS since, p.at,
       ((p.debits_pending - coalesce(b.debits_pending, 0) - coalesce(e.debits_pending, 0)) * g.whole)::bigint AS debits_pending,
       ((p.debits_posted - coalesce(b.debits_posted, 0) - coalesce(e.debits_posted, 0)) * g.whole)::bigint AS debits_posted,
       ((p.credits_pending - coalesce(b.credits_pending, 0) - coalesce(e.credits_pending, 0)) * g.whole)::bigint AS credits_pending,
       ((p.credits_posted - coalesce(b.credits_posted, 0) - coalesce(e.credits_posted, 0)) * g.whole)::bigint AS credits_posted
FROM (
    SELECT * FROM checkpoints WHERE (account, at) > ($1::uuid, $2::timestamptz) ORDER BY account, at LIMIT $3::integer
) AS p LEFT JOIN LATERAL (
    SELECT * FROM checkpoints b WHERE b.account = p.account AND b.at < p.at ORDER BY b.at DESC LIMIT 1
) AS b ON true LEFT JOIN LATERAL (
    SELECT sum(e.debits_pending) AS debits_pending, sum(e.debits_posted) AS debits_posted,
           sum(e.credits_pending) AS credits_pending, sum(e.credits_posted) AS credits_posted
    FROM ledger_entries(p.account, coalesce(b.at, '-infinity'), p.at) AS e
) AS e ON true CROSS JOIN LATERAL (
    SELECT CASE WHEN EXISTS (
        SELECT FROM detached_accounts d JOIN detached_partitions n ON n.name = d.partition
        WHERE d.account = p.account AND d.first_at <= p.at AND d.last_at > coalesce(b.at, '-infinity')
    ) THEN 0 ELSE 1 END AS whole
) AS g
ORDER BY p.account, p.at;

-- name: named_after
-- The accounts that transfers name and that follow this one, by id; and whether each has a row.
-- $1 account uuid  $2 limit integer
WITH RECURSIVE named AS (
    SELECT $1::uuid AS account, 0 AS place
    UNION ALL
    SELECT least((SELECT t.debit FROM transfers t WHERE t.debit > n.account ORDER BY t.debit LIMIT 1),
                 (SELECT t.credit FROM transfers t WHERE t.credit > n.account ORDER BY t.credit LIMIT 1)), n.place + 1
    FROM named n WHERE n.account IS NOT NULL AND n.place < $2::integer
)
SELECT n.account, EXISTS (SELECT FROM accounts a WHERE a.id = n.account) AS there
FROM named n WHERE n.place > 0 AND n.account IS NOT NULL ORDER BY n.account;

-- name: roots_that_differ
-- Earlier audits that saw another root at their position than there is now.
SELECT a.number, a.position FROM audits a
WHERE a.ended_at IS NOT NULL AND NOT EXISTS (SELECT FROM seals s WHERE s.position = a.position AND s.root = a.root)
ORDER BY a.number DESC LIMIT 100;

-- name: between
-- The latest transfers of this amount between two accounts.
-- $1 debit uuid  $2 credit uuid  $3 amount bigint
SELECT id FROM transfers WHERE debit = $1 AND credit = $2 AND amount = $3 ORDER BY timestamp DESC LIMIT 3;

-- name: closings_that_differ
-- Kinds of account whose accounts together do not show what the closing figures, the transfers after the newest seal, and
-- the accounts that are known to differ say.
WITH head AS MATERIALIZED (
    SELECT xid, at, id FROM seals ORDER BY number DESC LIMIT 1
), after AS MATERIALIZED (
    SELECT t.debit, t.credit, t.ledger, t.amount, t.flags,
           CASE WHEN t.flags & 12 <> 0 THEN (SELECT r.amount FROM hold_resolutions r WHERE r.hold = t.pending_id) END AS held
    FROM transfers t
    WHERE t.amount > 0 AND t.xid >= (SELECT xid FROM head)
        AND (t.xid, t.timestamp, t.id) > ((SELECT xid FROM head), (SELECT at FROM head), (SELECT id FROM head))
), moved AS (
    SELECT a.debit, a.credit, a.ledger, CASE WHEN a.flags & 2 = 2 THEN a.amount ELSE -coalesce(a.held, 0) END AS pending,
           CASE WHEN a.flags & 10 = 0 THEN a.amount ELSE 0 END AS posted
    FROM after a
), sums AS (
    SELECT ledger, code, debits_pending, debits_posted, credits_pending, credits_posted FROM accounts
    UNION ALL
    SELECT ledger, code, -debits_pending, -debits_posted, -credits_pending, -credits_posted
    FROM closings WHERE day = 'infinity'
    UNION ALL
    SELECT m.ledger, coalesce(a.code, 0), -m.pending, -m.posted, 0, 0
    FROM moved m LEFT JOIN accounts a ON a.id = m.debit
    UNION ALL
    SELECT m.ledger, coalesce(a.code, 0), 0, 0, -m.pending, -m.posted
    FROM moved m LEFT JOIN accounts a ON a.id = m.credit
    UNION ALL
    SELECT a.ledger, a.code, -d.debits_pending, -d.debits_posted, -d.credits_pending, -d.credits_posted
    FROM discrepancies d JOIN accounts a ON a.id = d.account
)
SELECT ledger, code FROM sums
WHERE NOT EXISTS (SELECT FROM discrepancies WHERE ledger = 0)
GROUP BY ledger, code
HAVING (sum(debits_pending), sum(debits_posted), sum(credits_pending), sum(credits_posted)) <> (0, 0, 0, 0);

-- name: days_out_of_balance
-- Bank days at whose end all kinds of account together had not debited what they credited.
SELECT d.ledger, d.day
FROM (SELECT DISTINCT ledger, day FROM closings) AS d
JOIN closings n ON n.ledger = d.ledger AND n.day = 'infinity'
CROSS JOIN LATERAL (
    SELECT * FROM closings c WHERE c.ledger = n.ledger AND c.code = n.code AND c.day <= d.day ORDER BY c.day DESC LIMIT 1
) AS c
GROUP BY d.ledger, d.day
HAVING sum(c.debits_posted) <> sum(c.credits_posted) OR sum(c.debits_pending) <> sum(c.credits_pending)
ORDER BY d.ledger, d.day;
