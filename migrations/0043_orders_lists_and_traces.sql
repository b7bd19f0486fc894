-- What was sold with an order: {lines, tax, tip}, where the merchant said it. Null costs an order nothing.
ALTER TABLE orders ADD COLUMN basket jsonb;

-- What can be looked for in an order by text: its reference, its description, names and numbers of its lines.
CREATE FUNCTION order_text(reference text, description text, basket jsonb) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT concat_ws(' ', reference, description, CASE WHEN basket IS NOT NULL THEN (
        SELECT string_agg(concat_ws(' ', line ->> 'name', line ->> 'sku'), ' ')
        FROM jsonb_array_elements(basket -> 'lines') AS line
    ) END)
$$;

-- The projection behind lists by status: what the event log has told of orders. `paid`, `closed` and `expired` exclude
-- each other; `refunded` comes beside `paid`. The ledger decides; whoever shows an order asks it (docs/decisions/0027).
CREATE TABLE order_marks (
    merchant uuid NOT NULL,
    mark "char" NOT NULL CHECK (mark IN ('p', 'c', 'e', 'r')),   -- paid, closed, expired, refunded
    generation integer NOT NULL,                                 -- of the rebuild that wrote it, or saw it in the log
    id uuid NOT NULL,                                            -- of the order
    PRIMARY KEY (merchant, mark, id)
);
GRANT INSERT, UPDATE (generation), DELETE ON order_marks TO qrpay_app;

-- Which rebuild is the latest. What bears an older number when one has ended was not in the log.
CREATE TABLE order_marks_generation (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    generation integer NOT NULL
);
INSERT INTO order_marks_generation (generation) VALUES (1);
GRANT UPDATE (generation) ON order_marks_generation TO qrpay_app;

-- How the ledger's batches went: a row a batch, written a moment later, kept for some days. For people who ask what became
-- of a payment; nothing is decided by it.
CREATE TABLE batch_traces (
    worker uuid NOT NULL,                                        -- the process, from its start to its end
    number bigint NOT NULL,                                      -- of the batch in that process
    base timestamptz NOT NULL,                                   -- the n-th transfer's timestamp is n µs later
    size integer NOT NULL CHECK (size > 0),
    sent_at timestamptz NOT NULL,                                -- by the clock of the process
    took_us integer NOT NULL,                                    -- from sending until it was known to be committed
    ids bytea NOT NULL,                                          -- of the transfers, 16 bytes each
    stamps bytea NOT NULL,                                       -- of each: µs before sent_at, as traces.py lays them out
    PRIMARY KEY (base, worker, number)
);
GRANT INSERT, DELETE ON batch_traces TO qrpay_app;
