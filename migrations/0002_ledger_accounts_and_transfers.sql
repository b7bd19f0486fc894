-- The ledger: accounts with their counters, and transfers, which nobody changes once they stand.
-- Amounts are minor units of the account's currency. Only functions of qrpay_owner write here.

CREATE TABLE accounts (
    id uuid PRIMARY KEY,
    ledger integer NOT NULL,                                     -- ISO 4217 numeric
    code smallint NOT NULL,                                      -- ledger/chart.py
    flags smallint NOT NULL,
    debits_pending bigint NOT NULL DEFAULT 0,
    debits_posted bigint NOT NULL DEFAULT 0,
    credits_pending bigint NOT NULL DEFAULT 0,
    credits_posted bigint NOT NULL DEFAULT 0,
    day_limit bigint,
    year_limit bigint,
    balance_limit bigint,
    used_on date,                                                -- the bank day that day_used counts
    day_used bigint NOT NULL DEFAULT 0,
    year_used bigint NOT NULL DEFAULT 0,
    last_timestamp timestamptz NOT NULL DEFAULT '-infinity',     -- no transfer of this account is later
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    -- The guards of the posting functions once more, for whoever writes past them. They are few, because PostgreSQL
    -- parses the text of each again for every statement that updates an account: twelve cost 8 µs a batch.
    CONSTRAINT amounts_are_not_negative
        CHECK (least(debits_pending, debits_posted, credits_pending, credits_posted, day_used, year_used,
                     day_limit, year_limit, balance_limit) >= 0),
    CONSTRAINT debits_must_not_exceed_credits
        CHECK (flags & 1 = 0 OR credits_posted - debits_posted >= debits_pending),
    CONSTRAINT credits_must_not_exceed_debits
        CHECK (flags & 2 = 0 OR debits_posted - credits_posted >= credits_pending)
) WITH (fillfactor = 50);  -- half of each page is kept free, so that an update stays on its page and touches no index

-- What never changes is looked at once.
CREATE FUNCTION refuse_account() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'an account needs a ledger and a code above zero, and flags from 0 to 31'
        USING ERRCODE = 'check_violation';
END
$$;
CREATE TRIGGER accounts_are_sound BEFORE INSERT ON accounts
    FOR EACH ROW WHEN (NEW.ledger <= 0 OR NEW.code <= 0 OR NEW.flags NOT BETWEEN 0 AND 31)
    EXECUTE FUNCTION refuse_account();

CREATE TABLE transfers (
    id uuid PRIMARY KEY,
    debit uuid NOT NULL,
    credit uuid NOT NULL,
    amount bigint NOT NULL CHECK (amount >= 0),
    code smallint NOT NULL,
    ledger integer NOT NULL,
    about uuid NOT NULL,
    reference text NOT NULL,
    flags smallint NOT NULL,
    pending_id uuid,
    timeout_s integer NOT NULL,
    timestamp timestamptz NOT NULL,
    xid xid8 NOT NULL DEFAULT pg_current_xact_id(),              -- commit order, for readers of the event log
    CHECK (debit <> credit)
);
CREATE INDEX transfers_debit ON transfers (debit, timestamp);
CREATE INDEX transfers_credit ON transfers (credit, timestamp);
CREATE INDEX transfers_about ON transfers (about) WHERE about <> id;
CREATE INDEX transfers_xid ON transfers (xid);
-- A hold is resolved once, whoever races.
CREATE UNIQUE INDEX transfers_resolution ON transfers (pending_id) WHERE pending_id IS NOT NULL;

-- Holds that are neither posted nor voided yet: what the sweeper and a poor payer look for.
CREATE TABLE open_holds (
    id uuid PRIMARY KEY,
    debit uuid NOT NULL,
    credit uuid NOT NULL,
    due_at timestamptz                                           -- null: it waits for ever
);
CREATE INDEX open_holds_due ON open_holds (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX open_holds_debit ON open_holds (debit, due_at) WHERE due_at IS NOT NULL;
CREATE INDEX open_holds_credit ON open_holds (credit, due_at) WHERE due_at IS NOT NULL;

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'a posted transfer is never changed; post another one that corrects it'
        USING ERRCODE = 'insufficient_privilege';
END
$$;
CREATE TRIGGER transfers_stand BEFORE UPDATE OR DELETE OR TRUNCATE ON transfers
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
