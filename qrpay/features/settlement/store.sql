-- Settlements, their terms, and the entries of merchants' accounts that they cover.

-- name: horizon
-- A number that is above those of all transactions that have written anything until now.
SELECT pg_current_xact_id()::text::bigint;

-- name: running
-- The oldest transaction that still runs, or the next one to come.
SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint;

-- name: candidates
-- Accounts of merchants of some cycles that have moved since their last settlement, carry something, or have one that is
-- not finished; by account, after one. Beside each the terms in force, and what was paid to it in the days for which its
-- reserve is kept, by the settlements before.
-- $1 cycles text[]  $2 after uuid  $3 business date  $4 limit integer  $5 one merchant uuid, or null for all
SELECT m.account, m.merchant, m.currency, coalesce(s.number, 0) AS number, s.business_date,
       coalesce(s.to_at, 'epoch') AS to_at, coalesce(s.closing, 0) AS closing, s.status,
       coalesce(u.turnover, 0)::bigint AS turnover,
       EXISTS (SELECT FROM detached_accounts d JOIN detached_partitions n ON n.name = d.partition
               WHERE d.account = m.account AND d.last_at > coalesce(s.to_at, 'epoch')) AS detached, a.ledger,
       coalesce(t.cycle, 'T+1') AS cycle, coalesce(t.minimum, 1) AS minimum, coalesce(t.reserve, 0) AS reserve,
       coalesce(t.reserve_bp, 0) AS reserve_bp, coalesce(t.reserve_days, 0) AS reserve_days, t.hold,
       t.name, t.account AS bank_account, t.bank
FROM merchant_accounts m
JOIN accounts a ON a.id = m.account
LEFT JOIN LATERAL (SELECT * FROM settlement_terms t WHERE t.merchant = m.merchant ORDER BY t.number DESC LIMIT 1) AS t ON true
LEFT JOIN LATERAL (SELECT * FROM settlements s WHERE s.account = m.account ORDER BY s.number DESC LIMIT 1) AS s ON true
LEFT JOIN LATERAL (
    SELECT sum((l.value ->> 'amount')::bigint) AS turnover
    FROM settlements r CROSS JOIN LATERAL jsonb_array_elements(r.lines::jsonb) AS l
    WHERE t.reserve_bp > 0 AND r.account = m.account AND r.business_date > $3::date - t.reserve_days
        AND r.business_date < $3::date AND l.value ->> 'kind' = 'payment'
) AS u ON true
WHERE m.account > $2::uuid AND ($5::uuid IS NULL OR m.merchant = $5)
    AND coalesce(t.cycle, 'T+1') = ANY ($1::text[])
    AND (s.status = 'planned' OR (s.business_date IS NULL OR s.business_date < $3::date)
        AND (a.last_timestamp > coalesce(s.to_at, 'epoch') OR s.closing > 0))
ORDER BY m.account LIMIT $4::integer;

-- name: count_accounts
-- How many accounts merchants have: what a progress bar counts to.
SELECT count(*) FROM merchant_accounts;

-- name: movement
-- The entries of an account after one moment and up to another, the first ones of them, summed by kind and direction. What
-- an entry adds: a credit its amount; a debit takes its amount away; a hold what it holds, and its post or void gives that
-- back. The hold of a settlement ($5 code) adds nothing: that settlement has counted it.
-- $1 account uuid  $2 after timestamptz  $3 until timestamptz  $4 limit integer  $5 code smallint
WITH page AS MATERIALIZED (
    (SELECT code, flags, amount, pending_id, timestamp, true AS pays FROM transfers
     WHERE debit = $1::uuid AND timestamp > $2::timestamptz AND timestamp <= $3::timestamptz AND amount > 0
     ORDER BY timestamp LIMIT $4::integer)
    UNION ALL
    (SELECT code, flags, amount, pending_id, timestamp, false FROM transfers
     WHERE credit = $1::uuid AND timestamp > $2::timestamptz AND timestamp <= $3::timestamptz AND amount > 0
     ORDER BY timestamp LIMIT $4::integer)
), slice AS (
    SELECT * FROM page ORDER BY timestamp LIMIT $4::integer
)
SELECT s.code, s.pays, count(*) AS count, max(s.timestamp) AS until,
       sum(CASE
           WHEN s.code = $5::smallint AND s.flags & 2 = 2 THEN 0
           WHEN s.flags & 2 = 2 THEN CASE WHEN s.pays THEN -s.amount ELSE 0 END
           WHEN NOT s.pays THEN CASE WHEN s.flags & 8 = 8 THEN 0 ELSE s.amount END
           WHEN s.flags & 12 = 0 THEN -s.amount
           ELSE (SELECT r.amount FROM hold_resolutions r WHERE r.hold = s.pending_id)
                - CASE WHEN s.flags & 4 = 4 THEN s.amount ELSE 0 END
       END)::bigint AS effect
