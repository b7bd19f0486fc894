-- What one operator proposes and another decides.
CREATE TABLE operator_proposals (
    id uuid PRIMARY KEY,
    kind text NOT NULL CHECK (kind ~ '^[a-z_]{1,64}$'),
    subject text NOT NULL,                                       -- an id as it is written: mer_…, ter_…, opr_…
    maker uuid NOT NULL REFERENCES operators,
    reason text NOT NULL CHECK (char_length(reason) BETWEEN 1 AND 256),
    ask text NOT NULL,                                           -- JSON: what it shall be, such as a role or an end
    before text NOT NULL,                                        -- what it was, as the decider is shown it
    made_at timestamptz NOT NULL,
    ended_at timestamptz                                         -- when it was decided
);
-- One of a kind waits for one thing: a second one would be decided against what is not so any more.
CREATE UNIQUE INDEX operator_proposals_waiting ON operator_proposals (kind, subject) WHERE ended_at IS NULL;
CREATE INDEX operator_proposals_subject ON operator_proposals (subject);
GRANT INSERT, UPDATE (ended_at) ON operator_proposals TO qrpay_app;

-- What is frozen, why, and until when.
CREATE TABLE operator_freezes (
    id uuid PRIMARY KEY,                                         -- that of the proposal
    subject text NOT NULL,
    reason text NOT NULL,
    maker text NOT NULL,
    checker text NOT NULL,
    frozen_at timestamptz NOT NULL,
    until timestamptz CHECK (until > frozen_at),                 -- null: until somebody lifts it
    lifted_at timestamptz
);
CREATE UNIQUE INDEX operator_freezes_standing ON operator_freezes (subject) WHERE lifted_at IS NULL;
CREATE INDEX operator_freezes_until ON operator_freezes (until) WHERE lifted_at IS NULL;
GRANT INSERT, UPDATE (lifted_at) ON operator_freezes TO qrpay_app;

-- A frozen terminal was taken from its device, and no device becomes it.
ALTER TABLE terminals ADD COLUMN frozen boolean NOT NULL DEFAULT false;
GRANT UPDATE (frozen) ON terminals TO qrpay_app;

-- Passkeys (WebAuthn), and the challenges they answer, each once.
CREATE TABLE operator_passkeys (
    id bytea PRIMARY KEY CHECK (octet_length(id) BETWEEN 16 AND 1023),
    operator uuid NOT NULL REFERENCES operators,
    public_key bytea NOT NULL,
    sign_count bigint NOT NULL,
    name text NOT NULL CHECK (char_length(name) BETWEEN 1 AND 64),
    created_at timestamptz NOT NULL,
    used_at timestamptz,
    revoked_at timestamptz
);
CREATE INDEX operator_passkeys_operator ON operator_passkeys (operator);
GRANT INSERT, UPDATE (sign_count, used_at, revoked_at) ON operator_passkeys TO qrpay_app;

CREATE TABLE operator_challenges (
    challenge bytea PRIMARY KEY,
    operator uuid,                                               -- who registers one; null: somebody signs in
    until timestamptz NOT NULL
);
CREATE INDEX operator_challenges_until ON operator_challenges (until);
GRANT INSERT, DELETE ON operator_challenges TO qrpay_app;
