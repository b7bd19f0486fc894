-- A transfer stays within one ledger, whoever writes it. The application cannot insert: it calls the posting functions,
-- which update both accounts by their id and ledger before they write a transfer. So only who writes past them is looked
-- at here, row by row; for the application this costs the comparison of a name (docs/decisions/0010).

CREATE FUNCTION refuse_between_ledgers() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF EXISTS (SELECT FROM accounts WHERE id = NEW.debit AND ledger = NEW.ledger)
        AND EXISTS (SELECT FROM accounts WHERE id = NEW.credit AND ledger = NEW.ledger)
    THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'both accounts of a transfer must be of its ledger' USING ERRCODE = 'foreign_key_violation';
END
$$;
CREATE TRIGGER transfers_stay_in_one_ledger BEFORE INSERT ON transfers
    FOR EACH ROW WHEN (session_user <> 'qrpay_app' AND (NEW.amount > 0 OR NEW.flags & 192 <> 0))
    EXECUTE FUNCTION refuse_between_ledgers();

-- Nor does an account leave its ledger. The statement is refused, not the row: a trigger on rows would make PostgreSQL
-- fetch each account once more for every payment.
CREATE FUNCTION refuse_another_ledger() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'an account keeps its id and its ledger for life' USING ERRCODE = 'insufficient_privilege';
END
$$;
CREATE TRIGGER accounts_stay_in_their_ledger BEFORE UPDATE OF id, ledger ON accounts
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_another_ledger();
