-- name: accounts
-- Accounts as they stand.
-- $1 ids uuid[]
SELECT id, ledger, code, flags, debits_pending, debits_posted, credits_pending, credits_posted, day_limit, year_limit,
       balance_limit, used_on, day_used, year_used, created_at,
       cap_class, limits_until, code_a_limit, code_b_limit, code_c_limit, code_d_limit,
       code_a_used, code_b_used, code_c_used, code_d_used, day_group, code_group,
       inflow_day_limit, inflow_year_limit, inflow_on, inflow_day_used, inflow_year_used
FROM accounts WHERE id = ANY ($1::uuid[]);

-- name: transfers
-- Transfers as they stand; of one in a partition that is not attached, the id alone.
-- $1 ids uuid[]
SELECT id, debit, credit, amount, code, ledger, about, reference, flags, pending_id, timeout_s, timestamp
FROM transfers WHERE id = ANY ($1::uuid[])
UNION ALL
SELECT id, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL
FROM detached_ids WHERE id = ANY ($1::uuid[]);

-- name: about
-- All transfers of one kind about one thing, oldest first. A thing has few, so there is no page. When it stands in a
-- partition that is not attached, so may they: then its id comes last, alone.
-- $1 about uuid  $2 code smallint
SELECT id, debit, credit, amount, code, ledger, about, reference, flags, pending_id, timeout_s, timestamp
FROM transfers
WHERE code = $2::smallint AND (id = $1::uuid AND about = id OR about = $1::uuid AND about <> id)
UNION ALL
SELECT id, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL
FROM detached_ids WHERE id = $1::uuid
ORDER BY timestamp, id;

-- name: about_many
-- All transfers of some kinds about any of these things, oldest first. When one of them stands in a partition that is
-- not attached, so may those about it: then its id comes alone.
-- $1 abouts uuid[]  $2 codes smallint[]
SELECT id, debit, credit, amount, code, ledger, about, reference, flags, pending_id, timeout_s, timestamp
FROM transfers WHERE id = ANY ($1::uuid[]) AND about = id AND code = ANY ($2::smallint[])
UNION ALL
SELECT id, debit, credit, amount, code, ledger, about, reference, flags, pending_id, timeout_s, timestamp
FROM transfers WHERE about = ANY ($1::uuid[]) AND about <> id AND code = ANY ($2::smallint[])
UNION ALL
SELECT id, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL
FROM detached_ids WHERE id = ANY ($1::uuid[])
ORDER BY timestamp, id;

-- name: tail
-- What was posted after a place in the log, in commit order; see functions/tail.sql.
-- $1 xid xid8  $2 timestamp  $3 id uuid  $4 limit
SELECT xid, id, debit, credit, amount, code, ledger, about, reference, flags, pending_id, timeout_s, timestamp
FROM ledger_tail($1::text::xid8, $2::timestamptz, $3::uuid, $4::integer);
