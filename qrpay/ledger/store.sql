-- name: post
-- Post a batch; see functions/post.sql for the parameters.
SELECT base, unclean, seen
FROM ledger_post($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22,
                 $23, $24, $25, $26, $27, $28, $29);

-- name: post_one
-- Post one plain payment; see functions/post_one.sql for the parameters.
SELECT ledger_post_one($1, $2, $3, $4, $5, $6, $7, $8);

-- name: look
-- All that a few transfers depend on, in one snapshot: what stands under their ids, their holds and what resolved
-- them, and of every account they touch the counters and the holds that ran out of time (at most 1000).
-- $1 ids uuid[]  $2 holds uuid[]  $3 accounts uuid[]  $4 what time it is, or null for the server's clock
WITH now_ AS MATERIALIZED (
    SELECT coalesce($4::timestamptz, clock_timestamp()) AS now
), open AS MATERIALIZED (
    SELECT o.id, o.debit, o.credit, o.due_at FROM open_holds o WHERE o.id = ANY ($2::uuid[])
    UNION
    (SELECT o.id, o.debit, o.credit, o.due_at FROM open_holds o
     WHERE o.debit = ANY ($3::uuid[]) AND o.due_at <= (SELECT now FROM now_) LIMIT 500)
    UNION
    (SELECT o.id, o.debit, o.credit, o.due_at FROM open_holds o
     WHERE o.credit = ANY ($3::uuid[]) AND o.due_at <= (SELECT now FROM now_) LIMIT 500)
), standing AS MATERIALIZED (
    SELECT t.id, t.debit, t.credit, t.amount, t.code, t.ledger, t.about, t.reference, t.flags, t.pending_id,
           t.timeout_s, t.timestamp
    FROM transfers t
    WHERE t.id = ANY ($1::uuid[] || $2::uuid[] || ARRAY(SELECT id FROM open))
), resolutions AS MATERIALIZED (
    SELECT t.id, t.debit, t.credit, t.amount, t.code, t.ledger, t.about, t.reference, t.flags, t.pending_id,
           t.timeout_s, t.timestamp
    FROM transfers t
    WHERE t.pending_id = ANY ($2::uuid[])
), touched AS MATERIALIZED (
    SELECT a.id, a.ledger, a.code, a.flags, a.debits_pending, a.debits_posted, a.credits_pending, a.credits_posted,
           a.day_limit, a.year_limit, a.balance_limit, a.used_on, a.day_used, a.year_used, a.created_at
    FROM accounts a
    WHERE a.id = ANY ($3::uuid[] || ARRAY(SELECT debit FROM open) || ARRAY(SELECT credit FROM open)
                      || ARRAY(SELECT debit FROM standing WHERE pending_id IS NULL)
                      || ARRAY(SELECT credit FROM standing WHERE pending_id IS NULL))
)
SELECT (SELECT now FROM now_) AS now,
       ARRAY(SELECT ROW (touched.*) FROM touched) AS accounts,
       ARRAY(SELECT ROW (standing.*) FROM standing) AS standing,
       ARRAY(SELECT ROW (resolutions.*) FROM resolutions) AS resolutions,
       ARRAY(SELECT ROW (open.id, open.due_at) FROM open) AS open;

-- name: open_accounts
-- Open accounts; those that are there already stay as they are.
-- $1 ids uuid[]  $2 ledgers integer[]  $3 codes smallint[]  $4 flags smallint[]
-- $5 day_limits bigint[]  $6 year_limits bigint[]  $7 balance_limits bigint[]
SELECT id FROM ledger_open_accounts($1, $2, $3, $4, $5, $6, $7) AS id;

-- name: change_accounts
-- Change flags of accounts; see functions/change_accounts.sql.
-- $1 ids uuid[]  $2 flags to set smallint[]  $3 flags to clear smallint[]
SELECT place, before, after FROM ledger_change_accounts($1, $2, $3);

-- name: hold_still
-- Lock accounts until the transaction ends.
-- $1 ids uuid[]
SELECT ledger_hold_still($1);

-- name: accounts
-- Accounts as they stand.
-- $1 ids uuid[]
SELECT id, ledger, code, flags, debits_pending, debits_posted, credits_pending, credits_posted, day_limit, year_limit,
       balance_limit, used_on, day_used, year_used, created_at
FROM accounts WHERE id = ANY ($1::uuid[]);

-- name: transfers
-- Transfers as they stand.
-- $1 ids uuid[]
SELECT id, debit, credit, amount, code, ledger, about, reference, flags, pending_id, timeout_s, timestamp
FROM transfers WHERE id = ANY ($1::uuid[]);

-- name: about
-- All transfers of one kind about one thing, oldest first. A thing has few, so there is no page.
-- $1 about uuid  $2 code smallint
SELECT id, debit, credit, amount, code, ledger, about, reference, flags, pending_id, timeout_s, timestamp
FROM transfers
WHERE code = $2::smallint AND (id = $1::uuid AND about = id OR about = $1::uuid AND about <> id)
ORDER BY timestamp, id;

