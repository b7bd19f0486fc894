-- What a seal keeps of a transfer: its id, and the first 12 bytes of the SHA-256 over all its columns in this order, in the
-- form of PostgreSQL's record_send (how many columns; then of each its type's oid, its length, its bytes). A later column
-- needs a function of another name: what is sealed stays sealed.
-- The planner puts its text in the place of the call, so it has neither SET nor SECURITY DEFINER.
CREATE OR REPLACE FUNCTION ledger_digest(t transfers) RETURNS bytea LANGUAGE sql STABLE AS $$
    SELECT uuid_send(t.id) || substr(sha256(record_send(ROW (
        t.id, t.debit, t.credit, t.amount, t.code, t.ledger, t.about, t.reference, t.flags, t.pending_id, t.timeout_s,
        t.timestamp, t.xid))), 1, 12)
$$;
