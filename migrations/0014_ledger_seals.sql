-- The log under seal, the closing figures of each day, and what the audits found (docs/decisions/0012).

-- Each seal holds what was posted after the one before it, in commit order: for every transfer 28 bytes, its id and the
-- first 12 of the SHA-256 over the row (functions/leaf.sql). The root is the SHA-256 of the last root and these leaves, so
-- that the newest root stands for all of the log.
CREATE TABLE seals (
    number bigint PRIMARY KEY,
    position bigint NOT NULL,                                    -- how many transfers are sealed, those of this one included
    size integer NOT NULL,
    xid xid8 NOT NULL,                                           -- with at and id: the place of its last transfer
    at timestamptz NOT NULL,
    id uuid NOT NULL,
    root bytea NOT NULL,
    leaves bytea NOT NULL,
    sealed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    kid text,                                                    -- one a minute is signed, and grows no more then
    signature bytea,
    CHECK (octet_length(leaves) = 28 * size AND (kid IS NULL) = (signature IS NULL))
);
ALTER TABLE seals ALTER leaves SET STORAGE EXTERNAL;             -- hashes do not compress
INSERT INTO seals (number, position, size, xid, at, id, root, leaves)
VALUES (0, 0, 0, '0', 'epoch', '00000000-0000-0000-0000-000000000000', sha256('qrpay'), '');

-- What all accounts of one kind together had on their counters at the end of a bank day on which one of them moved; the day
-- `infinity` is now.
CREATE TABLE closings (
    ledger integer NOT NULL,
    code smallint NOT NULL,                                      -- ledger/chart.py; 0: accounts that are gone
    day date NOT NULL,
    debits_pending bigint NOT NULL,
    debits_posted bigint NOT NULL,
    credits_pending bigint NOT NULL,
    credits_posted bigint NOT NULL,
    PRIMARY KEY (ledger, code, day)
);
CREATE INDEX closings_now ON closings (ledger, code) WHERE day = 'infinity';

-- Full audits: how far each has come, so that one that was interrupted goes on, and what it found.
CREATE TABLE audits (
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    began_at timestamptz NOT NULL,
    ended_at timestamptz,
    position bigint NOT NULL,                                    -- the log up to here
    root bytea NOT NULL,
    stage text NOT NULL,
    done bigint NOT NULL DEFAULT 0,                              -- of this stage
    place text NOT NULL DEFAULT '',                              -- where this stage goes on
    transfers bigint NOT NULL DEFAULT 0,
    accounts bigint NOT NULL DEFAULT 0,
    checkpoints bigint NOT NULL DEFAULT 0,
    findings jsonb NOT NULL DEFAULT '[]'
);
GRANT INSERT (began_at, position, root, stage), UPDATE (ended_at, stage, done, place, transfers, accounts, checkpoints,
    findings) ON audits TO qrpay_app;
