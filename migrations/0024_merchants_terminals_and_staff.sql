-- Keys that are held in by bounds, terminals that are paired, staff that signs in at them.
ALTER TABLE merchant_keys DROP CONSTRAINT merchant_keys_role_check;
ALTER TABLE merchant_keys ALTER COLUMN role SET DEFAULT 'owner';
UPDATE merchant_keys SET role = 'owner';
ALTER TABLE merchant_keys
    ADD CONSTRAINT merchant_keys_role_check CHECK (role IN ('owner', 'manager', 'cashier', 'terminal', 'reader')),
    ADD COLUMN name text NOT NULL DEFAULT '' CHECK (char_length(name) <= 64),
    ADD COLUMN store uuid REFERENCES stores,
    ADD COLUMN terminal uuid REFERENCES terminals,
    ADD COLUMN staff uuid,
    ADD COLUMN networks text[] NOT NULL DEFAULT '{}',            -- CIDR; empty: from anywhere
    ADD COLUMN signed boolean NOT NULL DEFAULT false,            -- each request must bear a signature (RFC 9421)
    ADD COLUMN expires_at timestamptz,
    ADD CONSTRAINT merchant_keys_terminal_check CHECK (terminal IS NULL OR store IS NOT NULL),
    -- Nobody on a till has a key that is good beyond its store.
    ADD CONSTRAINT merchant_keys_till_check CHECK (role IN ('owner', 'reader') OR store IS NOT NULL),
    ADD CONSTRAINT merchant_keys_staff_check CHECK ((role IN ('manager', 'cashier')) = (staff IS NOT NULL));
CREATE INDEX merchant_keys_terminal ON merchant_keys (terminal) WHERE terminal IS NOT NULL AND revoked_at IS NULL;
CREATE INDEX merchant_keys_staff ON merchant_keys (staff) WHERE staff IS NOT NULL AND revoked_at IS NULL;
GRANT UPDATE (expires_at) ON merchant_keys TO qrpay_app;

-- Who works at the tills. A code is kept as a keyed hash only; a removed person stays as a row, for the books.
CREATE TABLE merchant_staff (
    id uuid PRIMARY KEY,
    merchant uuid NOT NULL REFERENCES merchants,
    store uuid REFERENCES stores,                                -- null: may sign in at any store
    number text NOT NULL CHECK (number ~ '^[0-9]{1,6}$'),
    name text NOT NULL CHECK (char_length(name) BETWEEN 1 AND 64),
    role text NOT NULL CHECK (role IN ('manager', 'cashier')),
    refund_max bigint CHECK (refund_max >= 0),                   -- minor units an order; null: whatever was paid
    code bytea NOT NULL CHECK (octet_length(code) = 32),
    tries integer NOT NULL DEFAULT 0 CHECK (tries >= 0),
    locked_until timestamptz,
    removed_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX merchant_staff_number ON merchant_staff (merchant, number) WHERE removed_at IS NULL;
GRANT INSERT, UPDATE (store, name, role, refund_max, code, tries, locked_until, removed_at) ON merchant_staff TO qrpay_app;
ALTER TABLE merchant_keys ADD CONSTRAINT merchant_keys_staff_fkey FOREIGN KEY (staff) REFERENCES merchant_staff;

-- One-time codes with which a device becomes a terminal. A new one for the same terminal takes the place of the last.
CREATE TABLE terminal_pairings (
    terminal uuid PRIMARY KEY REFERENCES terminals,
    hash bytea NOT NULL UNIQUE CHECK (octet_length(hash) = 32),
    expires_at timestamptz NOT NULL,
    used_at timestamptz
);
GRANT INSERT, UPDATE ON terminal_pairings TO qrpay_app;
