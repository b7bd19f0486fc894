-- What a history left behind, read by the simulation past the application.

-- name: transfers
-- Every transfer's id and transaction.
SELECT id, xid::text::bigint AS xid FROM transfers;

-- name: accounts
-- Every account's id.
SELECT id FROM accounts;

-- name: events
-- The event log.
SELECT seq, type, receiver, transfer FROM events ORDER BY seq;

-- name: owners
-- Whose each ledger account is: a merchant's or a customer's.
SELECT account AS id, merchant AS owner FROM merchant_accounts
UNION ALL
SELECT id, customer FROM e_accounts;

-- name: orders
-- Every order: whose it is, what it is called, and until when it can be paid.
SELECT id, merchant, reference, amount, payment_code, expires_at FROM orders;

-- name: settlements
-- Every settlement, in the order of each account.
SELECT id, account, number, business_date, from_at, to_at, movement, opening, planned, amount, closing
FROM settlements ORDER BY account, number;

-- name: logged_up_to
-- Whether the event log has read everything that was posted.
SELECT NOT EXISTS (
    SELECT FROM transfers t
    WHERE (t.xid, t.timestamp, t.id) > (
        SELECT coalesce(split_part(max(position), '.', 1), '0')::xid8,
               timestamptz '1970-01-01 00:00+00'
                   + coalesce(nullif(split_part(max(position), '.', 2), ''), '0')::bigint * interval '1 microsecond',
               coalesce(nullif(split_part(max(position), '.', 3), ''), '00000000000000000000000000000000')::uuid
        FROM cursors WHERE name = 'event log')
);

-- name: hold_xid
-- Take a transaction number, so that whoever reads by it must wait for this transaction.
SELECT pg_current_xact_id()::text;

-- name: lock_account
-- Lock an account's row as a payment would.
-- $1 id uuid
SELECT id FROM accounts WHERE id = $1::uuid FOR NO KEY UPDATE;

-- name: deadlocks
-- How many deadlocks the server has broken in this database.
SELECT deadlocks FROM pg_stat_database WHERE datname = current_database();

-- name: witness
-- Let the database write down each change of an account's flags and limits: under the row's lock, so it is known
-- between which of the account's transfers it comes.
CREATE TABLE sim_changes (
    number bigint GENERATED ALWAYS AS IDENTITY, account uuid, at timestamptz, made_at double precision, flags smallint,
    limits bigint[], limits_until date, caps bigint[]
);
CREATE FUNCTION sim_witness() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    INSERT INTO sim_changes (account, at, made_at, flags, limits, limits_until, caps)
    VALUES (NEW.id, NEW.last_timestamp, extract(epoch FROM clock_timestamp()), NEW.flags,
            ARRAY[NEW.day_limit, NEW.year_limit, NEW.balance_limit, NEW.code_a_limit, NEW.code_b_limit, NEW.code_c_limit,
                  NEW.code_d_limit, NEW.inflow_day_limit, NEW.inflow_year_limit],
            NEW.limits_until,
            ARRAY(SELECT c.id FROM caps c WHERE c.account = NEW.id OR NEW.cap_class > 0 AND c.ledger = NEW.ledger
                  AND c.cap_class IN (1, NEW.cap_class) ORDER BY c.id));
    RETURN NULL;
END
$$;
CREATE TRIGGER sim_witness AFTER UPDATE OF flags, limits_until, day_limit, year_limit, balance_limit,
    code_a_limit, code_b_limit, code_c_limit, code_d_limit, inflow_day_limit, inflow_year_limit ON accounts
FOR EACH ROW WHEN (
    (OLD.flags, OLD.limits_until, OLD.day_limit, OLD.year_limit, OLD.balance_limit,
     OLD.code_a_limit, OLD.code_b_limit, OLD.code_c_limit, OLD.code_d_limit,
     OLD.inflow_day_limit, OLD.inflow_year_limit)
    IS DISTINCT FROM
    (NEW.flags, NEW.limits_until, NEW.day_limit, NEW.year_limit, NEW.balance_limit,
     NEW.code_a_limit, NEW.code_b_limit, NEW.code_c_limit, NEW.code_d_limit,
     NEW.inflow_day_limit, NEW.inflow_year_limit))
EXECUTE FUNCTION sim_witness();

-- name: sequences
-- Set every sequence to where it stands. A sequence writes ahead for 32 numbers; a clone of the template believes that
-- this was done, while its own log knows nothing of it, and a crash would give out numbers twice.
DO $$
DECLARE
    s record;
BEGIN
    FOR s IN SELECT schemaname, sequencename, last_value FROM pg_sequences WHERE last_value IS NOT NULL LOOP
        PERFORM setval(format('%I.%I', s.schemaname, s.sequencename)::regclass, s.last_value);
    END LOOP;
END
$$;

-- name: changes
-- What the witness has seen.
SELECT number, account, at, made_at, flags, limits, limits_until, caps FROM sim_changes ORDER BY number;
