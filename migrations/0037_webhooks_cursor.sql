-- An endpoint may be paused, and catch up afterwards; one that is marked as test may hear again what was told before.
ALTER TABLE webhook_endpoints
    ADD COLUMN test boolean NOT NULL DEFAULT false,              -- it may be replayed to; a live one never
    ADD COLUMN behind bigint CHECK (behind >= 0),                -- it heard the log up to here, and the rest comes in batches
    ADD COLUMN replay_at timestamptz CHECK (replay_at IS NULL OR test),   -- what was queued before this is sent again
    DROP CONSTRAINT webhook_endpoints_status_check,
    ADD CHECK (status IN ('enabled', 'paused', 'disabled', 'removed')),
    ADD CHECK (status <> 'paused' OR behind IS NOT NULL);
CREATE INDEX webhook_endpoints_behind ON webhook_endpoints (id) WHERE status = 'enabled' AND behind IS NOT NULL;
GRANT UPDATE (url, events, behind, replay_at) ON webhook_endpoints TO qrpay_app;
