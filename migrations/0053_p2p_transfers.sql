-- Codes by which a customer is paid by others, for some minutes.
CREATE TABLE collect_codes (
    id uuid PRIMARY KEY,
    customer uuid NOT NULL REFERENCES customers,
    account uuid NOT NULL REFERENCES e_accounts,
    currency text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    amount bigint CHECK (amount > 0),                            -- minor units; null: the payer enters it
    note text,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL
);
CREATE INDEX collect_codes_expiry ON collect_codes (expires_at);
GRANT INSERT, DELETE ON collect_codes TO qrpay_app;

-- Customers who pay each other: the story, written before the money. The id is the ledger transfer's, claimed from the
-- sender and the Idempotency-Key, or the request that it answers.
CREATE TABLE p2p_transfers (
    id uuid PRIMARY KEY,
    sender uuid NOT NULL REFERENCES customers,
    sender_account uuid NOT NULL,
    receiver uuid NOT NULL REFERENCES customers,
    receiver_account uuid NOT NULL,
    amount bigint NOT NULL CHECK (amount > 0),
    currency text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    note text,
    to_hash bytea NOT NULL,                                      -- keyed hash of whom the sender named, and how
    created_at timestamptz NOT NULL,
    CHECK (sender_account <> receiver_account)
);
CREATE INDEX p2p_transfers_sender ON p2p_transfers (sender, id);
CREATE INDEX p2p_transfers_receiver ON p2p_transfers (receiver, id);
GRANT INSERT ON p2p_transfers TO qrpay_app;

-- Transfers that the receiver's account could not take: it would hold too much, or too much came in today. The money is set
-- aside for the receiver; after return_at it goes back.
CREATE TABLE p2p_held (
    id uuid PRIMARY KEY REFERENCES p2p_transfers,
    receiver uuid NOT NULL,
    because text NOT NULL,
    held_at timestamptz NOT NULL,
    return_at timestamptz NOT NULL,
    ended_at timestamptz
);
CREATE INDEX p2p_held_receiver ON p2p_held (receiver, id) WHERE ended_at IS NULL;
CREATE INDEX p2p_held_return ON p2p_held (return_at) WHERE ended_at IS NULL;
GRANT INSERT, UPDATE (ended_at, return_at) ON p2p_held TO qrpay_app;

-- Requests for money; those of one split share its id. Paid, declined or withdrawn is what the ledger says: whichever
-- transfer bears the request's id.
CREATE TABLE money_requests (
    id uuid PRIMARY KEY,
    split uuid,
    asker uuid NOT NULL REFERENCES customers,
    asker_account uuid NOT NULL,
    payer uuid NOT NULL REFERENCES customers,
    amount bigint NOT NULL CHECK (amount > 0),
    currency text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    note text,
    ask_hash bytea NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    CHECK (asker <> payer)
);
CREATE INDEX money_requests_asker ON money_requests (asker, id);
CREATE INDEX money_requests_payer ON money_requests (payer, id);
CREATE INDEX money_requests_split ON money_requests (split) WHERE split IS NOT NULL;
GRANT INSERT ON money_requests TO qrpay_app;
