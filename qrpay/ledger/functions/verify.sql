-- Compares accounts with their transfers: the last checkpoint and the entries after it must be what the row says. All is
-- read in one snapshot, in which an account and its transfers always agree, so nothing needs to be locked or waited for.
-- On the way it keeps a checkpoint after every 256th entry. It is made from transfers alone: a row that was edited
-- neither enters it nor is mended by it.
--
-- ids       accounts; one that has no row counts as nothing on every counter
-- Answers the accounts that differ, by how much their rows are too high, and those that were not compared (`whole` is
-- false), because more than 20,000 entries have no checkpoint yet: ask for them again.
CREATE OR REPLACE FUNCTION ledger_verify(ids uuid[]) RETURNS TABLE (
    account uuid, whole boolean, debits_pending bigint, debits_posted bigint, credits_pending bigint, credits_posted bigint
) LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
#variable_conflict use_column
DECLARE
    every CONSTANT integer := 256;
    entries_max CONSTANT integer := 20000;
BEGIN
    RETURN QUERY
    WITH base AS MATERIALIZED (
        SELECT i.id, coalesce(c.at, '-infinity') AS at, coalesce(c.debits_pending, 0) AS debits_pending,
               coalesce(c.debits_posted, 0) AS debits_posted, coalesce(c.credits_pending, 0) AS credits_pending,
               coalesce(c.credits_posted, 0) AS credits_posted
        FROM (SELECT DISTINCT unnest(ids) AS id) AS i LEFT JOIN LATERAL (
            SELECT * FROM checkpoints c WHERE c.account = i.id ORDER BY c.at DESC LIMIT 1
        ) AS c ON true
    ), lines AS MATERIALIZED (
        SELECT b.id, e.at, row_number() OVER w AS place,
               (b.debits_pending + sum(e.debits_pending) OVER w)::bigint AS debits_pending,
               (b.debits_posted + sum(e.debits_posted) OVER w)::bigint AS debits_posted,
               (b.credits_pending + sum(e.credits_pending) OVER w)::bigint AS credits_pending,
               (b.credits_posted + sum(e.credits_posted) OVER w)::bigint AS credits_posted
        FROM base b CROSS JOIN LATERAL (
            SELECT * FROM ledger_entries(b.id, b.at, 'infinity') ORDER BY at LIMIT entries_max
        ) AS e
        WINDOW w AS (PARTITION BY b.id ORDER BY e.at, e.id)
    ), kept AS (
        INSERT INTO checkpoints (account, at, debits_pending, debits_posted, credits_pending, credits_posted)
        SELECT l.id, l.at, l.debits_pending, l.debits_posted, l.credits_pending, l.credits_posted
        FROM lines l WHERE l.place % every = 0
        ON CONFLICT DO NOTHING
    ), last AS (
        SELECT DISTINCT ON (l.id) l.* FROM lines l ORDER BY l.id, l.place DESC
    ), compared AS MATERIALIZED (
        SELECT b.id, coalesce(a.ledger, 0) AS ledger, coalesce(l.place, 0) < entries_max AS whole,
               coalesce(a.debits_pending, 0) - coalesce(l.debits_pending, b.debits_pending) AS debits_pending,
               coalesce(a.debits_posted, 0) - coalesce(l.debits_posted, b.debits_posted) AS debits_posted,
               coalesce(a.credits_pending, 0) - coalesce(l.credits_pending, b.credits_pending) AS credits_pending,
               coalesce(a.credits_posted, 0) - coalesce(l.credits_posted, b.credits_posted) AS credits_posted
        FROM base b LEFT JOIN last l ON l.id = b.id LEFT JOIN accounts a ON a.id = b.id
    ), differing AS MATERIALIZED (
        SELECT * FROM compared c
        WHERE c.whole AND (c.debits_pending, c.debits_posted, c.credits_pending, c.credits_posted) <> (0, 0, 0, 0)
    ), noted AS (
        INSERT INTO discrepancies AS d (account, ledger, debits_pending, debits_posted, credits_pending, credits_posted)
        SELECT x.id, x.ledger, x.debits_pending, x.debits_posted, x.credits_pending, x.credits_posted FROM differing x
        ON CONFLICT (account) DO UPDATE SET
            ledger = excluded.ledger, debits_pending = excluded.debits_pending, debits_posted = excluded.debits_posted,
            credits_pending = excluded.credits_pending, credits_posted = excluded.credits_posted
        WHERE (d.debits_pending, d.debits_posted, d.credits_pending, d.credits_posted)
            <> (excluded.debits_pending, excluded.debits_posted, excluded.credits_pending, excluded.credits_posted)
    ), mended AS (
        DELETE FROM discrepancies d USING compared c
        WHERE d.account = c.id AND c.whole
            AND (c.debits_pending, c.debits_posted, c.credits_pending, c.credits_posted) = (0, 0, 0, 0)
    )
    SELECT c.id, c.whole, c.debits_pending, c.debits_posted, c.credits_pending, c.credits_posted
    FROM compared c
    WHERE NOT c.whole OR c.id IN (SELECT x.id FROM differing x);
END
$$;
