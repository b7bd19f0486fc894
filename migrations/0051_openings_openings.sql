-- Keys that seal what is known of one person, each itself sealed with the master key. Destroying a key erases everything
-- that it sealed, in every copy and backup of these tables; the ledger never held any of it.
CREATE TABLE personal_keys (
    owner uuid PRIMARY KEY,                                      -- a customer, or an opening that has not led to one yet
    sealed bytea,
    destroyed_at timestamptz,
    CHECK ((sealed IS NULL) = (destroyed_at IS NOT NULL))
);
GRANT INSERT, UPDATE (sealed, destroyed_at), DELETE ON personal_keys TO qrpay_app;

-- Accounts on their way to being opened. What identifies the person is in `details`, under the opening's own key.
CREATE TABLE openings (
    id uuid PRIMARY KEY,
    key_hash bytea NOT NULL UNIQUE CHECK (octet_length(key_hash) = 32),   -- of its Idempotency-Key, which is a secret
    class text NOT NULL CHECK (class IN ('II', 'III')),
    currency text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    status text NOT NULL DEFAULT 'in_progress' CHECK (status IN ('in_progress', 'in_review', 'opened', 'refused')),
    next text CHECK (next IN ('identity', 'phone', 'phone_code', 'card', 'deposit', 'consent')),
    version integer NOT NULL DEFAULT 0,                          -- of two changes at once, one is made
    tries jsonb NOT NULL DEFAULT '{}',                           -- by step
    details bytea,
    person bytea CHECK (octet_length(person) = 32),              -- keyed hash of the ID number
    watched boolean NOT NULL DEFAULT false,                      -- the identity service named a watch list
    code_hash bytea,                                             -- of the code that was sent by SMS
    code_until timestamptz,
    deposit uuid,                                                -- the payment that checks the bound account
    customer uuid REFERENCES customers,
    account uuid,
    reviewed_by text,
    reviewed_why text,
    counted boolean NOT NULL DEFAULT false,                      -- its account counts together with the person's others
    created_at timestamptz NOT NULL,
    changed_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    CHECK ((status = 'opened') = (account IS NOT NULL AND customer IS NOT NULL)),
    CHECK ((status = 'in_progress') = (next IS NOT NULL))
);
CREATE INDEX openings_expiry ON openings (expires_at) WHERE status = 'in_progress';
CREATE INDEX openings_review ON openings (changed_at) WHERE status = 'in_review';
CREATE INDEX openings_uncounted ON openings (changed_at) WHERE status = 'opened' AND NOT counted;
CREATE INDEX openings_customer ON openings (customer) WHERE customer IS NOT NULL;
GRANT INSERT, DELETE, UPDATE (status, next, version, tries, details, person, watched, code_hash, code_until, deposit,
    customer, account, reviewed_by, reviewed_why, counted, changed_at) ON openings TO qrpay_app;

-- Which customer a person is: one for ever, found by the keyed hash of the ID number.
CREATE TABLE persons (
    digest bytea PRIMARY KEY CHECK (octet_length(digest) = 32),
    customer uuid NOT NULL UNIQUE REFERENCES customers
);
GRANT INSERT, DELETE ON persons TO qrpay_app;

-- The places that a person has for accounts of a class (银发〔2018〕16号): an account takes one, closing it frees it.
CREATE TABLE account_places (
    person bytea NOT NULL,
    class text NOT NULL,
    place integer NOT NULL CHECK (place > 0),
    account uuid NOT NULL UNIQUE,
    PRIMARY KEY (person, class, place)
);
GRANT INSERT, DELETE ON account_places TO qrpay_app;

-- The account at another bank that an e-account is bound to; its number is sealed under the customer's key.
CREATE TABLE bound_accounts (
    account uuid PRIMARY KEY REFERENCES e_accounts,              -- the e-account
    customer uuid NOT NULL REFERENCES customers,
    number_hash bytea NOT NULL,
    number_masked text NOT NULL,
    details bytea NOT NULL,
    bound_at timestamptz NOT NULL
);
CREATE INDEX bound_accounts_customer ON bound_accounts (customer);
GRANT INSERT, UPDATE (number_hash, number_masked, details, bound_at), DELETE ON bound_accounts TO qrpay_app;

-- Codes that were sent to a number, so that nobody is flooded with them.
CREATE TABLE sms_sent (
    phone_hash bytea NOT NULL,
    sent_at timestamptz NOT NULL
);
CREATE INDEX sms_sent_phone ON sms_sent (phone_hash, sent_at);
GRANT INSERT, DELETE ON sms_sent TO qrpay_app;
