-- Customers for trying, whose accounts stand in the test ledgers (values.ledger_of), and how merchants are taken on.
ALTER TABLE customers ADD COLUMN test boolean NOT NULL DEFAULT false;
ALTER TABLE e_accounts ADD COLUMN test boolean NOT NULL DEFAULT false;
-- What was taken on for trying before there were test ledgers has its accounts among the live ones: it is live.
UPDATE merchants SET test = false WHERE test;

-- Who did what to a merchant and why: written beside the act, and nobody changes it.
CREATE TABLE merchant_acts (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    merchant uuid NOT NULL REFERENCES merchants,
    act text NOT NULL CHECK (act IN ('taken_on', 'active', 'frozen', 'closed')),
    maker text NOT NULL CHECK (char_length(maker) BETWEEN 1 AND 128),
    checker text CHECK (char_length(checker) BETWEEN 1 AND 128 AND checker <> maker),
    reason text NOT NULL CHECK (char_length(reason) BETWEEN 1 AND 256),
    at timestamptz NOT NULL
);
CREATE INDEX merchant_acts_merchant ON merchant_acts (merchant, id);
GRANT INSERT ON merchant_acts TO qrpay_app;
