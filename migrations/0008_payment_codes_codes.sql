-- One-time codes that customers show at a till. Only a keyed hash of the digits is kept; that a code was used is
-- the ledger's word (a marker transfer bears the code's id).
CREATE TABLE payment_codes (
    hash bytea PRIMARY KEY,
    id uuid NOT NULL,
    customer uuid NOT NULL,
    account uuid NOT NULL,
    ledger integer NOT NULL,
    name text NOT NULL,                                          -- masked, as the payee sees it
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL
);
CREATE INDEX payment_codes_expires ON payment_codes (expires_at);
GRANT INSERT, DELETE ON payment_codes TO qrpay_app;
