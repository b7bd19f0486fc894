-- Sets a cap from a bank day on: of one account, or of all accounts of a class in a ledger. The caps that stand are
-- never changed; of two for one day the later one counts. An account follows at once; the accounts of a class follow
-- when ledger_announce_caps has told them.
--
-- inherits  the account follows its class again
-- clock     what time it is; null: the server's clock
-- Answers whether it was set: null when there is no such account. Raises check_violation for a day that is past.
CREATE OR REPLACE FUNCTION ledger_set_cap(
    the_ledger integer, the_class smallint, the_account uuid, the_kind text, the_amount bigint, the_inherits boolean,
    from_day date, who text, why text, clock timestamptz
) RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    ids uuid[];
BEGIN
    IF from_day < (coalesce(clock, clock_timestamp()) AT TIME ZONE 'Asia/Shanghai')::date THEN
        RAISE EXCEPTION 'a cap begins today or later: what has passed is not decided anew'
            USING ERRCODE = 'check_violation';
    END IF;
    IF the_account IS NOT NULL THEN
        ids := ARRAY(SELECT u FROM accounts a, unnest(ARRAY[a.id, a.day_group, a.code_group]) AS u
                     WHERE a.id = the_account AND a.ledger = the_ledger AND u IS NOT NULL);
        IF cardinality(ids) = 0 THEN
            RETURN NULL;
        END IF;
    END IF;
    INSERT INTO caps (ledger, cap_class, account, kind, amount, inherits, effective_on, set_by, source)
    VALUES (the_ledger, the_class, the_account, the_kind, the_amount, the_inherits, from_day, who, why);
    PERFORM FROM accounts WHERE id = ANY (ids) ORDER BY id FOR NO KEY UPDATE;
    UPDATE accounts SET limits_until = from_day
    WHERE id = ANY (ids) AND (limits_until IS NULL OR limits_until > from_day);
    RETURN true;
END
$$;

-- Tells some accounts of a class, after one of them, from which day on their limits are to be looked up anew. To be
-- called again and again with the answer, after the cap has been committed: whoever opens or renews an account
-- before that is told here, whoever does it later finds the cap.
--
-- last    (out) where to go on; null: all have been told
-- walked  (out) accounts looked at
CREATE OR REPLACE FUNCTION ledger_announce_caps(
    the_class smallint, from_day date, after uuid, size integer, OUT last uuid, OUT walked integer
) LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    ids uuid[] := ARRAY(SELECT id FROM accounts WHERE id > coalesce(after, '00000000-0000-0000-0000-000000000000') ORDER BY id LIMIT size);
BEGIN
    -- In the order of their ids, as every batch locks them.
    PERFORM FROM accounts
    WHERE id = ANY (ids) AND CASE the_class WHEN 1 THEN cap_class > 0 ELSE cap_class = the_class END
    ORDER BY id FOR NO KEY UPDATE;
    UPDATE accounts SET limits_until = from_day
    WHERE id = ANY (ids) AND CASE the_class WHEN 1 THEN cap_class > 0 ELSE cap_class = the_class END
        AND (limits_until IS NULL OR limits_until > from_day);
    walked := cardinality(ids);
    last := CASE WHEN walked = size THEN ids[walked] END;
END
$$;

-- Looks up the limits of accounts anew, those that are due: what the caps say on this bank day, and until when.
-- The rows are locked first and the caps read afterwards, so whatever was committed before the lock is seen, and
-- whatever is committed later finds the row again (ledger_announce_caps waits for the lock).
CREATE OR REPLACE FUNCTION ledger_renew_limits(ids uuid[], clock timestamptz)
RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    today CONSTANT date := (coalesce(clock, clock_timestamp()) AT TIME ZONE 'Asia/Shanghai')::date;
    due uuid;
    dues uuid[] := ARRAY(SELECT id FROM accounts WHERE id = ANY (ids) AND limits_until <= today);
BEGIN
    PERFORM FROM accounts WHERE id = ANY (dues) ORDER BY id FOR NO KEY UPDATE;
    FOREACH due IN ARRAY dues LOOP
        UPDATE accounts a SET
            -- It spends nothing in its own row (0) where it shares; a row that counts codes counts nothing else (null).
            day_limit = CASE WHEN a.day_group IS NOT NULL THEN 0 WHEN a.cap_class <> 1 THEN l.day END,
            year_limit = CASE WHEN a.day_group IS NOT NULL THEN 0 WHEN a.cap_class <> 1 THEN l.year END,
            balance_limit = CASE WHEN a.cap_class <> 1 THEN l.balance END,
            code_a_limit = CASE WHEN a.code_group IS NULL THEN l.code_a ELSE 0 END,
            code_b_limit = CASE WHEN a.code_group IS NULL THEN l.code_b ELSE 0 END,
            code_c_limit = CASE WHEN a.code_group IS NULL THEN l.code_c ELSE 0 END,
            code_d_limit = CASE WHEN a.code_group IS NULL THEN l.code_d ELSE 0 END,
            inflow_day_limit = CASE WHEN a.day_group IS NOT NULL THEN 0 WHEN a.cap_class <> 1 THEN l.inflow_day END,
            inflow_year_limit = CASE WHEN a.day_group IS NOT NULL THEN 0 WHEN a.cap_class <> 1 THEN l.inflow_year END,
            limits_until = l.until
        FROM ledger_limits(due, today) AS l
        WHERE a.id = due;
    END LOOP;
