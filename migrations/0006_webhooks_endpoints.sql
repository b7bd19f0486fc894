-- Where merchants want to be called. A removed endpoint stays as a row, so that its deliveries keep their story.
CREATE TABLE webhook_endpoints (
    id uuid PRIMARY KEY,
    merchant uuid NOT NULL,
    url text NOT NULL CHECK (char_length(url) <= 2048),
    events text[] NOT NULL CHECK (cardinality(events) BETWEEN 1 AND 32),
    secret bytea NOT NULL,                                       -- sealed by the vault
    from_seq bigint NOT NULL,                                    -- it hears what enters the log after this
    status text NOT NULL DEFAULT 'enabled' CHECK (status IN ('enabled', 'disabled', 'removed')),
    reason text CHECK ((reason IS NULL) = (status <> 'disabled')),
    failures integer NOT NULL DEFAULT 0 CHECK (failures >= 0),   -- attempts in a row that failed
    failing_since timestamptz CHECK ((failing_since IS NULL) = (failures = 0)),
    not_before timestamptz NOT NULL DEFAULT 'epoch',             -- it is left alone until then
    created_at timestamptz NOT NULL
);
CREATE INDEX webhook_endpoints_merchant ON webhook_endpoints (merchant) WHERE status <> 'removed';
GRANT INSERT, UPDATE (status, reason, failures, failing_since, not_before) ON webhook_endpoints TO qrpay_app;

-- One row for each event and endpoint: the queue, and the list a merchant looks at.
CREATE TABLE webhook_deliveries (
    endpoint uuid NOT NULL REFERENCES webhook_endpoints,
    seq bigint NOT NULL,                                         -- of the event
    about uuid NOT NULL,
    status text NOT NULL DEFAULT 'waiting' CHECK (status IN ('waiting', 'delivered', 'given_up')),
    attempts integer NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    since timestamptz NOT NULL,                                  -- the days it is tried count from here
    next_try_at timestamptz NOT NULL,
    last_at timestamptz,
    last_status integer,                                         -- HTTP status, when the receiver answered
    last_error text,                                             -- why it failed, when it did
    last_ms integer CHECK (last_ms >= 0),                        -- how long the receiver took
    PRIMARY KEY (endpoint, seq)
);
CREATE INDEX webhook_deliveries_due ON webhook_deliveries (endpoint, next_try_at, seq) WHERE status = 'waiting';
CREATE INDEX webhook_deliveries_order ON webhook_deliveries (endpoint, about, seq) WHERE status = 'waiting';
GRANT INSERT, UPDATE (status, attempts, since, next_try_at, last_at, last_status, last_error, last_ms)
    ON webhook_deliveries TO qrpay_app;
