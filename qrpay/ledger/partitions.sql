-- Months of transfers; the functions stand in functions/partitions.sql and functions/detach.sql.

-- name: add_partition
-- Make the next partition of those wanted ahead; null when all are there.
-- $1 months ahead integer  $2 what time it is, or null for the server's clock
SELECT ledger_add_partition($1, $2);

-- name: partitions
-- All partitions by their first id, with the moments in their bounds, how many transfers and how many bytes.
SELECT c.relname::text AS name, moment_of(b.from_), moment_of(b.until_),
       greatest(c.reltuples, 0)::bigint, pg_total_relation_size(c.oid), true
FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid CROSS JOIN LATERAL ledger_bounds(c.relname::text) AS b
WHERE i.inhparent = 'transfers'::regclass
UNION ALL
SELECT d.name, moment_of(d.from_id), moment_of(d.until_id), d.transfers,
       pg_total_relation_size(to_regclass(quote_ident(d.name))), false
FROM detached_partitions d
ORDER BY 3 NULLS LAST, 1;

-- name: prepare_detach
-- See functions/detach.sql, step 1.
-- $1 name  $2 what time it is, or null for the server's clock
SELECT ledger_prepare_detach($1, $2)::text;

-- name: note_detached
-- Step 2. $1 name  $2 after id uuid  $3 size integer  $4 settled xid
SELECT last, noted FROM ledger_note_detached($1, $2, $3, NULL, $4::text::xid8);

-- name: bridge_detached
-- Step 3. $1 name  $2 size integer
SELECT ledger_bridge_detached($1, $2);

-- name: detach_partition
-- Step 4. $1 name  $2 since xid
SELECT ledger_detach_partition($1, $2::text::xid8);

-- name: prepare_attach
-- Step 5. $1 name
SELECT ledger_prepare_attach($1);

-- name: attach_partition
-- Step 6. $1 name
SELECT ledger_attach_partition($1);

-- name: detached_transfers
-- How many transfers a detached partition holds.
-- $1 name
SELECT transfers FROM detached_partitions WHERE name = $1;
