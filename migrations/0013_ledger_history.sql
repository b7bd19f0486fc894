-- What the background keeps beside the ledger, so that looking back, and looking whether all is right, costs the same on a
-- long history as on a short one. All of it follows from transfers, and may be made anew from them. Sizes: for each
-- transfer 28 bytes of a seal and at most 1 of a checkpoint, index included (docs/decisions/0012).

-- An account's four counters after every 256th of its entries, in the order of its timestamps.
CREATE TABLE checkpoints (
    account uuid NOT NULL,
    at timestamptz NOT NULL,                                     -- of the last entry that is in it
    debits_pending bigint NOT NULL,
    debits_posted bigint NOT NULL,
    credits_pending bigint NOT NULL,
    credits_posted bigint NOT NULL,
    PRIMARY KEY (account, at)
);

-- Accounts whose counters are not the sums of their transfers, as long as that is so. Empty in a house in order.
CREATE TABLE discrepancies (
    account uuid PRIMARY KEY,
    ledger integer NOT NULL,                                     -- 0: the account's row is gone
    found_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    debits_pending bigint NOT NULL,                              -- by how much too high, or (below zero) too low
    debits_posted bigint NOT NULL,
    credits_pending bigint NOT NULL,
    credits_posted bigint NOT NULL
);