-- name: tail
-- What was posted after a place in the log, in commit order. It ends before the oldest transaction that still
-- runs, so that one that commits late is not passed by.
-- $1 xid xid8  $2 timestamp  $3 id uuid  $4 limit
SELECT xid, id, debit, credit, amount, code, ledger, about, reference, flags, pending_id, timeout_s, timestamp
FROM transfers
WHERE xid >= $1::text::xid8 AND (xid, timestamp, id) > ($1::text::xid8, $2::timestamptz, $3::uuid)
    AND xid < pg_snapshot_xmin(pg_current_snapshot())
ORDER BY xid, timestamp, id
LIMIT $4::integer;

-- name: due_holds
-- Holds that ran out of time, the oldest first.
-- $1 what time it is, or null for the server's clock  $2 limit
SELECT t.id, t.debit, t.credit, t.amount, t.code, t.ledger, t.about, t.reference, t.flags, t.pending_id, t.timeout_s,
       t.timestamp
FROM open_holds o JOIN transfers t ON t.id = o.id
WHERE o.due_at <= coalesce($1::timestamptz, clock_timestamp())
ORDER BY o.due_at
LIMIT $2::integer;

-- check: debits_equal_credits
-- In every ledger, what is debited is credited, posted and pending.
SELECT ledger FROM accounts GROUP BY ledger
HAVING sum(debits_posted) <> sum(credits_posted) OR sum(debits_pending) <> sum(credits_pending);

-- check: counters_equal_transfers
-- Each account's counters are the sums of its transfers.
WITH holds AS (
    SELECT t.*, h.amount AS held FROM transfers t LEFT JOIN transfers h ON h.id = t.pending_id
), sides AS (
    SELECT debit AS id, true AS pays, flags, amount, held FROM holds
    UNION ALL
    SELECT credit, false, flags, amount, held FROM holds
), sums AS (
    SELECT id,
           coalesce(sum(amount) FILTER (WHERE pays AND flags & 10 = 0), 0) AS debits_posted,
           coalesce(sum(amount) FILTER (WHERE NOT pays AND flags & 10 = 0), 0) AS credits_posted,
           coalesce(sum(CASE WHEN flags & 2 = 2 THEN amount ELSE -held END) FILTER (WHERE pays), 0) AS debits_pending,
           coalesce(sum(CASE WHEN flags & 2 = 2 THEN amount ELSE -held END) FILTER (WHERE NOT pays), 0)
               AS credits_pending
    FROM sides GROUP BY id
)
SELECT a.id FROM accounts a LEFT JOIN sums s USING (id)
WHERE (a.debits_posted, a.credits_posted, a.debits_pending, a.credits_pending)
    <> (coalesce(s.debits_posted, 0), coalesce(s.credits_posted, 0), coalesce(s.debits_pending, 0),
        coalesce(s.credits_pending, 0));

-- check: no_transfer_without_accounts
-- Every transfer that moves money has both its accounts, in its own ledger.
SELECT t.id FROM transfers t
LEFT JOIN accounts d ON d.id = t.debit AND d.ledger = t.ledger
LEFT JOIN accounts c ON c.id = t.credit AND c.ledger = t.ledger
WHERE t.amount > 0 AND (d.id IS NULL OR c.id IS NULL);

-- check: no_account_beyond_its_guards
-- No account is overdrawn, and none is below zero.
SELECT id FROM accounts
WHERE (flags & 1 = 1 AND debits_posted + debits_pending > credits_posted)
    OR (flags & 2 = 2 AND credits_posted + credits_pending > debits_posted)
    OR least(debits_posted, debits_pending, credits_posted, credits_pending) < 0;

-- check: no_hold_is_resolved_twice
-- A hold is posted or voided at most once, and is listed as open exactly as long as it is neither.
SELECT pending_id FROM transfers WHERE pending_id IS NOT NULL GROUP BY pending_id HAVING count(*) > 1
UNION ALL
SELECT h.id FROM transfers h
LEFT JOIN transfers r ON r.pending_id = h.id
LEFT JOIN open_holds o ON o.id = h.id
WHERE h.flags & 2 = 2 AND (r.id IS NULL) <> (o.id IS NOT NULL);

-- check: closed_by_a_pending_transfer
-- An account is closed by a transfer exactly as long as that transfer is pending.
WITH closed AS (
    SELECT h.debit AS id FROM open_holds o JOIN transfers h ON h.id = o.id WHERE h.flags & 64 = 64
    UNION
    SELECT h.credit FROM open_holds o JOIN transfers h ON h.id = o.id WHERE h.flags & 128 = 128
)
SELECT a.id FROM accounts a LEFT JOIN closed c ON c.id = a.id WHERE (a.flags & 32 = 32) <> (c.id IS NOT NULL);
