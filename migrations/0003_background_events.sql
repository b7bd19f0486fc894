-- The event log: who is told of what, in commit order, numbered without a gap. Only the leader of the background writes
-- it (qrpay/background/log.py); webhooks, polling and the stream read it. Nobody changes it. A row is a reference: what
-- a money event says is built from its transfer when somebody reads it (docs/decisions/0008-an-event-is-a-reference.md).
CREATE TABLE events (
    seq bigint PRIMARY KEY,
    type text NOT NULL,
    receiver uuid NOT NULL,
    about uuid NOT NULL,
    transfer uuid,                                               -- what it tells of; null when it was announced
    created_at timestamptz NOT NULL,
    data text,                                                   -- JSON as the receiver reads it, when announced
    CHECK ((transfer IS NULL) = (data IS NOT NULL))
);
CREATE INDEX events_receiver ON events (receiver, seq);
GRANT INSERT ON events TO qrpay_app;

-- Events that no transfer tells. They are written beside what happened, in its own transaction, and move to the log.
-- The row stays without its data, so that what is announced twice is told once.
CREATE TABLE outbox (
    id uuid PRIMARY KEY,
    place bigint GENERATED ALWAYS AS IDENTITY,
    xid xid8 NOT NULL DEFAULT pg_current_xact_id(),              -- commit order, as in transfers
    announced_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    type text NOT NULL,
    receiver uuid NOT NULL,
    about uuid NOT NULL,
    created_at timestamptz NOT NULL,
    data text                                                    -- null: it has moved
);
CREATE INDEX outbox_waiting ON outbox (place) WHERE data IS NOT NULL;
GRANT INSERT, UPDATE (data) ON outbox TO qrpay_app;

-- How far each reader has come. It moves only from where its owner believes it stands, together with what was written.
CREATE TABLE cursors (
    name text PRIMARY KEY,
    position text NOT NULL
);
GRANT INSERT, UPDATE (position) ON cursors TO qrpay_app;
