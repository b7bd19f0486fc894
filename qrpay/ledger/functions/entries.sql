-- What an account's transfers after one moment and up to another did to its counters; those that move nothing are left out.
-- The planner puts its text in the place of the call, so it has neither SET nor SECURITY DEFINER. What a resolution frees
-- is looked up hold by hold: a join would let the planner read the whole table for it.
CREATE OR REPLACE FUNCTION ledger_entries(account uuid, after timestamptz, until timestamptz) RETURNS TABLE (
    id uuid, at timestamptz,
    debits_pending bigint, debits_posted bigint, credits_pending bigint, credits_posted bigint
) LANGUAGE sql STABLE AS $$
    SELECT t.id, t.timestamp,
           CASE WHEN t.flags & 2 = 2 THEN t.amount WHEN t.flags & 12 = 0 THEN 0
                ELSE -(SELECT r.amount FROM hold_resolutions r WHERE r.hold = t.pending_id) END,
           CASE WHEN t.flags & 10 = 0 THEN t.amount ELSE 0 END,
           0::bigint, 0::bigint
    FROM transfers t
    WHERE t.debit = $1 AND t.timestamp > $2 AND t.timestamp <= $3 AND t.amount > 0
    UNION ALL
    SELECT t.id, t.timestamp,
           0::bigint, 0::bigint,
           CASE WHEN t.flags & 2 = 2 THEN t.amount WHEN t.flags & 12 = 0 THEN 0
                ELSE -(SELECT r.amount FROM hold_resolutions r WHERE r.hold = t.pending_id) END,
           CASE WHEN t.flags & 10 = 0 THEN t.amount ELSE 0 END
    FROM transfers t
    WHERE t.credit = $1 AND t.timestamp > $2 AND t.timestamp <= $3 AND t.amount > 0
$$;
