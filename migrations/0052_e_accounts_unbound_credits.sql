-- Whether money may come into an account from accounts that are not bound to it (rules.md 3.3). Accounts opened at a counter
-- take it; those opened online do not, until their holder was seen (II), or has consented after a first credit from the
-- bound account (III); of these, one.
ALTER TABLE e_accounts
    ADD COLUMN online boolean NOT NULL DEFAULT false,
    ADD COLUMN unbound_credits boolean NOT NULL DEFAULT true,
    ADD COLUMN seen_by text,                                     -- who has seen the holder of an account opened online
    ADD COLUMN seen_why text;                                    -- and how: the document, the branch
CREATE UNIQUE INDEX e_accounts_one_open_class_iii ON e_accounts (customer, currency)
    WHERE class = 'III' AND online AND unbound_credits;
GRANT UPDATE (unbound_credits, seen_by, seen_why) ON e_accounts TO qrpay_app;
UPDATE e_accounts SET online = true, unbound_credits = false WHERE id IN (SELECT account FROM bound_accounts);
