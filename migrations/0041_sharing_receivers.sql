-- With whom a merchant shares what it is paid. Never changed; one that was removed takes no new shares.
CREATE TABLE receivers (
    id uuid PRIMARY KEY,
    merchant uuid NOT NULL REFERENCES merchants,                 -- who shares
    reference text NOT NULL CHECK (char_length(reference) BETWEEN 1 AND 64),
    payee_merchant uuid REFERENCES merchants,                    -- with another merchant,
    payee_account uuid,                                          -- or into a customer's account
    created_at timestamptz NOT NULL,
    removed_at timestamptz,
    UNIQUE (merchant, reference),
    CHECK ((payee_merchant IS NULL) <> (payee_account IS NULL)),
    CHECK (payee_merchant <> merchant)
);
GRANT INSERT, UPDATE (removed_at) ON receivers TO qrpay_app;
