-- Caps as data: what an account may spend in a bank day and year, in a day by each class of code, and hold at any
-- moment, each with the day from which it holds (rules.md 3.1, 3.3). This table is the truth; the limits in an
-- account's row are what it said when they were last looked up, good until limits_until.
CREATE TABLE caps (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,          -- of two rows for one day, the later one counts
    ledger integer NOT NULL CHECK (ledger > 0),
    cap_class smallint CHECK (cap_class > 0),                    -- chart.py; null: of one account
    account uuid,
    kind text NOT NULL
        CHECK (kind IN ('day', 'year', 'balance', 'code_a', 'code_b', 'code_c', 'code_d')),
    amount bigint CHECK (amount >= 0),                           -- minor units; null: no cap
    inherits boolean NOT NULL DEFAULT false,                     -- the account follows its class again
    effective_on date NOT NULL,                                  -- a bank day (Asia/Shanghai)
    set_by text NOT NULL CHECK (length(set_by) BETWEEN 1 AND 128),
    source text NOT NULL CHECK (length(source) <= 256),
    set_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CHECK ((cap_class IS NULL) <> (account IS NULL)),
    CHECK (NOT inherits OR account IS NOT NULL AND amount IS NULL),
    CHECK (cap_class IS NULL OR (cap_class = 1) = (kind LIKE 'code%'))
);
CREATE INDEX caps_account ON caps (account, kind, effective_on DESC, id DESC) WHERE account IS NOT NULL;
CREATE INDEX caps_class ON caps (cap_class, ledger, kind, effective_on DESC, id DESC) WHERE cap_class IS NOT NULL;

CREATE FUNCTION refuse_cap_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'a cap that was set is never changed; set another one from a later day'
        USING ERRCODE = 'insufficient_privilege';
END
$$;
CREATE TRIGGER caps_stand BEFORE UPDATE OR DELETE OR TRUNCATE ON caps
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_cap_change();

-- Accounts of one person that share caps: the counters stand in a row of accounts that holds no money.
CREATE TABLE cap_groups (
    id uuid PRIMARY KEY REFERENCES accounts,
    members uuid[] NOT NULL CHECK (cardinality(members) BETWEEN 1 AND 100)
);

ALTER TABLE accounts
    ADD COLUMN cap_class smallint NOT NULL DEFAULT 0,            -- whose caps it follows; 0: only its own
    ADD COLUMN limits_until date,                                -- from this bank day on its limits are looked up anew
    ADD COLUMN code_a_limit bigint,
    ADD COLUMN code_b_limit bigint,
    ADD COLUMN code_c_limit bigint,
    ADD COLUMN code_d_limit bigint,
    ADD COLUMN code_a_used bigint,                               -- of used_on, like day_used; null: nothing
    ADD COLUMN code_b_used bigint,
    ADD COLUMN code_c_used bigint,
    ADD COLUMN code_d_used bigint,
    ADD COLUMN day_group uuid,                                   -- where its day and year are counted; null: here
    ADD COLUMN code_group uuid,                                  -- where its codes are counted; null: here
    DROP CONSTRAINT amounts_are_not_negative,
    ADD CONSTRAINT amounts_are_not_negative
        CHECK (least(debits_pending, debits_posted, credits_pending, credits_posted, day_used, year_used,
                     day_limit, year_limit, balance_limit, code_a_used, code_b_used, code_c_used, code_d_used) >= 0);

-- The bank day in whose counters a hold stands, so that its void gives back what is still counted.
ALTER TABLE open_holds ADD COLUMN counted_on date;

-- The caps of the classes of e-accounts (2: class II, 3: class III; 1: every customer, for the classes of codes).
INSERT INTO caps (ledger, cap_class, kind, amount, effective_on, set_by, source)
SELECT 156, CASE c.class WHEN 'II' THEN 2 ELSE 3 END, k.kind, k.amount, c.effective_on, 'migration 0011', c.source
FROM e_account_caps c,
     LATERAL (VALUES ('day', c.day_limit), ('year', c.year_limit), ('balance', c.balance_limit)) AS k (kind, amount)
WHERE k.amount IS NOT NULL
UNION ALL
SELECT 156, 1, k.kind, k.amount, '2018-04-01', 'migration 0011', '银发〔2017〕296号'
FROM (VALUES ('code_b', 500000), ('code_c', 100000), ('code_d', 50000)) AS k (kind, amount);

-- What accounts were opened with until now stays theirs.
INSERT INTO caps (ledger, account, kind, amount, effective_on, set_by, source)
SELECT a.ledger, a.id, k.kind, k.amount, (a.created_at AT TIME ZONE 'Asia/Shanghai')::date, 'migration 0011',
       'as it was opened'
FROM accounts a,
     LATERAL (VALUES ('day', a.day_limit), ('year', a.year_limit), ('balance', a.balance_limit)) AS k (kind, amount)
WHERE k.amount IS NOT NULL;

DROP TABLE e_account_caps;

-- These take more arguments from now on.
DO $$
DECLARE
    old regprocedure;
BEGIN
    FOR old IN SELECT oid FROM pg_proc
               WHERE proname IN ('ledger_post', 'ledger_post_one', 'ledger_allows', 'ledger_open_accounts',
                                 'ledger_do_besides')
    LOOP
        EXECUTE format('DROP FUNCTION %s', old);
    END LOOP;
END
$$;
