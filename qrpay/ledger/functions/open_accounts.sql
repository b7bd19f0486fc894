-- Opens accounts with nothing in them, and answers the ids of those that were new.
CREATE OR REPLACE FUNCTION ledger_open_accounts(
    ids uuid[], ledgers integer[], codes smallint[], flags smallint[],
    day_limits bigint[], year_limits bigint[], balance_limits bigint[]
) RETURNS SETOF uuid LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    INSERT INTO accounts (id, ledger, code, flags, day_limit, year_limit, balance_limit)
    SELECT * FROM unnest(ids, ledgers, codes, flags, day_limits, year_limits, balance_limits)
        AS a (id, ledger, code, flags, day_limit, year_limit, balance_limit)
    ORDER BY id
    ON CONFLICT DO NOTHING
    RETURNING id;
$$;