FROM slice s GROUP BY s.code, s.pays;

-- name: covered
-- The entries that a settlement covers, oldest first, each with what it adds to the movement; see `movement`.
-- $1 account uuid  $2 after timestamptz  $3 until timestamptz  $4 limit integer  $5 code smallint
SELECT s.id, s.code, CASE WHEN s.pays THEN 'debit' ELSE 'credit' END AS direction, s.amount,
       CASE
           WHEN s.code = $5::smallint AND s.flags & 2 = 2 THEN 0
           WHEN s.flags & 2 = 2 THEN CASE WHEN s.pays THEN -s.amount ELSE 0 END
           WHEN NOT s.pays THEN CASE WHEN s.flags & 8 = 8 THEN 0 ELSE s.amount END
           WHEN s.flags & 12 = 0 THEN -s.amount
           ELSE (SELECT r.amount FROM hold_resolutions r WHERE r.hold = s.pending_id)
                - CASE WHEN s.flags & 4 = 4 THEN s.amount ELSE 0 END
       END::bigint AS effect,
       s.about, s.reference, s.timestamp
FROM (
    (SELECT *, true AS pays FROM transfers
     WHERE debit = $1::uuid AND timestamp > $2::timestamptz AND timestamp <= $3::timestamptz AND amount > 0
     ORDER BY timestamp LIMIT $4::integer)
    UNION ALL
    (SELECT *, false FROM transfers
     WHERE credit = $1::uuid AND timestamp > $2::timestamptz AND timestamp <= $3::timestamptz AND amount > 0
     ORDER BY timestamp LIMIT $4::integer)
) AS s
ORDER BY s.timestamp LIMIT $4::integer;

-- name: plan
-- Keep settlements before their money moves; one that is there already (by id, or by its place in the account's row of
-- settlements) stays as it is. What pays out nothing is finished at once.
-- $1 rows text: a JSON array of objects with the columns' names
INSERT INTO settlements (id, merchant, currency, account, number, business_date, cycle, from_at, to_at, entries, movement,
                         lines, opening, reserved, planned, amount, closing, status, reason, name, bank_account, bank,
                         created_at)
SELECT r.id, r.merchant, r.currency, r.account, r.number, r.business_date, r.cycle, r.from_at, r.to_at, r.entries, r.movement,
       r.lines, r.opening, r.reserved, r.planned, CASE WHEN r.planned = 0 THEN 0 END,
       CASE WHEN r.planned = 0 THEN r.opening + r.movement END, CASE WHEN r.planned = 0 THEN 'carried' ELSE 'planned' END,
       r.reason, r.name, r.bank_account, r.bank, r.created_at
FROM jsonb_to_recordset($1::text::jsonb) AS r (
    id uuid, merchant uuid, currency text, account uuid, number integer, business_date date, cycle text, from_at timestamptz,
    to_at timestamptz, entries bigint, movement bigint, lines text, opening bigint, reserved bigint, planned bigint,
    reason text, name text, bank_account text, bank text, created_at timestamptz)
ON CONFLICT DO NOTHING;

-- name: planned
-- Settlements whose money is not held yet, of these accounts or (null) of any.
-- $1 accounts uuid[] or null  $2 limit integer
SELECT * FROM settlements
WHERE status = 'planned' AND ($1::uuid[] IS NULL OR account = ANY ($1::uuid[])) ORDER BY account LIMIT $2::integer;

-- name: finish
-- What became of the money of planned settlements; 0: nothing was there to be paid out, or might be.
-- $1 ids uuid[]  $2 amounts bigint[]  $3 reasons text[]
UPDATE settlements AS s
SET amount = f.amount, closing = s.opening + s.movement - f.amount,
    status = CASE WHEN f.amount = 0 THEN 'carried' ELSE 'pending' END, reason = f.reason
FROM unnest($1::uuid[], $2::bigint[], $3::text[]) AS f (id, amount, reason)
WHERE s.id = f.id AND s.status = 'planned' RETURNING s.id;

-- name: end
-- How payouts ended.
-- $1 ids uuid[]  $2 statuses text[]  $3 reasons text[]  $4 at timestamptz[]
UPDATE settlements AS s
SET status = e.status, reason = e.reason, paid_at = CASE WHEN e.status = 'paid' THEN e.at ELSE s.paid_at END
FROM unnest($1::uuid[], $2::text[], $3::text[], $4::timestamptz[]) AS e (id, status, reason, at)
WHERE s.id = e.id AND (s.status IN ('pending', 'paid') OR s.status = 'rejected' AND e.status = 'paid');

-- name: by_id
-- Settlements by id.
-- $1 ids uuid[]
SELECT * FROM settlements WHERE id = ANY ($1::uuid[]);

