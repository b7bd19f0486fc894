-- What was posted after a place in the log, in commit order. It ends before the oldest transaction that still runs, so that
-- one that commits late is not passed by.
--
-- It merges the months' indexes and stops at the limit. Sorting all that is unread is forbidden as a precaution: over 121
-- months, with figures of the tables that are right, old or missing, PostgreSQL 18 does not sort without that either. It is
-- told here, not on the connection: where a batch takes its locks, it would then walk an index over all accounts.
CREATE OR REPLACE FUNCTION ledger_tail(after_xid xid8, after_at timestamptz, after_id uuid, size_max integer)
RETURNS SETOF transfers LANGUAGE plpgsql STABLE SET enable_sort = off AS $$
BEGIN
    RETURN QUERY
    SELECT * FROM transfers t
    WHERE t.xid >= after_xid AND (t.xid, t.timestamp, t.id) > (after_xid, after_at, after_id)
        AND t.xid < pg_snapshot_xmin(pg_current_snapshot())
    ORDER BY t.xid, t.timestamp, t.id
    LIMIT size_max;
END
$$;
