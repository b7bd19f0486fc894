-- Customers' money on its way to the account at another bank that theirs is bound to: the story, written before the hold in
-- the ledger that bears the same id. `asked` with a hold is under way.
CREATE TABLE withdrawals (
    id uuid PRIMARY KEY,
    customer uuid NOT NULL REFERENCES customers,
    account uuid NOT NULL REFERENCES e_accounts,
    amount bigint NOT NULL CHECK (amount > 0),
    currency text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    speed text NOT NULL CHECK (speed IN ('instant', 'T+1')),
    to_masked text NOT NULL,
    status text NOT NULL DEFAULT 'asked' CHECK (status IN ('asked', 'sent', 'paid', 'rejected', 'returned')),
    reason text,
    created_at timestamptz NOT NULL,
    due_at timestamptz NOT NULL
);
CREATE INDEX withdrawals_customer ON withdrawals (customer, created_at DESC, id DESC);
CREATE INDEX withdrawals_due ON withdrawals (due_at) WHERE status = 'asked';
GRANT INSERT, UPDATE (status, reason) ON withdrawals TO qrpay_app;
