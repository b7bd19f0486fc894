-- Setting, sharing and reading caps.

-- name: set_cap
-- Set a cap from a day on; see functions/caps.sql.
-- $1 ledger integer  $2 cap_class smallint or null  $3 account uuid or null  $4 kind text  $5 amount bigint or null
-- $6 inherits boolean  $7 effective_on date  $8 set_by text  $9 source text
-- $10 what time it is, or null for the server's clock
SELECT ledger_set_cap($1, $2, $3, $4, $5, $6, $7, $8, $9, $10);

-- name: announce_caps
-- Tell a few accounts of a class that a cap begins on a day; see functions/caps.sql.
-- $1 cap_class smallint  $2 effective_on date  $3 after uuid or null  $4 how many integer
SELECT last, walked FROM ledger_announce_caps($1, $2, $3, $4);

-- name: share_caps
-- Let accounts count together; see functions/caps.sql.
-- $1 accounts uuid[]  $2 day_groups uuid[]  $3 code_group uuid  $4 code of such a row smallint
-- $5 what time it is, or null for the server's clock
SELECT ledger_share_caps($1, $2, $3, $4, $5);

-- name: caps_of_classes
-- All caps that were ever set for classes of a ledger.
-- $1 ledger integer
SELECT ledger, kind, amount, effective_on, set_by, source, cap_class, account, inherits, id, set_at
FROM caps WHERE ledger = $1 AND cap_class IS NOT NULL ORDER BY id;

-- name: caps_of_account
-- All caps that were ever set for an account.
-- $1 ledger integer  $2 account uuid
SELECT ledger, kind, amount, effective_on, set_by, source, cap_class, account, inherits, id, set_at
FROM caps WHERE ledger = $1 AND account = $2 ORDER BY id;

-- name: rows
-- Accounts, and the rows where they are counted.
-- $1 ids uuid[]
SELECT id, ledger, code, flags, debits_pending, debits_posted, credits_pending, credits_posted, day_limit, year_limit,
       balance_limit, used_on, day_used, year_used, created_at,
       cap_class, limits_until, code_a_limit, code_b_limit, code_c_limit, code_d_limit,
       code_a_used, code_b_used, code_c_used, code_d_used, day_group, code_group,
       inflow_day_limit, inflow_year_limit, inflow_on, inflow_day_used, inflow_year_used
FROM accounts WHERE id = ANY ($1::uuid[]);

-- name: limits
-- What the caps say about accounts today; see functions/caps.sql.
-- $1 ids uuid[]  $2 what time it is, or null for the server's clock
SELECT u.id, coalesce($2::timestamptz, clock_timestamp()) AS now,
       l.day, l.year, l.balance, l.code_a, l.code_b, l.code_c, l.code_d, l.inflow_day, l.inflow_year
FROM unnest($1::uuid[]) AS u (id),
     LATERAL ledger_limits(u.id, (coalesce($2::timestamptz, clock_timestamp()) AT TIME ZONE 'Asia/Shanghai')::date) AS l;

-- name: members
-- Which accounts count in these rows.
-- $1 ids uuid[]
SELECT id, members FROM cap_groups WHERE id = ANY ($1::uuid[]);

-- name: about_how_many
-- About how many accounts there are, as the planner counts; below 0: it has not counted yet.
SELECT reltuples::bigint FROM pg_class WHERE oid = 'accounts'::regclass;
