-- What merchants ask for. A row says nothing about money: whether an order is paid, closed or expired is read from
-- the ledger, where the order's id is claimed once. A row without an amount is a reference that was closed unseen.
CREATE TABLE orders (
    id uuid PRIMARY KEY,
    merchant uuid NOT NULL,
    reference text NOT NULL CHECK (char_length(reference) BETWEEN 1 AND 64),
    amount bigint CHECK (amount > 0),                            -- minor units
    currency text CHECK (currency ~ '^[A-Z]{3}$'),
    description text,
    store uuid,
    terminal uuid,
    metadata jsonb,
    presented_by text NOT NULL DEFAULT 'merchant' CHECK (presented_by IN ('merchant', 'customer')),
    payment_code uuid,                                           -- the customer's code that was scanned for it
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    CHECK ((amount IS NULL) = (currency IS NULL)),
    UNIQUE (merchant, reference)
);
CREATE INDEX orders_merchant ON orders (merchant, id);           -- lists, newest first
CREATE INDEX orders_expires ON orders (expires_at);              -- the sweep of what ran out of time
GRANT INSERT ON orders TO qrpay_app;

-- How far the sweep has come: everything that expired before it has its closing transfer.
CREATE TABLE order_sweep (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    swept_until timestamptz NOT NULL
);
INSERT INTO order_sweep (swept_until) VALUES (now());
GRANT UPDATE (swept_until) ON order_sweep TO qrpay_app;
