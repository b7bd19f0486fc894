-- People of the bank. What they sign in with is kept as nobody can use it who has only the table: the password as
-- Argon2id keyed with the master key, the secret of the second factor sealed by it.
CREATE TABLE operators (
    id uuid PRIMARY KEY,
    name text NOT NULL CHECK (char_length(name) BETWEEN 1 AND 64),
    role text NOT NULL CHECK (role IN ('clerk', 'approver', 'auditor', 'administrator')),
    password text,                                               -- null: not enrolled yet
    totp bytea NOT NULL,
    totp_step bigint NOT NULL DEFAULT 0,                         -- the last time step whose code was used: each once
    misses integer NOT NULL DEFAULT 0,                           -- wrong codes in a row after a right password
    missed_until timestamptz,
    enrolment bytea,                                             -- keyed hash of the link that is good once
    enrolment_until timestamptz,
    created_at timestamptz NOT NULL,
    revoked_at timestamptz
);
CREATE UNIQUE INDEX operators_name ON operators (lower(name));
GRANT INSERT, UPDATE ON operators TO qrpay_app;

CREATE TABLE operator_sessions (
    id uuid PRIMARY KEY,
    operator uuid NOT NULL REFERENCES operators,
    hash bytea NOT NULL UNIQUE,
    peer text NOT NULL,
    created_at timestamptz NOT NULL,
    seen_at timestamptz NOT NULL,
    ends_at timestamptz NOT NULL,
    ended_at timestamptz
);
CREATE INDEX operator_sessions_operator ON operator_sessions (operator) WHERE ended_at IS NULL;
GRANT INSERT, UPDATE (seen_at, ended_at) ON operator_sessions TO qrpay_app;

-- What was decided: whoever writes the row first has decided, and is somebody else than the maker.
CREATE TABLE operator_decisions (
    kind text NOT NULL CHECK (kind ~ '^[a-z_]{1,64}$'),
    about uuid NOT NULL,
    approved boolean NOT NULL,
    maker uuid,                                                  -- null: somebody outside asked
    operator uuid NOT NULL REFERENCES operators,
    reason text NOT NULL CHECK (char_length(reason) BETWEEN 1 AND 256),
    at timestamptz NOT NULL,
    done_at timestamptz,                                         -- when it was carried out
    PRIMARY KEY (kind, about),
    CHECK (operator <> maker)
);
CREATE INDEX operator_decisions_undone ON operator_decisions (at) WHERE done_at IS NULL;
GRANT INSERT, DELETE, UPDATE (done_at) ON operator_decisions TO qrpay_app;

-- The log of what operators did: written before the act, and again with what came of it. The application can neither
-- change nor remove a line, and each holds a keyed hash over itself and the line before, so that whoever could do it
-- (the tables' owner) cannot do it unseen without the master key too.
CREATE TABLE operator_acts (
    seq bigint PRIMARY KEY CHECK (seq > 0),
    asked bigint CHECK (asked < seq),                            -- the line whose outcome this is
    at timestamptz NOT NULL,
    operator uuid NOT NULL,
    name text NOT NULL,
    role text NOT NULL,
    session uuid,                                                -- null: on the command line
    act text NOT NULL,
    about text[] NOT NULL,
    reason text,
    detail text NOT NULL,                                        -- JSON, without secrets
    outcome text NOT NULL,
    request_id text NOT NULL,
    peer text NOT NULL,
    hash bytea NOT NULL,
    CHECK ((asked IS NULL) = (outcome = 'asked'))
);
CREATE INDEX operator_acts_about ON operator_acts USING gin (about);
CREATE UNIQUE INDEX operator_acts_asked ON operator_acts (asked) WHERE asked IS NOT NULL;
GRANT INSERT ON operator_acts TO qrpay_app;
