-- The event log: what merchants and customers are told, in commit order, numbered without a gap. Only the leader of
-- the background writes it (qrpay/background/log.py); webhooks, polling and the stream read it. Nobody changes it.
CREATE TABLE events (
    seq bigint PRIMARY KEY CHECK (seq > 0),
    id uuid NOT NULL UNIQUE,
    type text NOT NULL,
    receiver uuid NOT NULL,
    about uuid NOT NULL,
    created_at timestamptz NOT NULL,
    data text NOT NULL                                           -- JSON, exactly as the receiver reads it
);
CREATE INDEX events_receiver ON events (receiver, seq);
GRANT INSERT ON events TO qrpay_app;

-- Events that no transfer tells. They are written beside what happened, in its own transaction, and moved to the log.
CREATE TABLE outbox (
    place bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    xid xid8 NOT NULL DEFAULT pg_current_xact_id(),              -- commit order, as in transfers
    announced_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    id uuid NOT NULL,
    type text NOT NULL,
    receiver uuid NOT NULL,
    about uuid NOT NULL,
    created_at timestamptz NOT NULL,
    data text NOT NULL
);
GRANT INSERT, DELETE ON outbox TO qrpay_app;

-- How far each reader has come. It moves only from where its owner believes it stands, together with what was written.
CREATE TABLE cursors (
    name text PRIMARY KEY,
    position text NOT NULL
);
GRANT INSERT, UPDATE (position) ON cursors TO qrpay_app;
