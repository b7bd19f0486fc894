-- Freezes, unfreezes, closes and reopens accounts: the one way to an account's flags, which no role may update.
-- A row is changed under its lock, and the guards of every batch are read under the same lock; so a payment that
-- races with a freeze is decided before or after it.
--
-- to_set, to_clear  account flags: 4 debits frozen, 8 credits frozen, 16 closed; what is in both is set
-- Answers each change's place with the flags before and after it; nothing for an account that is not there.
CREATE OR REPLACE FUNCTION ledger_change_accounts(
    ids uuid[], to_set smallint[], to_clear smallint[], OUT place integer, OUT before smallint, OUT after smallint
) RETURNS SETOF record LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    change record;
BEGIN
    IF EXISTS (SELECT FROM unnest(to_set, to_clear) AS c (to_set, to_clear) WHERE (c.to_set | c.to_clear) & ~28 <> 0)
    THEN
        RAISE EXCEPTION 'only freezes and closing can be changed' USING ERRCODE = 'check_violation';
    END IF;
    -- In the order of their ids, as every batch locks them.
    FOR change IN
        SELECT c.id, c.to_set, c.to_clear, c.place::integer AS place
        FROM unnest(ids, to_set, to_clear) WITH ORDINALITY AS c (id, to_set, to_clear, place) ORDER BY c.id, c.place
    LOOP
        SELECT a.flags INTO before FROM accounts a WHERE a.id = change.id FOR NO KEY UPDATE;
        CONTINUE WHEN NOT FOUND;
        place := change.place;
        after := before & ~change.to_clear | change.to_set;
        IF after <> before THEN
            UPDATE accounts a SET flags = after WHERE a.id = change.id;
        END IF;
        RETURN NEXT;
    END LOOP;
END
$$;

-- Locks accounts until the transaction ends, so that their balances stand still. Only for a balancing transfer that
-- others were quicker than, again and again; no payment comes here.
CREATE OR REPLACE FUNCTION ledger_hold_still(ids uuid[]) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT FROM accounts WHERE id = ANY (ids) ORDER BY id FOR NO KEY UPDATE;
$$;
