-- Taking a partition of transfers out and putting it back; qrpay/ledger/partitions.py calls these in order. In its place
-- stands an empty one, for what still comes in its range: a claim bears the time of what it is about, and a customer of
-- last year is topped up today. What stands in the detached one is known by its ids, so that none of it can happen again.

-- The bounds of an attached partition: from (null: the beginning) and until. Raises when it is none, or not to be moved.
CREATE OR REPLACE FUNCTION ledger_bounds(part text, OUT from_ uuid, OUT until_ uuid) LANGUAGE plpgsql STABLE
SET search_path = public, pg_temp AS $$
DECLARE
    bounds text;
BEGIN
    SELECT pg_get_expr(c.relpartbound, c.oid) INTO bounds FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
    WHERE i.inhparent = 'transfers'::regclass AND c.relname = part;
    IF bounds IS NULL THEN
        RAISE EXCEPTION 'there is no attached partition %: see qrpay partitions list', part;
    END IF;
    from_ := substring(bounds FROM 'FROM \(''([0-9a-f-]+)''\)')::uuid;
    until_ := substring(bounds FROM 'TO \(''([0-9a-f-]+)''\)')::uuid;
END
$$;

-- All transactions before this one have ended, and what they posted is sealed and told. What came later has to stay
-- where those who follow the log find it.
CREATE OR REPLACE FUNCTION ledger_settled() RETURNS xid8 LANGUAGE sql STABLE SET search_path = public, pg_temp AS $$
    SELECT least(
        (SELECT xid FROM seals ORDER BY number DESC LIMIT 1),
        (SELECT coalesce(nullif(split_part(position, '.', 1), ''), '0')::xid8 FROM cursors WHERE name = 'event log')
    )
$$;

-- 1. Looks whether a partition may be detached and makes room for its ids. Answers ledger_settled().
CREATE OR REPLACE FUNCTION ledger_prepare_detach(part text, now_ timestamptz) RETURNS xid8 LANGUAGE plpgsql
SET search_path = public, pg_temp AS $$
DECLARE
    unsettled_max CONSTANT integer := 10000;
    settled CONSTANT xid8 := ledger_settled();
    bounds record;
    waiting bigint;
BEGIN
    SELECT * INTO bounds FROM ledger_bounds(part);
    IF bounds.until_ IS NULL OR moment_of(bounds.until_) > coalesce(now_, clock_timestamp()) THEN
        RAISE EXCEPTION 'the month of % is not over: payments go into it', part;
    END IF;
    EXECUTE format('SELECT count(*) FROM open_holds o JOIN %I t ON t.id = o.id', part) INTO waiting;
    IF waiting > 0 THEN
        RAISE EXCEPTION '% holds of % are open: post or void them first, or wait until they expire', waiting, part;
    END IF;
    EXECUTE format('SELECT count(*) FROM (SELECT FROM %I WHERE xid >= $1 LIMIT $2) AS t', part)
    INTO waiting USING settled, unsettled_max;
    IF waiting = unsettled_max THEN
        RAISE EXCEPTION 'much of % is neither sealed nor told yet: let the background run first', part;
    END IF;
    IF to_regclass(format('%I', part || '_ids')) IS NULL THEN
        EXECUTE format('CREATE TABLE %I PARTITION OF detached_ids FOR VALUES FROM (%s) TO (%L)', part || '_ids',
                       coalesce(quote_literal(bounds.from_), 'MINVALUE'), bounds.until_);
    END IF;
    RETURN settled;
END
$$;

-- 2. Notes what stands in it: ids, and sums by account. By pieces after an id, of transactions before `settled`; or
-- (size null) those from `since` on and before `settled`.
CREATE OR REPLACE FUNCTION ledger_note_detached(
    part text, after uuid, size integer, since xid8, settled xid8, OUT last uuid, OUT noted integer
)
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    PERFORM set_config('enable_seqscan', 'off', true);
    EXECUTE format($q$
        WITH piece AS MATERIALIZED (
            SELECT * FROM %1$I WHERE %3$s AND xid < $4 ORDER BY id LIMIT $2
        ), fresh AS (
            INSERT INTO %2$I (id) SELECT id FROM piece ON CONFLICT DO NOTHING RETURNING id
        ), sides AS (
            SELECT s.account, s.pays, p.timestamp, p.flags, p.amount, r.amount AS held
            FROM piece p JOIN fresh f ON f.id = p.id LEFT JOIN hold_resolutions r ON r.hold = p.pending_id,
                LATERAL (VALUES (p.debit, true), (p.credit, false)) AS s (account, pays)
        ), summed AS (
            INSERT INTO detached_accounts AS d
            SELECT account, %4$L, count(*), min(timestamp), max(timestamp),
                coalesce(sum(CASE WHEN flags & 2 = 2 THEN amount ELSE -held END) FILTER (WHERE pays), 0),
                coalesce(sum(amount) FILTER (WHERE pays AND flags & 10 = 0), 0),
                coalesce(sum(CASE WHEN flags & 2 = 2 THEN amount ELSE -held END) FILTER (WHERE NOT pays), 0),
                coalesce(sum(amount) FILTER (WHERE NOT pays AND flags & 10 = 0), 0)
            FROM sides GROUP BY account
            ON CONFLICT (account, partition) DO UPDATE SET
                transfers = d.transfers + excluded.transfers,
                first_at = least(d.first_at, excluded.first_at), last_at = greatest(d.last_at, excluded.last_at),
                debits_pending = d.debits_pending + excluded.debits_pending,
                debits_posted = d.debits_posted + excluded.debits_posted,
                credits_pending = d.credits_pending + excluded.credits_pending,
                credits_posted = d.credits_posted + excluded.credits_posted
        )
        SELECT (SELECT id FROM piece ORDER BY id DESC LIMIT 1), (SELECT count(*) FROM fresh)
    $q$, part, part || '_ids', CASE WHEN size IS NULL THEN 'xid >= $3' ELSE 'id > $1' END, part)
    INTO last, noted USING after, size, since, settled;
