-- Money on its way through the clearing house: what is to be paid, and every message that went out or came in.
CREATE TABLE clearing_messages (
    id uuid PRIMARY KEY,
    direction text NOT NULL CHECK (direction IN ('out', 'in')),
    kind text NOT NULL CHECK (kind IN ('pain.001', 'pain.002', 'camt.054')),
    msg_id text NOT NULL,                                        -- as its sender numbers it
    body bytea NOT NULL,                                         -- the document itself, as it was sent or received
    status text NOT NULL CHECK (status IN ('waiting', 'sent', 'refused', 'received', 'processed', 'unreadable')),
    notes text[] NOT NULL DEFAULT '{}',                          -- what an operator should look at
    attempts integer NOT NULL DEFAULT 0,
    next_try_at timestamptz NOT NULL,
    created_at timestamptz NOT NULL,
    UNIQUE (direction, kind, msg_id)                             -- the same message twice is one
);
CREATE INDEX clearing_messages_open ON clearing_messages (next_try_at) WHERE status IN ('waiting', 'received');
GRANT INSERT, UPDATE (status, notes, attempts, next_try_at) ON clearing_messages TO qrpay_app;

-- One payment to be made; its money is a hold in the ledger until the clearing house's proof posts it, or its refusal
-- voids it. Its id is the EndToEndId.
CREATE TABLE clearing_instructions (
    id uuid PRIMARY KEY,
    purpose text NOT NULL,                                       -- which feature asked: settlement, withdrawal
    hold uuid NOT NULL UNIQUE,
    currency text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    amount bigint NOT NULL CHECK (amount > 0),
    name text NOT NULL,
    account text NOT NULL,
    bank text NOT NULL,
    remittance text NOT NULL,
    status text NOT NULL DEFAULT 'waiting'
        CHECK (status IN ('waiting', 'sent', 'accepted', 'settled', 'rejected', 'returned', 'disputed')),
    code text,                                                   -- the reason, ISO 20022 external code set
    reason text,
    message uuid REFERENCES clearing_messages,
    created_at timestamptz NOT NULL,
    changed_at timestamptz NOT NULL,
    heard boolean NOT NULL DEFAULT false                         -- whether its feature has taken note of how it ended
);
CREATE INDEX clearing_instructions_waiting ON clearing_instructions (created_at, id) WHERE status = 'waiting';
CREATE INDEX clearing_instructions_ended ON clearing_instructions (purpose, changed_at)
    WHERE NOT heard AND status IN ('settled', 'rejected', 'returned');
CREATE INDEX clearing_instructions_message ON clearing_instructions (message);
GRANT INSERT, UPDATE (status, code, reason, message, changed_at, heard) ON clearing_instructions TO qrpay_app;