END
$$;

-- What the caps say about an account on a bank day: its own cap of a kind, or that of its class. Of accounts that
-- share, the strictest one's.
--
-- until  the next day on which a cap of these begins; null: none
CREATE OR REPLACE FUNCTION ledger_limits(
    the_account uuid, today date, OUT day bigint, OUT year bigint, OUT balance bigint,
    OUT code_a bigint, OUT code_b bigint, OUT code_c bigint, OUT code_d bigint,
    OUT inflow_day bigint, OUT inflow_year bigint, OUT until date
) LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    WITH members AS (
        SELECT m.id, a.cap_class, a.ledger FROM accounts a LEFT JOIN cap_groups g ON g.id = a.id,
               LATERAL unnest(coalesce(g.members, ARRAY[a.id])) AS m (id)
        WHERE a.id = the_account
    ), limits AS (
        SELECT k.kind,
               CASE WHEN own.id IS NULL OR own.inherits THEN of_class.amount ELSE own.amount END AS amount
        FROM members m
        CROSS JOIN unnest('{day,year,balance,code_a,code_b,code_c,code_d,inflow_day,inflow_year}'::text[]) AS k (kind)
        LEFT JOIN LATERAL (
            SELECT c.id, c.amount, c.inherits FROM caps c
            WHERE c.account = m.id AND c.kind = k.kind AND c.effective_on <= today
            ORDER BY c.effective_on DESC, c.id DESC LIMIT 1
        ) AS own ON true
        LEFT JOIN LATERAL (
            SELECT c.amount FROM caps c
            WHERE c.cap_class = CASE WHEN k.kind LIKE 'code%' AND m.cap_class > 0 THEN 1 ELSE m.cap_class END
                AND c.ledger = m.ledger AND c.kind = k.kind AND c.effective_on <= today
            ORDER BY c.effective_on DESC, c.id DESC LIMIT 1
        ) AS of_class ON true
    )
    SELECT min(amount) FILTER (WHERE kind = 'day'), min(amount) FILTER (WHERE kind = 'year'),
           min(amount) FILTER (WHERE kind = 'balance'),
           min(amount) FILTER (WHERE kind = 'code_a'), min(amount) FILTER (WHERE kind = 'code_b'),
           min(amount) FILTER (WHERE kind = 'code_c'), min(amount) FILTER (WHERE kind = 'code_d'),
           min(amount) FILTER (WHERE kind = 'inflow_day'), min(amount) FILTER (WHERE kind = 'inflow_year'),
           (SELECT min(c.effective_on) FROM caps c
            WHERE c.effective_on > today
                AND (c.account IN (SELECT id FROM members)
                     OR EXISTS (SELECT FROM members m WHERE c.ledger = m.ledger
                                AND (c.cap_class = m.cap_class OR c.cap_class = 1 AND m.cap_class > 0))))
    FROM limits;
$$;

-- Lets accounts of one person count together from now on: in rows of accounts that hold no money, with what each has
-- used until now. Safe to repeat, also with one account more.
--
-- ids, day_groups   the accounts, and where their day and year are counted; null: in their own row
-- code_group        where their codes are counted
-- group_code        the kind of account of such a row (chart.py)
CREATE OR REPLACE FUNCTION ledger_share_caps(
    ids uuid[], day_groups uuid[], the_code_group uuid, group_code smallint, clock timestamptz
) RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
#variable_conflict use_column
DECLARE
    today CONSTANT date := (coalesce(clock, clock_timestamp()) AT TIME ZONE 'Asia/Shanghai')::date;
    never CONSTANT date := '2000-01-01';
