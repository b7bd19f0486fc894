-- The bank's business calendar: what the State Council's notice says of years that the library (chinesecalendar) does not
-- know yet, and changes to what it knows, such as a notice that is amended within the year.
CREATE TABLE bank_years (
    year integer PRIMARY KEY CHECK (year BETWEEN 2004 AND 2200),
    source text NOT NULL,                                        -- the notice's number
    set_by text NOT NULL,
    set_at timestamptz NOT NULL DEFAULT now()
);
GRANT INSERT, UPDATE ON bank_years TO qrpay_app;

-- Days that are not what their day of the week says. They count before the library's.
CREATE TABLE bank_days (
    day date PRIMARY KEY,
    workday boolean NOT NULL,
    note text NOT NULL,
    set_by text NOT NULL,
    set_at timestamptz NOT NULL DEFAULT now()
);
GRANT INSERT, UPDATE ON bank_days TO qrpay_app;
