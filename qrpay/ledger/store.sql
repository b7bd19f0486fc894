-- name: post
-- Post a batch; see functions/post.sql for the parameters.
SELECT base, unclean, seen
FROM ledger_post($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22,
                 $23, $24, $25, $26, $27, $28, $29, $30, $31, $32, $33, $34, $35, $36);

-- name: post_one
-- Post one plain payment; see functions/post_one.sql for the parameters.
SELECT ledger_post_one($1, $2, $3, $4, $5, $6, $7, $8, $9);

-- name: look
-- All that a few transfers depend on, in one snapshot: what stands under their ids, their holds and what resolved
-- them, and of every account they touch the counters and the holds that ran out of time (at most 1000); and which of
-- these ids stand in a partition that is not attached.
-- $1 ids uuid[]  $2 holds uuid[]  $3 accounts uuid[]  $4 what time it is, or null for the server's clock
WITH now_ AS MATERIALIZED (
    SELECT coalesce($4::timestamptz, clock_timestamp()) AS now
), held AS MATERIALIZED (
    SELECT o.id, o.debit, o.credit, o.due_at, o.counted_on FROM open_holds o WHERE o.id = ANY ($2::uuid[])
), open AS MATERIALIZED (
    SELECT * FROM held
    UNION
    -- A post or void may leave its accounts out: then those of its hold count.
    (SELECT o.id, o.debit, o.credit, o.due_at, o.counted_on FROM open_holds o
     WHERE o.debit = ANY ($3::uuid[] || ARRAY(SELECT debit FROM held) || ARRAY(SELECT credit FROM held))
         AND o.due_at <= (SELECT now FROM now_) LIMIT 500)
    UNION
    (SELECT o.id, o.debit, o.credit, o.due_at, o.counted_on FROM open_holds o
     WHERE o.credit = ANY ($3::uuid[] || ARRAY(SELECT debit FROM held) || ARRAY(SELECT credit FROM held))
         AND o.due_at <= (SELECT now FROM now_) LIMIT 500)
), standing AS MATERIALIZED (
    SELECT t.id, t.debit, t.credit, t.amount, t.code, t.ledger, t.about, t.reference, t.flags, t.pending_id,
           t.timeout_s, t.timestamp
    FROM transfers t
    WHERE t.id = ANY ($1::uuid[] || $2::uuid[] || ARRAY(SELECT id FROM open))
), resolutions AS MATERIALIZED (
    SELECT t.id, t.debit, t.credit, t.amount, t.code, t.ledger, t.about, t.reference, t.flags, t.pending_id,
           t.timeout_s, t.timestamp
    FROM hold_resolutions r JOIN transfers t ON t.id = r.transfer
    WHERE r.hold = ANY ($2::uuid[])
), ends AS MATERIALIZED (
    SELECT a.id, a.day_group, a.code_group FROM accounts a
    WHERE a.id = ANY ($3::uuid[] || ARRAY(SELECT debit FROM open) || ARRAY(SELECT credit FROM open)
                      || ARRAY(SELECT debit FROM standing WHERE pending_id IS NULL)
                      || ARRAY(SELECT credit FROM standing WHERE pending_id IS NULL))
), touched AS MATERIALIZED (
    SELECT a.id, a.ledger, a.code, a.flags, a.debits_pending, a.debits_posted, a.credits_pending, a.credits_posted,
           a.day_limit, a.year_limit, a.balance_limit, a.used_on, a.day_used, a.year_used, a.created_at,
           a.cap_class, a.limits_until, a.code_a_limit, a.code_b_limit, a.code_c_limit, a.code_d_limit,
           a.code_a_used, a.code_b_used, a.code_c_used, a.code_d_used, a.day_group, a.code_group,
           a.inflow_day_limit, a.inflow_year_limit, a.inflow_on, a.inflow_day_used, a.inflow_year_used
    FROM accounts a
    WHERE a.id = ANY (ARRAY(SELECT id FROM ends) || ARRAY(SELECT day_group FROM ends WHERE day_group IS NOT NULL)
                      || ARRAY(SELECT code_group FROM ends WHERE code_group IS NOT NULL))
)
SELECT (SELECT now FROM now_) AS now,
       ARRAY(SELECT ROW (touched.*) FROM touched) AS accounts,
       ARRAY(SELECT ROW (standing.*) FROM standing) AS standing,
       ARRAY(SELECT ROW (resolutions.*) FROM resolutions) AS resolutions,
       ARRAY(SELECT ROW (open.id, open.due_at, open.counted_on) FROM open) AS open,
       ARRAY(SELECT d.id FROM detached_ids d WHERE d.id = ANY ($1::uuid[] || $2::uuid[])) AS detached;

-- name: renew_limits
-- Look up the limits of these accounts anew, where they are due; see functions/caps.sql.
-- $1 ids uuid[]  $2 what time it is, or null for the server's clock
SELECT ledger_renew_limits($1, $2);

-- name: open_accounts
-- Open accounts; those that are there already stay as they are.
-- $1 ids uuid[]  $2 ledgers integer[]  $3 codes smallint[]  $4 flags smallint[]
-- $5 day_limits bigint[]  $6 year_limits bigint[]  $7 balance_limits bigint[]  $8 cap_classes smallint[]
-- $9 what time it is, or null for the server's clock
SELECT id FROM ledger_open_accounts($1, $2, $3, $4, $5, $6, $7, $8, $9) AS id;