BEGIN
    INSERT INTO accounts (id, ledger, code, flags, cap_class, limits_until)
    SELECT g.id, min(a.ledger), group_code, 0, CASE g.id WHEN the_code_group THEN 1 ELSE min(a.cap_class) END, never
    FROM unnest(ids, day_groups) AS m (id, day_group) JOIN accounts a ON a.id = m.id,
         LATERAL (VALUES (m.day_group), (the_code_group)) AS g (id)
    WHERE g.id IS NOT NULL
    GROUP BY g.id ORDER BY g.id
    ON CONFLICT DO NOTHING;
    -- In the order of their ids, as every batch locks them.
    PERFORM FROM accounts WHERE id = ANY (ids || day_groups || the_code_group) ORDER BY id FOR NO KEY UPDATE;
    INSERT INTO cap_groups (id, members)
    SELECT g.id, array_agg(m.id ORDER BY m.id) FROM unnest(ids, day_groups) AS m (id, day_group),
         LATERAL (VALUES (m.day_group), (the_code_group)) AS g (id)
    WHERE g.id IS NOT NULL GROUP BY g.id
    ON CONFLICT (id) DO UPDATE
        SET members = ARRAY(SELECT DISTINCT m FROM unnest(cap_groups.members || excluded.members) AS m ORDER BY m);
    -- What those who join have used today and this year moves to where it is counted from now on.
    UPDATE accounts g SET
        used_on = today, limits_until = never,
        day_used = CASE WHEN g.used_on >= today THEN g.day_used ELSE 0 END + j.day_used,
        year_used = CASE WHEN g.used_on >= date_trunc('year', today::timestamp)::date THEN g.year_used ELSE 0 END
            + j.year_used,
        code_a_used = ledger_counted(g.code_a_used, g.used_on >= today, j.code_a_used),
        code_b_used = ledger_counted(g.code_b_used, g.used_on >= today, j.code_b_used),
        code_c_used = ledger_counted(g.code_c_used, g.used_on >= today, j.code_c_used),
        code_d_used = ledger_counted(g.code_d_used, g.used_on >= today, j.code_d_used),
        inflow_on = CASE WHEN j.inflow_year_used > 0 THEN greatest(g.inflow_on, today) ELSE g.inflow_on END,
        inflow_day_used = CASE WHEN j.inflow_year_used > 0
            THEN ledger_counted(g.inflow_day_used, g.inflow_on >= today, j.inflow_day_used)
            ELSE g.inflow_day_used END,
        inflow_year_used = CASE WHEN j.inflow_year_used > 0
            THEN ledger_counted(g.inflow_year_used, g.inflow_on >= date_trunc('year', today::timestamp)::date,
                                j.inflow_year_used)
            ELSE g.inflow_year_used END
    FROM (
        SELECT to_.id,
               sum(CASE WHEN to_.days AND a.used_on >= today THEN a.day_used ELSE 0 END) AS day_used,
               sum(CASE WHEN to_.days AND a.used_on >= date_trunc('year', today::timestamp)::date
                   THEN a.year_used ELSE 0 END) AS year_used,
               coalesce(sum(a.inflow_day_used) FILTER (WHERE to_.days AND a.inflow_on >= today), 0)::bigint
                   AS inflow_day_used,
               coalesce(sum(a.inflow_year_used) FILTER (WHERE to_.days
                   AND a.inflow_on >= date_trunc('year', today::timestamp)::date), 0)::bigint AS inflow_year_used,
               coalesce(sum(a.code_a_used) FILTER (WHERE to_.codes AND a.used_on >= today), 0)::bigint AS code_a_used,
               coalesce(sum(a.code_b_used) FILTER (WHERE to_.codes AND a.used_on >= today), 0)::bigint AS code_b_used,
               coalesce(sum(a.code_c_used) FILTER (WHERE to_.codes AND a.used_on >= today), 0)::bigint AS code_c_used,
               coalesce(sum(a.code_d_used) FILTER (WHERE to_.codes AND a.used_on >= today), 0)::bigint AS code_d_used
        FROM unnest(ids, day_groups) AS m (id, day_group) JOIN accounts a ON a.id = m.id,
             LATERAL (VALUES (m.day_group, a.day_group IS NULL, false), (the_code_group, false, a.code_group IS NULL))
                 AS to_ (id, days, codes)
        WHERE to_.id IS NOT NULL
        GROUP BY to_.id
    ) AS j
    WHERE g.id = j.id;
    -- Who shares goes on sharing, whatever somebody else has seen who asked at the same time.
    UPDATE accounts a SET
        limits_until = never, code_group = the_code_group,
        code_a_limit = 0, code_b_limit = 0, code_c_limit = 0, code_d_limit = 0,
        code_a_used = NULL, code_b_used = NULL, code_c_used = NULL, code_d_used = NULL,
        day_group = m.day_group,
        day_limit = CASE WHEN m.day_group IS NULL THEN a.day_limit ELSE 0 END,
        year_limit = CASE WHEN m.day_group IS NULL THEN a.year_limit ELSE 0 END,
        day_used = CASE WHEN m.day_group IS NULL THEN a.day_used ELSE 0 END,
        year_used = CASE WHEN m.day_group IS NULL THEN a.year_used ELSE 0 END,
        inflow_day_limit = CASE WHEN m.day_group IS NULL THEN a.inflow_day_limit ELSE 0 END,
        inflow_year_limit = CASE WHEN m.day_group IS NULL THEN a.inflow_year_limit ELSE 0 END,
        inflow_on = CASE WHEN m.day_group IS NULL THEN a.inflow_on END,
        inflow_day_used = CASE WHEN m.day_group IS NULL THEN a.inflow_day_used END,
        inflow_year_used = CASE WHEN m.day_group IS NULL THEN a.inflow_year_used END
    FROM (SELECT o.id, coalesce(o.day_group, m.day_group) AS day_group
          FROM unnest(ids, day_groups) AS m (id, day_group) JOIN accounts o ON o.id = m.id) AS m
    WHERE a.id = m.id;
END
$$;
