-- Which statements a key may sign grows with the house: the names stand in qrpay/codes/signing.py.
ALTER TABLE signing_keys DROP CONSTRAINT signing_keys_purpose_check;
ALTER TABLE signing_keys ADD CONSTRAINT signing_keys_purpose_check CHECK (purpose ~ '^[a-z_]{1,20}$');

-- Codes that hang on a wall or stand on a counter, paid again and again. The text is kept as it was printed.
CREATE TABLE static_codes (
    id uuid PRIMARY KEY,
    merchant uuid NOT NULL,
    reference text NOT NULL CHECK (char_length(reference) BETWEEN 1 AND 64),
    label text,                                                  -- where it stands: Table 5, Counter 2
    store uuid,
    terminal uuid,
    amount bigint CHECK (amount > 0),                            -- minor units; null: the payer enters it
    currency text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    payload text NOT NULL CHECK (char_length(payload) <= 512),
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    revoked_at timestamptz,
    UNIQUE (merchant, reference)
);
CREATE INDEX static_codes_merchant ON static_codes (merchant, id);
GRANT INSERT, UPDATE (revoked_at) ON static_codes TO qrpay_app;

-- Which order a payer's Idempotency-Key stands for: a retry pays the same order, whatever it is paid with. Kept for good,
-- since there is no time after which a key may move money twice.
CREATE TABLE static_payments (
    customer uuid NOT NULL,
    key bytea NOT NULL,                                          -- a digest of the Idempotency-Key
    order_id uuid NOT NULL,
    code uuid NOT NULL,
    amount bigint NOT NULL CHECK (amount > 0),
    created_at timestamptz NOT NULL,
    PRIMARY KEY (customer, key)
);
GRANT INSERT ON static_payments TO qrpay_app;

-- The static code, or the terminal's certificate, that an order came from when it was not opened beforehand.
ALTER TABLE orders ADD COLUMN source uuid;
