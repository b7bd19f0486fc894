-- Goes on along the log in commit order: seals what was posted, adds it to the closing figures of its day, and says which
-- accounts moved. It ends before the oldest transaction that still runs, so that one that commits late is not passed by.
-- One process follows at a time; the lock is nobody's on the way of a payment. It merges the months as ledger_tail does.
--
-- size_max     transfers at most
-- accounts_max how many of the accounts that moved are told, those that moved most
-- sealed       (out) how many transfers there were
-- place, root  (out) how many are sealed in all, and the root over them; null: another process is following now
CREATE OR REPLACE FUNCTION ledger_follow(
    size_max integer, accounts_max integer, OUT sealed integer, OUT place bigint, OUT root bytea, OUT moved uuid[]
) LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp SET enable_sort = off AS $$
#variable_conflict use_column
DECLARE
    lock_key CONSTANT bigint := x'71727061790003'::bigint;  -- "qrpay", then a number of its own
    full_size CONSTANT integer := 256;
    bound CONSTANT xid8 := pg_snapshot_xmin(pg_current_snapshot());
    head record;
    piece bytea;
    end_ record;
    gains closings[];
    gain closings;
BEGIN
    sealed := 0;
    IF NOT pg_try_advisory_xact_lock(lock_key) THEN
        RETURN;
    END IF;
    SELECT s.number, s.position, s.size, s.xid, s.at, s.id, s.root, s.signature IS NULL AND s.size < full_size AS open,
           (SELECT p.root FROM seals p WHERE p.number = s.number - 1) AS before
    INTO head FROM seals s ORDER BY s.number DESC LIMIT 1;
    place := head.position;
    root := head.root;

    WITH chunk AS MATERIALIZED (
        SELECT t.id, t.debit, t.credit, t.amount, t.flags, t.ledger, t.timestamp, t.xid,
               (t.timestamp AT TIME ZONE 'Asia/Shanghai')::date AS day,
               ledger_digest(t.id, t.debit, t.credit, t.amount, t.code, t.ledger, t.about, t.reference, t.flags,
                             t.pending_id, t.timeout_s, t.timestamp, t.xid) AS leaf,
               CASE WHEN t.flags & 12 <> 0 THEN (SELECT r.amount FROM hold_resolutions r WHERE r.hold = t.pending_id) END AS held
        FROM transfers t
        WHERE t.xid >= head.xid AND (t.xid, t.timestamp, t.id) > (head.xid, head.at, head.id) AND t.xid < bound
        ORDER BY t.xid, t.timestamp, t.id
        LIMIT size_max
    ), sides AS (
        SELECT c.debit AS account, c.ledger, c.day, true AS pays, c.amount, c.flags, c.held FROM chunk c WHERE c.amount > 0
        UNION ALL
        SELECT c.credit, c.ledger, c.day, false, c.amount, c.flags, c.held FROM chunk c WHERE c.amount > 0
    ), gained AS MATERIALIZED (
        SELECT s.account, s.ledger, s.day, count(*) AS entries,
               sum(CASE WHEN NOT s.pays THEN 0 WHEN s.flags & 2 = 2 THEN s.amount ELSE -coalesce(s.held, 0) END)
                   AS debits_pending,
               sum(CASE WHEN s.pays AND s.flags & 10 = 0 THEN s.amount ELSE 0 END) AS debits_posted,
               sum(CASE WHEN s.pays THEN 0 WHEN s.flags & 2 = 2 THEN s.amount ELSE -coalesce(s.held, 0) END)
                   AS credits_pending,
               sum(CASE WHEN NOT s.pays AND s.flags & 10 = 0 THEN s.amount ELSE 0 END) AS credits_posted
        FROM sides s GROUP BY s.account, s.ledger, s.day
    )
    SELECT count(*), string_agg(c.leaf, '' ORDER BY c.xid, c.timestamp, c.id),
           ARRAY(SELECT ROW (g.ledger, coalesce(a.code, 0), g.day, sum(g.debits_pending), sum(g.debits_posted),
                             sum(g.credits_pending), sum(g.credits_posted))::closings
                 FROM gained g LEFT JOIN accounts a ON a.id = g.account
                 GROUP BY g.ledger, coalesce(a.code, 0), g.day),
           ARRAY(SELECT g.account FROM gained g GROUP BY g.account ORDER BY sum(g.entries) DESC LIMIT accounts_max)
    INTO sealed, piece, gains, moved FROM chunk c;
    IF sealed = 0 THEN
        RETURN;
    END IF;

    place := place + sealed;
    SELECT t.xid, t.timestamp, t.id INTO end_
    FROM transfers t WHERE t.id = encode(substr(piece, octet_length(piece) - 27, 16), 'hex')::uuid;
    IF head.open AND head.number > 0 THEN
        -- A small seal grows, unless somebody has changed it: then it stays as it is for the audit to find.
        UPDATE seals s SET
            position = place, size = s.size + sealed, xid = end_.xid, at = end_.timestamp, id = end_.id,
            root = sha256(head.before || s.leaves || piece), leaves = s.leaves || piece, sealed_at = clock_timestamp()
        WHERE s.number = head.number AND s.root = sha256(head.before || s.leaves)
        RETURNING s.root INTO root;
    END IF;
    IF NOT head.open OR head.number = 0 OR root IS NULL THEN
        INSERT INTO seals AS s (number, position, size, xid, at, id, root, leaves)
        VALUES (head.number + 1, place, sealed, end_.xid, end_.timestamp, end_.id, sha256(head.root || piece), piece)
        RETURNING s.root INTO root;
    END IF;

    FOREACH gain IN ARRAY gains LOOP
        INSERT INTO closings (ledger, code, day, debits_pending, debits_posted, credits_pending, credits_posted)
        SELECT gain.ledger, gain.code, d.day, coalesce(c.debits_pending, 0), coalesce(c.debits_posted, 0),
               coalesce(c.credits_pending, 0), coalesce(c.credits_posted, 0)
        FROM (VALUES (gain.day), ('infinity'::date)) AS d (day) LEFT JOIN LATERAL (
            SELECT * FROM closings c WHERE c.ledger = gain.ledger AND c.code = gain.code AND c.day < d.day
            ORDER BY c.day DESC LIMIT 1
        ) AS c ON true
        ON CONFLICT DO NOTHING;
        UPDATE closings c SET
            debits_pending = c.debits_pending + gain.debits_pending, debits_posted = c.debits_posted + gain.debits_posted,
            credits_pending = c.credits_pending + gain.credits_pending,
            credits_posted = c.credits_posted + gain.credits_posted
        WHERE c.ledger = gain.ledger AND c.code = gain.code AND c.day >= gain.day;
    END LOOP;
END
$$;

-- Signs a seal, once; it grows no more then.
CREATE OR REPLACE FUNCTION ledger_sign(seal bigint, of_root bytea, by_kid text, with_signature bytea) RETURNS boolean
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    UPDATE seals SET kid = by_kid, signature = with_signature
    WHERE number = seal AND root = of_root AND signature IS NULL
    RETURNING true
$$;
