-- People who pay. What identifies them is sealed with the master key; the phone is found by its keyed hash.
CREATE TABLE customers (
    id uuid PRIMARY KEY,
    name_sealed bytea NOT NULL,
    name_masked text NOT NULL,
    phone_hash bytea NOT NULL UNIQUE CHECK (octet_length(phone_hash) = 32),
    phone_sealed bytea NOT NULL,
    phone_masked text NOT NULL,
    status text NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'frozen', 'closed')),
    created_at timestamptz NOT NULL DEFAULT now()
);
GRANT INSERT, UPDATE (status) ON customers TO qrpay_app;

-- A customer's accounts; the id is the ledger account's.
CREATE TABLE e_accounts (
    id uuid PRIMARY KEY,
    customer uuid NOT NULL REFERENCES customers,
    class text NOT NULL CHECK (class IN ('II', 'III')),
    currency text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX e_accounts_customer ON e_accounts (customer);
GRANT INSERT ON e_accounts TO qrpay_app;

-- The PIN as Argon2id in PHC form, keyed with the master key, and how often in a row it was wrong.
CREATE TABLE pins (
    customer uuid PRIMARY KEY REFERENCES customers,
    phc text NOT NULL,
    tries integer NOT NULL DEFAULT 0 CHECK (tries >= 0),
    locked_until timestamptz
);
GRANT INSERT, UPDATE (phc, tries, locked_until) ON pins TO qrpay_app;

-- What an account of a class may spend in a day and a year and hold at any moment, in fen (rules.md 3.3); the row
-- with the latest date that has come applies to accounts opened from then on. A null is no cap.
CREATE TABLE e_account_caps (
    class text NOT NULL CHECK (class IN ('II', 'III')),
    effective_on date NOT NULL,
    day_limit bigint CHECK (day_limit >= 0),
    year_limit bigint CHECK (year_limit >= 0),
    balance_limit bigint CHECK (balance_limit >= 0),
    source text NOT NULL,
    PRIMARY KEY (class, effective_on)
);
INSERT INTO e_account_caps VALUES
    ('II', '2016-12-01', 1000000, 20000000, NULL, '银发〔2016〕302号'),
    ('III', '2018-01-01', 200000, 5000000, 200000, '银发〔2018〕16号');
