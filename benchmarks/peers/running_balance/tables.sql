-- Each entry carries its account's balance after it: a statement is one index scan, a balance its newest entry.
-- The price: the account's row is locked until the commit, so one hot account is paid once a commit.
CREATE TABLE rb_accounts (id integer PRIMARY KEY, version bigint NOT NULL, balance bigint NOT NULL CHECK (balance >= 0))
    WITH (fillfactor = 50);
CREATE TABLE rb_transfers (
    id uuid PRIMARY KEY, payer integer NOT NULL, payee integer NOT NULL, amount bigint NOT NULL,
    at timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE rb_entries (
    account integer NOT NULL, version bigint NOT NULL, transfer uuid NOT NULL, amount bigint NOT NULL,
    balance bigint NOT NULL, PRIMARY KEY (account, version)
);
INSERT INTO rb_accounts SELECT n, 0, 10000000000 FROM generate_series(0, 20000) AS n;

CREATE FUNCTION rb_pay(transfer uuid, payer integer, payee integer, amount bigint) RETURNS boolean
LANGUAGE plpgsql AS $$
DECLARE
    side record;
BEGIN
    PERFORM FROM rb_accounts a WHERE a.id IN (rb_pay.payer, rb_pay.payee) ORDER BY a.id FOR UPDATE;
    IF (SELECT a.balance < rb_pay.amount FROM rb_accounts a WHERE a.id = rb_pay.payer) THEN
        RETURN false;
    END IF;
    INSERT INTO rb_transfers VALUES (rb_pay.transfer, rb_pay.payer, rb_pay.payee, rb_pay.amount);
    FOR side IN VALUES (rb_pay.payer, -rb_pay.amount), (rb_pay.payee, rb_pay.amount) LOOP
        WITH moved AS (
            UPDATE rb_accounts a SET version = a.version + 1, balance = a.balance + side.column2
            WHERE a.id = side.column1 RETURNING a.version, a.balance
        )
        INSERT INTO rb_entries
        SELECT side.column1, moved.version, rb_pay.transfer, side.column2, moved.balance FROM moved;
    END LOOP;
    RETURN true;
END $$;
