-- Who wants to become a merchant: what they say, their papers, what was found out, who looked and who decided.
CREATE TABLE merchant_applications (
    id uuid PRIMARY KEY,
    request bytea NOT NULL,                                      -- keyed hash of what was sent first, to know it again
    version integer NOT NULL DEFAULT 1,                          -- each change of the applicant's counts: two cannot mix
    status text NOT NULL DEFAULT 'draft' CHECK (status IN ('draft', 'submitted', 'more_needed', 'approved', 'rejected')),
    legal_name text,                                             -- these two for lists and duplicates
    uscc text,
    fields bytea NOT NULL,                                       -- all that was said, sealed by the vault
    checks text NOT NULL DEFAULT '[]',                           -- JSON: of the last time it was to be submitted
    submission uuid UNIQUE,                                      -- what is reviewed: anew each time it is submitted
    submitted_at timestamptz,
    checked_by text,                                             -- who of the bank looked at what needs a person
    checked_by_id uuid,
    checked_note text,
    checked_at timestamptz,
    decided_by text,
    decided_at timestamptz,
    reason text,                                                 -- of the decision, or what is needed; the applicant reads it
    merchant uuid REFERENCES merchants,
    test_merchant uuid REFERENCES merchants,
    key_at timestamptz,                                          -- when the first keys were fetched, each once
    test_key_at timestamptz,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    CHECK ((status = 'approved') = (merchant IS NOT NULL)),
    CHECK (status IN ('draft', 'more_needed') OR submission IS NOT NULL),
    CHECK (decided_by <> checked_by)
);
CREATE INDEX merchant_applications_waiting ON merchant_applications (submitted_at) WHERE status = 'submitted';
CREATE INDEX merchant_applications_uscc ON merchant_applications (uscc) WHERE status IN ('submitted', 'approved');
CREATE INDEX merchant_applications_drafts ON merchant_applications (updated_at) WHERE status = 'draft';
CREATE INDEX merchant_applications_latest ON merchant_applications (created_at);
GRANT INSERT, UPDATE ON merchant_applications TO qrpay_app;
GRANT DELETE ON merchant_applications TO qrpay_app;              -- drafts that nobody goes on with

-- Sealed by the vault: what is compressed or looked into here is nothing.
CREATE TABLE merchant_application_papers (
    id uuid PRIMARY KEY,
    application uuid NOT NULL REFERENCES merchant_applications ON DELETE CASCADE,
    kind text NOT NULL CHECK (kind IN ('business_licence', 'legal_person_id', 'account_proof', 'other')),
    media_type text NOT NULL CHECK (media_type IN ('application/pdf', 'image/png', 'image/jpeg')),
    size integer NOT NULL CHECK (size > 0),
    sha256 bytea NOT NULL CHECK (octet_length(sha256) = 32),
    sealed bytea NOT NULL,
    created_at timestamptz NOT NULL,
    UNIQUE (application, sha256)
);
ALTER TABLE merchant_application_papers ALTER sealed SET STORAGE EXTERNAL;
GRANT INSERT, DELETE ON merchant_application_papers TO qrpay_app;

-- What happened to an application: written beside the act, and nobody changes it.
CREATE TABLE merchant_application_acts (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    application uuid NOT NULL,
    act text NOT NULL CHECK (act IN ('submitted', 'checked', 'more_needed', 'approved', 'rejected')),
    by text NOT NULL CHECK (char_length(by) BETWEEN 1 AND 128),
    reason text NOT NULL CHECK (char_length(reason) <= 256),
    at timestamptz NOT NULL
);
CREATE INDEX merchant_application_acts_application ON merchant_application_acts (application, id);
GRANT INSERT ON merchant_application_acts TO qrpay_app;

-- One merchant a company: whoever is approved first has its unified social credit code.
CREATE TABLE merchant_identities (
    uscc text PRIMARY KEY CHECK (uscc ~ '^[0-9A-HJ-NPQRTUWXY]{18}$'),
    merchant uuid NOT NULL UNIQUE REFERENCES merchants
);
GRANT INSERT ON merchant_identities TO qrpay_app;
