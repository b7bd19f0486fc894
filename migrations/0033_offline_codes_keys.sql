-- Terminals that sign codes themselves while they have no network: whose key, what it may sign, until when. How much of
-- that is left is the ledger's word, in two accounts of each key; so is, first of all, whether it was revoked.
CREATE TABLE offline_keys (
    id uuid PRIMARY KEY,
    merchant uuid NOT NULL,
    store uuid NOT NULL,
    terminal uuid NOT NULL,
    public bytea NOT NULL UNIQUE CHECK (octet_length(public) = 32),
    head text NOT NULL,                                          -- what all its codes begin with
    terminal_code text NOT NULL,                                 -- EMV 62/07
    certificate text NOT NULL,
    kid text NOT NULL,                                           -- our key that certified it
    currency text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    code_max bigint NOT NULL CHECK (code_max > 0),               -- minor units, of one code
    total_max bigint NOT NULL CHECK (total_max > 0),             -- minor units, of all its codes together
    count_max integer NOT NULL CHECK (count_max > 0),
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    revoked_at timestamptz
);
CREATE INDEX offline_keys_terminal ON offline_keys (terminal, id);
GRANT INSERT, UPDATE (revoked_at) ON offline_keys TO qrpay_app;

-- What only the terminal knew of an order is added when it comes back, once.
ALTER TABLE orders ADD COLUMN adopted_at timestamptz;
GRANT UPDATE (description, metadata, adopted_at) ON orders TO qrpay_app;
