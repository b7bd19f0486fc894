-- What a seal keeps of a transfer: its id, and the first 12 bytes of the SHA-256 over all its columns in this order, in the
-- form of PostgreSQL's record_send (how many columns; then of each its type's oid, its length, its bytes). A later column
-- needs a function of another name: what is sealed stays sealed.
-- The planner puts its text in the place of the call, so it has neither SET nor SECURITY DEFINER.
CREATE OR REPLACE FUNCTION ledger_digest(
    id uuid, debit uuid, credit uuid, amount bigint, code smallint, ledger integer, about uuid, reference text,
    flags smallint, pending_id uuid, timeout_s integer, at timestamptz, xid xid8
) RETURNS bytea LANGUAGE sql STABLE AS $$
    SELECT uuid_send($1) || substr(sha256(record_send(ROW ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13))), 1, 12)
$$;
