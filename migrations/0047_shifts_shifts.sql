-- Shifts of a till: who opened one with how much cash in the drawer, and what was counted at its end.
CREATE TABLE shifts (
    id uuid PRIMARY KEY,
    merchant uuid NOT NULL,
    reference text NOT NULL CHECK (char_length(reference) BETWEEN 1 AND 64),
    store uuid NOT NULL,
    terminal uuid NOT NULL,
    staff uuid,                                                  -- whose shift it is; null: nobody was signed in
    currency text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    opening_cash bigint NOT NULL CHECK (opening_cash >= 0),      -- minor units, as counted at the beginning
    opened_at timestamptz NOT NULL,
    closed_at timestamptz,
    closed_by uuid,                                              -- of the staff; null: nobody was signed in
    counted bigint CHECK (counted >= 0),                         -- minor units, as counted at the end
    note text,
    UNIQUE (merchant, reference),
    CHECK ((closed_at IS NULL) = (counted IS NULL)),
    CHECK (closed_at >= opened_at)
);
CREATE UNIQUE INDEX shifts_open ON shifts (terminal) WHERE closed_at IS NULL;      -- one at a time
CREATE INDEX shifts_terminal ON shifts (terminal, opened_at);                       -- whose sale was it
CREATE INDEX shifts_merchant ON shifts (merchant, id);                              -- lists, newest first
GRANT INSERT, UPDATE (closed_at, closed_by, counted, note) ON shifts TO qrpay_app;

-- Cash that went into the drawer or out of it during a shift: sold for cash, change brought, a supplier paid.
CREATE TABLE shift_cash (
    shift uuid NOT NULL REFERENCES shifts,
    reference text NOT NULL CHECK (char_length(reference) BETWEEN 1 AND 64),
    kind text NOT NULL CHECK (kind IN ('sale', 'paid_in', 'paid_out')),
    amount bigint NOT NULL CHECK (amount > 0),
    reason text,
    staff uuid,
    at timestamptz NOT NULL,
    PRIMARY KEY (shift, reference)
);
GRANT INSERT ON shift_cash TO qrpay_app;
