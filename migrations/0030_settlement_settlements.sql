-- How each merchant is settled. Nothing is changed: the latest row of a merchant is in force, the others say who set what.
CREATE TABLE settlement_terms (
    merchant uuid NOT NULL REFERENCES merchants,
    number integer NOT NULL CHECK (number > 0),
    cycle text NOT NULL CHECK (cycle IN ('T+0', 'T+1', 'D+1')),
    minimum bigint NOT NULL CHECK (minimum >= 1),                -- minor units; less is carried
    reserve bigint NOT NULL CHECK (reserve >= 0),                -- always kept back
    reserve_bp integer NOT NULL CHECK (reserve_bp BETWEEN 0 AND 10000),   -- of what was paid in the last reserve_days
    reserve_days integer NOT NULL CHECK (reserve_days BETWEEN 0 AND 366),
    hold text,                                                   -- why nothing is paid out; null: it is
    name text,                                                   -- the payout account
    account text,
    bank text,
    set_by text NOT NULL,
    set_at timestamptz NOT NULL,
    PRIMARY KEY (merchant, number),
    CHECK ((name IS NULL) = (account IS NULL) AND (name IS NULL) = (bank IS NULL))
);
GRANT INSERT ON settlement_terms TO qrpay_app;

-- One settlement of a merchant, a currency and a business date, whose id is the claim of the three and also the id of the
-- transfer that pays it out. It covers the entries of the merchant's ledger account after from_at and up to to_at, which is
-- the time of the last one of them: since those times rise with each entry, no entry can fall between two settlements or
-- into both, whatever the clocks do.
CREATE TABLE settlements (
    id uuid PRIMARY KEY,
    merchant uuid NOT NULL REFERENCES merchants,
    currency text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    account uuid NOT NULL,
    number integer NOT NULL CHECK (number > 0),                  -- of this account, without a gap
    business_date date NOT NULL,
    cycle text NOT NULL,
    from_at timestamptz NOT NULL,                                -- 1970: from the beginning
    to_at timestamptz NOT NULL,
    entries bigint NOT NULL,
    movement bigint NOT NULL,                                    -- what those entries come to
    lines text NOT NULL,                                         -- JSON: the same by kind and direction
    opening bigint NOT NULL,                                     -- carried from the one before; below zero: owed to the bank
    reserved bigint NOT NULL,
    planned bigint NOT NULL CHECK (planned >= 0),
    amount bigint CHECK (amount BETWEEN 0 AND planned),          -- null until its money is held
    closing bigint,                                              -- carried to the next
    status text NOT NULL CHECK (status IN ('planned', 'pending', 'paid', 'carried', 'rejected', 'returned')),
    reason text,
    name text,
    bank_account text,
    bank text,
    created_at timestamptz NOT NULL,
    paid_at timestamptz,
    UNIQUE (account, number),
    UNIQUE (merchant, currency, business_date),
    CHECK ((status = 'planned') = (amount IS NULL) AND (amount IS NULL) = (closing IS NULL)),
    CHECK (amount IS NULL OR closing = opening + movement - amount),
    CHECK ((planned > 0) <= (bank_account IS NOT NULL)),
    CHECK (from_at <= to_at)
);
CREATE INDEX settlements_merchant ON settlements (merchant, business_date DESC, id);
CREATE INDEX settlements_planned ON settlements (account) WHERE status = 'planned';
GRANT INSERT, UPDATE (amount, closing, status, reason, paid_at) ON settlements TO qrpay_app;

-- Which business dates are done, so that the background need not look for merchants again.
CREATE TABLE settlement_runs (
    business_date date NOT NULL,
    cycle text NOT NULL,
    finished_at timestamptz NOT NULL,
    PRIMARY KEY (business_date, cycle)
);
GRANT INSERT ON settlement_runs TO qrpay_app;