END
$$;

-- 3. Keeps a checkpoint behind each account's last transfer in it, so that its balances from there on need none of it.
-- Answers how many it kept, at most `size`.
CREATE OR REPLACE FUNCTION ledger_bridge_detached(part text, size integer) RETURNS integer LANGUAGE plpgsql
SET search_path = public, pg_temp AS $$
DECLARE
    kept integer;
BEGIN
    INSERT INTO checkpoints (account, at, debits_pending, debits_posted, credits_pending, credits_posted)
    SELECT d.account, d.last_at,
           coalesce(b.debits_pending, 0) + e.debits_pending, coalesce(b.debits_posted, 0) + e.debits_posted,
           coalesce(b.credits_pending, 0) + e.credits_pending, coalesce(b.credits_posted, 0) + e.credits_posted
    FROM (
        SELECT * FROM detached_accounts d WHERE d.partition = part
            AND NOT EXISTS (SELECT FROM checkpoints c WHERE c.account = d.account AND c.at >= d.last_at)
        LIMIT size
    ) AS d
    LEFT JOIN LATERAL (
        SELECT * FROM checkpoints c WHERE c.account = d.account AND c.at <= d.last_at ORDER BY c.at DESC LIMIT 1
    ) AS b ON true
    CROSS JOIN LATERAL (
        SELECT coalesce(sum(s.debits_pending), 0)::bigint AS debits_pending,
               coalesce(sum(s.debits_posted), 0)::bigint AS debits_posted,
               coalesce(sum(s.credits_pending), 0)::bigint AS credits_pending,
               coalesce(sum(s.credits_posted), 0)::bigint AS credits_posted
        FROM ledger_entries(d.account, coalesce(b.at, '-infinity'), d.last_at) AS s
    ) AS e
    ON CONFLICT DO NOTHING;
    GET DIAGNOSTICS kept = ROW_COUNT;
    RETURN kept;
END
$$;

-- 4. Detaches it, all in one transaction, which payments wait for some milliseconds: what was settled since it was read
-- is noted, and another one takes its place, with a copy of the last few that are not settled yet.
-- Raises lock_not_available when a long statement is in the way.
CREATE OR REPLACE FUNCTION ledger_detach_partition(part text, since xid8) RETURNS void LANGUAGE plpgsql
SET search_path = public, pg_temp AS $$
DECLARE
    bounds record;
    settled xid8;
