-- The keys that sign codes, receipts and webhooks. The private half is sealed with the master key (qrpay/vault.py).
CREATE TABLE signing_keys (
    kid text PRIMARY KEY CHECK (kid ~ '^[A-Za-z0-9_-]{1,12}$'),
    purpose text NOT NULL CHECK (purpose IN ('code', 'receipt', 'webhook')),
    alg text NOT NULL,
    public bytea NOT NULL,
    private bytea NOT NULL,
    not_before timestamptz NOT NULL,
    sign_until timestamptz NOT NULL,
    verify_until timestamptz NOT NULL CHECK (verify_until >= sign_until),
    revoked_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now()
);
GRANT INSERT, UPDATE (sign_until, verify_until, revoked_at) ON signing_keys TO qrpay_app;

-- Whom customers may pay. name is what people read; name_latin and city are what EMV 59 and 60 can hold.
CREATE TABLE merchants (
    id uuid PRIMARY KEY,
    name text NOT NULL CHECK (char_length(name) BETWEEN 1 AND 64),
    name_latin text NOT NULL CHECK (name_latin ~ '^[ -~]{1,25}$'),
    city text NOT NULL CHECK (city ~ '^[ -~]{1,15}$'),
    mcc text NOT NULL CHECK (mcc ~ '^[0-9]{4}$'),
    country text NOT NULL CHECK (country ~ '^[A-Z]{2}$'),
    status text NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'frozen', 'closed')),
    test boolean NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);
GRANT INSERT, UPDATE (status) ON merchants TO qrpay_app;

CREATE TABLE stores (
    id uuid PRIMARY KEY,
    merchant uuid NOT NULL REFERENCES merchants,
    name text NOT NULL CHECK (char_length(name) BETWEEN 1 AND 64),
    code text NOT NULL CHECK (code ~ '^[ -~]{1,25}$'), -- EMV 62/03
    created_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (merchant, code)
);
GRANT INSERT ON stores TO qrpay_app;

CREATE TABLE terminals (
    id uuid PRIMARY KEY,
    store uuid NOT NULL REFERENCES stores,
    name text NOT NULL CHECK (char_length(name) BETWEEN 1 AND 64),
    code text NOT NULL CHECK (code ~ '^[ -~]{1,25}$'), -- EMV 62/07
    created_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (store, code)
);
GRANT INSERT ON terminals TO qrpay_app;

-- A merchant's secrets, of which only a keyed hash is kept.
CREATE TABLE merchant_keys (
    id uuid PRIMARY KEY,
    merchant uuid NOT NULL REFERENCES merchants,
    role text NOT NULL DEFAULT 'merchant' CHECK (role IN ('merchant')),
    hash bytea NOT NULL UNIQUE CHECK (octet_length(hash) = 32),
    last_four text NOT NULL CHECK (char_length(last_four) = 4),
    created_at timestamptz NOT NULL DEFAULT now(),
    revoked_at timestamptz
);
CREATE INDEX merchant_keys_merchant ON merchant_keys (merchant);
GRANT INSERT, UPDATE (revoked_at) ON merchant_keys TO qrpay_app;

-- Which ledger account is whose: the account's id is derived from the merchant and cannot be read backwards.
CREATE TABLE merchant_accounts (
    account uuid PRIMARY KEY,
    merchant uuid NOT NULL REFERENCES merchants,
    currency text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    UNIQUE (merchant, currency)
);
GRANT INSERT ON merchant_accounts TO qrpay_app;
