-- What merchants pay the bank for their payments. A version is never edited: the latest one whose date has come is in
-- force, a merchant's own before its category's before the one for all. A fee names the version it was reckoned by.
CREATE TABLE fee_plans (
    id uuid PRIMARY KEY,
    merchant uuid REFERENCES merchants,                          -- whose; null: of a category, or for all
    mcc text CHECK (mcc ~ '^[0-9]{4}$'),                         -- of which category; null: a merchant's, or for all
    currency text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    number integer NOT NULL CHECK (number > 0),                  -- of this merchant, category or all, without a gap
    effective_on date NOT NULL,                                  -- the first bank day it counts on
    tiers jsonb NOT NULL CHECK (jsonb_array_length(tiers) BETWEEN 1 AND 20),  -- [{from_amount, rate_bp, fixed}], rising
    minimum bigint NOT NULL CHECK (minimum >= 0),                -- minor units a payment
    maximum bigint CHECK (maximum >= minimum),                   -- null: no cap
    rounding text NOT NULL CHECK (rounding IN ('half_up', 'half_even')),
    borne_by text NOT NULL CHECK (borne_by IN ('merchant', 'bank')),
    set_by text NOT NULL,
    set_at timestamptz NOT NULL,
    CHECK (merchant IS NULL OR mcc IS NULL),
    UNIQUE NULLS NOT DISTINCT (merchant, mcc, currency, number)
);
GRANT INSERT ON fee_plans TO qrpay_app;