BEGIN
    SELECT * INTO bounds FROM ledger_bounds(part);
    PERFORM set_config('lock_timeout', '300ms', true);
    EXECUTE format('CREATE TABLE %I (LIKE transfers INCLUDING ALL)', part || '_since');
    EXECUTE format('CREATE TRIGGER transfers_stand BEFORE UPDATE OR DELETE OR TRUNCATE ON %I
                    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()', part || '_since');
    EXECUTE format('CREATE TRIGGER transfers_happen_once BEFORE INSERT ON %I
                    FOR EACH ROW EXECUTE FUNCTION refuse_detached()', part || '_since');
    LOCK TABLE transfers IN ACCESS EXCLUSIVE MODE;
    settled := ledger_settled();
    PERFORM ledger_note_detached(part, NULL, NULL, since, settled);
    EXECUTE format('INSERT INTO %I SELECT * FROM %I WHERE xid >= $1', part || '_since', part) USING settled;
    PERFORM ledger_bridge_detached(part, NULL);
    EXECUTE format('ALTER TABLE transfers DETACH PARTITION %I', part);
    EXECUTE format('ALTER TABLE transfers ATTACH PARTITION %I FOR VALUES FROM (%s) TO (%L)', part || '_since',
                   coalesce(quote_literal(bounds.from_), 'MINVALUE'), bounds.until_);
    INSERT INTO detached_partitions (name, from_id, until_id, transfers)
    SELECT part, bounds.from_, bounds.until_, coalesce(sum(transfers) / 2, 0)
    FROM detached_accounts WHERE partition = part;
END
$$;

-- 5. Looks whether what is to come back is what left, takes over what came in its range meanwhile, and says to
-- PostgreSQL where it ends. Nobody waits for this.
CREATE OR REPLACE FUNCTION ledger_prepare_attach(part text) RETURNS void LANGUAGE plpgsql
SET search_path = public, pg_temp AS $$
DECLARE
    bounds detached_partitions;
    wrong bigint;
BEGIN
    SELECT * INTO bounds FROM detached_partitions WHERE name = part;
    IF bounds.name IS NULL THEN
        RAISE EXCEPTION 'there is no detached partition %: see qrpay partitions list', part;
    END IF;
    IF to_regclass(format('%I', part)) IS NULL THEN
        RAISE EXCEPTION 'the table % is not in this database: load it from where it was put (pg_restore) first', part;
    END IF;
    EXECUTE format($q$
        WITH sides AS (
            SELECT s.account, s.pays, p.flags, p.amount, r.amount AS held
            FROM %1$I p JOIN %2$I i ON i.id = p.id LEFT JOIN hold_resolutions r ON r.hold = p.pending_id,
                LATERAL (VALUES (p.debit, true), (p.credit, false)) AS s (account, pays)
        ), sums AS (
            SELECT account, count(*) AS transfers,
                coalesce(sum(CASE WHEN flags & 2 = 2 THEN amount ELSE -held END) FILTER (WHERE pays), 0) AS dp,
                coalesce(sum(amount) FILTER (WHERE pays AND flags & 10 = 0), 0) AS d,
                coalesce(sum(CASE WHEN flags & 2 = 2 THEN amount ELSE -held END) FILTER (WHERE NOT pays), 0) AS cp,
                coalesce(sum(amount) FILTER (WHERE NOT pays AND flags & 10 = 0), 0) AS c
            FROM sides GROUP BY account
        )
        SELECT count(*) FROM sums s FULL JOIN (SELECT * FROM detached_accounts WHERE partition = %4$L) d USING (account)
        WHERE (s.transfers, s.dp, s.d, s.cp, s.c)
            IS DISTINCT FROM (d.transfers, d.debits_pending, d.debits_posted, d.credits_pending, d.credits_posted)
    $q$, part, part || '_ids', part || '_since', part) INTO wrong;
    IF wrong > 0 THEN
        RAISE EXCEPTION '% is not what was detached: the sums of % accounts differ. It stays detached', part, wrong;
    END IF;
    EXECUTE format('INSERT INTO %I SELECT * FROM %I ON CONFLICT DO NOTHING', part, part || '_since');
    EXECUTE format('ALTER TABLE %I DROP CONSTRAINT IF EXISTS transfers_range', part);
    EXECUTE format('ALTER TABLE %I ADD CONSTRAINT transfers_range CHECK (id IS NOT NULL AND %s id < %L)', part,
                   CASE WHEN bounds.from_id IS NULL THEN '' ELSE format('id >= %L AND', bounds.from_id) END, bounds.until_id);
END
$$;

-- 6. Attaches it again, in one transaction, which payments wait for some milliseconds.
CREATE OR REPLACE FUNCTION ledger_attach_partition(part text) RETURNS void LANGUAGE plpgsql
SET search_path = public, pg_temp AS $$
DECLARE
    bounds detached_partitions;
BEGIN
    SELECT * INTO STRICT bounds FROM detached_partitions WHERE name = part;
    PERFORM set_config('lock_timeout', '300ms', true);
    LOCK TABLE transfers IN ACCESS EXCLUSIVE MODE;
    EXECUTE format('INSERT INTO %I SELECT * FROM %I ON CONFLICT DO NOTHING', part, part || '_since');
    EXECUTE format('ALTER TABLE transfers DETACH PARTITION %I', part || '_since');
    EXECUTE format('ALTER TABLE transfers ATTACH PARTITION %I FOR VALUES FROM (%s) TO (%L)', part,
                   coalesce(quote_literal(bounds.from_id), 'MINVALUE'), bounds.until_id);
    EXECUTE format('ALTER TABLE %I DROP CONSTRAINT transfers_range', part);
    EXECUTE format('DROP TABLE %I, %I', part || '_since', part || '_ids');
    DELETE FROM detached_accounts WHERE partition = part;
    DELETE FROM detached_partitions WHERE name = part;
END
$$;

REVOKE EXECUTE ON FUNCTION ledger_settled, ledger_prepare_detach, ledger_note_detached, ledger_bridge_detached,
    ledger_detach_partition, ledger_prepare_attach, ledger_attach_partition FROM qrpay_app;
