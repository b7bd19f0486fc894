-- Which orders are shared, said before they are paid: with whom in the payment's own commit, and whether the rest is held
-- until it is shared or released. What was shared stands in the ledger alone.
CREATE TABLE sharing_plans (
    order_id uuid PRIMARY KEY,
    merchant uuid NOT NULL REFERENCES merchants,
    lines jsonb NOT NULL CHECK (jsonb_array_length(lines) <= 50),  -- [{receiver, account, amount | null, ratio_bp | null}]
    hold boolean NOT NULL,                                       -- whether the rest is held
    created_at timestamptz NOT NULL,
    CHECK (hold OR jsonb_array_length(lines) > 0)
);
GRANT INSERT ON sharing_plans TO qrpay_app;
