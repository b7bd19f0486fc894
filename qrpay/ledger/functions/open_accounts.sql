-- Opens accounts with nothing in them, and answers the ids of those that were new. Limits given here are the account's
-- own caps from today on. Those of a class are looked up when it first spends or receives, so that a cap that is set at
-- this very moment is not missed.
--
-- clock  what time it is; null: the server's clock
CREATE OR REPLACE FUNCTION ledger_open_accounts(
    ids uuid[], ledgers integer[], codes smallint[], flags smallint[],
    day_limits bigint[], year_limits bigint[], balance_limits bigint[], cap_classes smallint[], clock timestamptz
) RETURNS SETOF uuid LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    WITH opened AS (
        INSERT INTO accounts (id, ledger, code, flags, day_limit, year_limit, balance_limit, cap_class, limits_until)
        SELECT a.*, CASE WHEN a.cap_class > 0 THEN date '2000-01-01' END
        FROM unnest(ids, ledgers, codes, flags, day_limits, year_limits, balance_limits, cap_classes)
            AS a (id, ledger, code, flags, day_limit, year_limit, balance_limit, cap_class)
        ORDER BY id
        ON CONFLICT DO NOTHING
        RETURNING id, ledger, day_limit, year_limit, balance_limit
    ), own AS (
        INSERT INTO caps (ledger, account, kind, amount, effective_on, set_by, source)
        SELECT o.ledger, o.id, k.kind, k.amount, (coalesce(clock, clock_timestamp()) AT TIME ZONE 'Asia/Shanghai')::date,
               'opening', ''
        FROM opened o,
             LATERAL (VALUES ('day', o.day_limit), ('year', o.year_limit), ('balance', o.balance_limit))
                 AS k (kind, amount)
        WHERE k.amount IS NOT NULL
    )
    SELECT id FROM opened;
$$;
