-- Public keys with which merchants sign requests (RFC 9421), and the nonces that were used within the window.
CREATE TABLE merchant_signers (
    id uuid PRIMARY KEY,
    merchant uuid NOT NULL REFERENCES merchants,
    name text NOT NULL CHECK (char_length(name) <= 64),
    public bytea NOT NULL CHECK (octet_length(public) = 32),     -- Ed25519
    revoked_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (merchant, public)
);
GRANT INSERT, UPDATE (revoked_at) ON merchant_signers TO qrpay_app;

CREATE TABLE signature_nonces (
    signer uuid NOT NULL,
    hash bytea NOT NULL CHECK (octet_length(hash) = 16),
    request uuid NOT NULL,                                       -- who used it first; a batch sent again is the same
    until timestamptz NOT NULL,                                  -- past it the time alone refuses the request
    PRIMARY KEY (signer, hash)
);
CREATE INDEX signature_nonces_until ON signature_nonces (until);
GRANT INSERT, DELETE ON signature_nonces TO qrpay_app;
