-- What merchants asked to be given back. A row says nothing about money: whether a refund stands, and how much it moved,
-- is read from the ledger, where refund number n of an order claims one id. It is written first, so that its reference
-- means one thing for ever.
CREATE TABLE refunds (
    id uuid PRIMARY KEY,
    merchant uuid NOT NULL,
    order_id uuid NOT NULL,
    reference text NOT NULL CHECK (char_length(reference) BETWEEN 1 AND 64),
    amount bigint CHECK (amount > 0),                            -- minor units; null: all that was left
    reason text,
    asked_by uuid NOT NULL,                                      -- the merchant's key
    refused text,                                                -- the code of the last refusal; money is read first
    created_at timestamptz NOT NULL,
    UNIQUE (merchant, reference)
);
CREATE INDEX refunds_order ON refunds (order_id, id);
CREATE INDEX refunds_merchant ON refunds (merchant, id);         -- lists, newest first
CREATE INDEX refunds_created ON refunds (created_at);            -- the sweep of what was left unfinished
GRANT INSERT, UPDATE (refused) ON refunds TO qrpay_app;

-- How far the sweep has come: every refund asked for before it has its money or its refusal.
CREATE TABLE refund_sweep (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    swept_until timestamptz NOT NULL
);
INSERT INTO refund_sweep (swept_until) VALUES (now());
GRANT UPDATE (swept_until) ON refund_sweep TO qrpay_app;

-- Which ledger account holds the refunds of a merchant that its payers' accounts could not take.
CREATE TABLE refund_accounts (
    account uuid PRIMARY KEY,
    merchant uuid NOT NULL,
    currency text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    UNIQUE (merchant, currency)
);
GRANT INSERT ON refund_accounts TO qrpay_app;

-- Refunds that wait for their payer's account. Written before the money is set aside; whether it was, and whether it
-- has reached the payer, is read from the ledger.
CREATE TABLE held_refunds (
    refund uuid PRIMARY KEY REFERENCES refunds,
    customer uuid NOT NULL,
    account uuid NOT NULL,                                       -- the payer's, which could not take it
    because text NOT NULL,                                       -- the problem's code: why not
    tries integer NOT NULL DEFAULT 0 CHECK (tries >= 0),
    next_try_at timestamptz NOT NULL,
    ended_at timestamptz                                         -- it reached the payer, or was never set aside
);
CREATE INDEX held_refunds_due ON held_refunds (next_try_at) WHERE ended_at IS NULL;
CREATE INDEX held_refunds_customer ON held_refunds (customer, refund) WHERE ended_at IS NULL;
GRANT INSERT, UPDATE (because, tries, next_try_at, ended_at) ON held_refunds TO qrpay_app;
