-- Caps of inflow (rules.md 3.3): what may come into an account in a bank day and year from accounts that are not bound
-- to it, or as cash. Counted in the payee's row (chart.RECEIVES), by the transfers that are inflow alone (decision 0030).
-- All of it is null until the first of them, which takes no room.
ALTER TABLE accounts
    ADD COLUMN inflow_day_limit bigint,
    ADD COLUMN inflow_year_limit bigint,
    ADD COLUMN inflow_on date,                                   -- the bank day that inflow_day_used counts
    ADD COLUMN inflow_day_used bigint,
    ADD COLUMN inflow_year_used bigint;

ALTER TABLE caps
    DROP CONSTRAINT caps_kind_check,
    ADD CONSTRAINT caps_kind_check
        CHECK (kind IN ('day', 'year', 'balance', 'code_a', 'code_b', 'code_c', 'code_d', 'inflow_day', 'inflow_year'));
INSERT INTO caps (ledger, cap_class, kind, amount, effective_on, set_by, source)
VALUES (156, 2, 'inflow_day', 1000000, '2016-12-01', 'migration 0049', '银发〔2016〕302号'),
       (156, 2, 'inflow_year', 20000000, '2016-12-01', 'migration 0049', '银发〔2016〕302号'),
       (156, 3, 'inflow_day', 200000, '2018-01-01', 'migration 0049', '银发〔2018〕16号'),
       (156, 3, 'inflow_year', 5000000, '2018-01-01', 'migration 0049', '银发〔2018〕16号');

-- It answers two figures more, which no replacement may; its text is that of functions/caps.sql.
DROP FUNCTION IF EXISTS ledger_limits(uuid, date);
CREATE FUNCTION ledger_limits(
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