-- name: change_accounts
-- Change flags of accounts; see functions/change_accounts.sql.
-- $1 ids uuid[]  $2 flags to set smallint[]  $3 flags to clear smallint[]
SELECT place, before, after FROM ledger_change_accounts($1, $2, $3);

-- name: hold_still
-- Lock accounts until the transaction ends.
-- $1 ids uuid[]
SELECT ledger_hold_still($1);

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
-- Each account's counters are the sums of its transfers, and of what was summed up when a partition was detached.
WITH sides AS (
    SELECT t.debit AS id, true AS pays, t.flags, t.amount, r.amount AS held
    FROM transfers t LEFT JOIN hold_resolutions r ON r.hold = t.pending_id
    UNION ALL
    SELECT t.credit, false, t.flags, t.amount, r.amount
    FROM transfers t LEFT JOIN hold_resolutions r ON r.hold = t.pending_id
), parts AS (
    SELECT id,
           coalesce(sum(amount) FILTER (WHERE pays AND flags & 10 = 0), 0) AS debits_posted,
           coalesce(sum(amount) FILTER (WHERE NOT pays AND flags & 10 = 0), 0) AS credits_posted,
           coalesce(sum(CASE WHEN flags & 2 = 2 THEN amount ELSE -held END) FILTER (WHERE pays), 0) AS debits_pending,
           coalesce(sum(CASE WHEN flags & 2 = 2 THEN amount ELSE -held END) FILTER (WHERE NOT pays), 0)
               AS credits_pending
    FROM sides GROUP BY id
    UNION ALL
    SELECT d.account, d.debits_posted, d.credits_posted, d.debits_pending, d.credits_pending
    FROM detached_accounts d JOIN detached_partitions p ON p.name = d.partition
), sums AS (
    SELECT id, sum(debits_posted) AS debits_posted, sum(credits_posted) AS credits_posted,
           sum(debits_pending) AS debits_pending, sum(credits_pending) AS credits_pending
    FROM parts GROUP BY id
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
-- A hold is posted or voided at most once, by the transfer that is noted for it, for the amount that was held; and it is
-- listed as open exactly as long as it is neither.
SELECT t.id FROM transfers t LEFT JOIN hold_resolutions r ON r.hold = t.pending_id
WHERE t.pending_id IS NOT NULL AND r.transfer IS DISTINCT FROM t.id
UNION ALL
SELECT h.id FROM transfers h
LEFT JOIN hold_resolutions r ON r.hold = h.id
LEFT JOIN open_holds o ON o.id = h.id
WHERE h.flags & 2 = 2 AND ((r.hold IS NULL) <> (o.id IS NOT NULL) OR r.amount <> h.amount)
UNION ALL
SELECT r.hold FROM hold_resolutions r
WHERE NOT EXISTS (SELECT FROM transfers t WHERE t.id = r.transfer AND t.pending_id = r.hold)
    AND NOT EXISTS (SELECT FROM detached_ids d WHERE d.id = r.transfer);

-- check: closed_by_a_pending_transfer
-- An account is closed by a transfer exactly as long as that transfer is pending.
WITH closed AS (
    SELECT h.debit AS id FROM open_holds o JOIN transfers h ON h.id = o.id WHERE h.flags & 64 = 64
    UNION
    SELECT h.credit FROM open_holds o JOIN transfers h ON h.id = o.id WHERE h.flags & 128 = 128
)
SELECT a.id FROM accounts a LEFT JOIN closed c ON c.id = a.id WHERE (a.flags & 32 = 32) <> (c.id IS NOT NULL);

-- check: accounts_know_the_caps_of_their_class
-- An account whose limits are still those of before a cap of its class was set: the walk that tells all of them is on
-- its way, or was cut off. Setting the same cap again tells them. Accounts with caps of their own, or that share, are
-- left out.
WITH in_force AS (
    SELECT DISTINCT ON (c.cap_class, c.ledger, c.kind) c.cap_class, c.ledger, c.kind, c.amount
    FROM caps c
    WHERE c.cap_class IS NOT NULL AND c.effective_on <= (clock_timestamp() AT TIME ZONE 'Asia/Shanghai')::date
    ORDER BY c.cap_class, c.ledger, c.kind, c.effective_on DESC, c.id DESC
)
SELECT a.id, f.kind, f.amount AS cap, known.amount AS known
FROM accounts a
JOIN in_force f ON f.ledger = a.ledger AND f.cap_class = CASE WHEN f.kind LIKE 'code%' THEN 1 ELSE a.cap_class END,
     LATERAL (SELECT CASE f.kind
         WHEN 'day' THEN a.day_limit WHEN 'year' THEN a.year_limit WHEN 'balance' THEN a.balance_limit
         WHEN 'code_a' THEN a.code_a_limit WHEN 'code_b' THEN a.code_b_limit WHEN 'code_c' THEN a.code_c_limit
         WHEN 'code_d' THEN a.code_d_limit WHEN 'inflow_day' THEN a.inflow_day_limit
         ELSE a.inflow_year_limit END AS amount) AS known
WHERE a.cap_class > 1 AND a.code_group IS NULL
    AND (a.limits_until IS NULL OR a.limits_until > (clock_timestamp() AT TIME ZONE 'Asia/Shanghai')::date)
    AND known.amount IS DISTINCT FROM f.amount
    AND NOT EXISTS (SELECT FROM cap_groups g WHERE g.id = a.id)
    AND NOT EXISTS (SELECT FROM caps c WHERE c.account = a.id AND c.kind = f.kind);