-- name: page
-- A merchant's settlements, newest business date first.
-- $1 merchant uuid  $2 status text or null  $3 from  $4 to date or null  $5 date  $6 id of the last one seen, or null
-- $7 limit integer
SELECT * FROM settlements
WHERE merchant = $1::uuid
    AND ($2::text IS NULL OR status = $2 OR $2 = 'pending' AND status = 'planned')
    AND ($3::date IS NULL OR business_date >= $3) AND ($4::date IS NULL OR business_date <= $4)
    AND ($5::date IS NULL OR business_date < $5 OR business_date = $5 AND id > $6::uuid)
ORDER BY business_date DESC, id LIMIT $7::integer;

-- name: terms
-- The terms of a merchant that are in force, with their number.
-- $1 merchant uuid
SELECT number, cycle, minimum, reserve, reserve_bp, reserve_days, hold, name, account, bank FROM settlement_terms
WHERE merchant = $1::uuid ORDER BY number DESC LIMIT 1;

-- name: set_terms
-- New terms, unless somebody else has set others meanwhile: then no row.
-- $1 merchant uuid  $2 number integer  $3 cycle text  $4 minimum  $5 reserve bigint  $6 reserve_bp  $7 reserve_days integer
-- $8 hold  $9 name  $10 account  $11 bank  $12 by text  $13 at timestamptz
INSERT INTO settlement_terms (merchant, number, cycle, minimum, reserve, reserve_bp, reserve_days, hold, name, account, bank,
                              set_by, set_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
ON CONFLICT DO NOTHING RETURNING number;

-- name: first_trade
-- When a merchant's accounts were first paid anything.
-- $1 merchant uuid
SELECT min(first) FROM merchant_accounts m CROSS JOIN LATERAL (
    SELECT t.timestamp AS first FROM transfers t WHERE t.credit = m.account AND t.amount > 0 ORDER BY t.timestamp LIMIT 1
) AS f WHERE m.merchant = $1::uuid;

-- name: finished
-- Which of these cycles are done for a business date.
-- $1 business date  $2 cycles text[]
SELECT cycle FROM settlement_runs WHERE business_date = $1 AND cycle = ANY ($2::text[]);

-- name: finish_run
-- A business date is done for these cycles.
-- $1 business date  $2 cycles text[]  $3 at timestamptz
INSERT INTO settlement_runs (business_date, cycle, finished_at) SELECT $1, c, $3 FROM unnest($2::text[]) AS c
ON CONFLICT DO NOTHING;

-- check: each_settlement_begins_where_the_last_one_ended
-- Numbers have no gap, times neither gap nor overlap, and what is carried arrives.
SELECT s.id FROM settlements s LEFT JOIN settlements b ON b.account = s.account AND b.number = s.number - 1
WHERE s.number > 1 AND (b.id IS NULL OR b.status = 'planned' OR s.from_at <> b.to_at OR s.opening <> b.closing)
    OR s.number = 1 AND (s.from_at <> 'epoch' OR s.opening <> 0);

-- check: settlements_cover_each_entry_once
-- What the settlements of an account come to is what its entries add, up to the last one that is covered.
WITH covered AS (
    SELECT account, max(to_at) AS to_at, sum(movement) AS movement, sum(entries) AS entries FROM settlements
    WHERE NOT EXISTS (SELECT FROM detached_accounts d JOIN detached_partitions n ON n.name = d.partition
                      WHERE d.account = settlements.account)
    GROUP BY account
), added AS (
    SELECT c.account, count(*) AS entries,
           sum(CASE
               WHEN t.code = 50 AND t.flags & 2 = 2 THEN 0
               WHEN t.flags & 2 = 2 THEN CASE WHEN t.debit = c.account THEN -t.amount ELSE 0 END
               WHEN t.credit = c.account THEN CASE WHEN t.flags & 8 = 8 THEN 0 ELSE t.amount END
               WHEN t.flags & 12 = 0 THEN -t.amount
               ELSE (SELECT r.amount FROM hold_resolutions r WHERE r.hold = t.pending_id)
                    - CASE WHEN t.flags & 4 = 4 THEN t.amount ELSE 0 END
           END) AS movement
    FROM covered c JOIN transfers t ON t.amount > 0 AND (t.debit = c.account OR t.credit = c.account)
        AND t.timestamp <= c.to_at
    GROUP BY c.account
)
SELECT c.account, c.movement, a.movement AS added, c.entries, a.entries AS counted FROM covered c LEFT JOIN added a USING (account)
WHERE (c.movement, c.entries) <> (coalesce(a.movement, 0), coalesce(a.entries, 0));

-- check: a_settlement_moved_what_it_says
-- The transfer of a settlement stands exactly when it pays something out, for that amount.
SELECT s.id, s.amount, t.amount AS moved FROM settlements s LEFT JOIN transfers t ON t.id = s.id
WHERE s.status <> 'planned' AND s.amount IS DISTINCT FROM coalesce(t.amount, 0)
    AND NOT EXISTS (SELECT FROM detached_ids d WHERE d.id = s.id);
