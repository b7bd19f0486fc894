CREATE TABLE peer_accounts (id integer PRIMARY KEY, balance bigint NOT NULL CHECK (balance >= 0))
    WITH (fillfactor = 50);
CREATE TABLE peer_payments (
    id uuid PRIMARY KEY, payer integer NOT NULL, payee integer NOT NULL, amount bigint NOT NULL,
    paid_at timestamptz NOT NULL DEFAULT now()
);
INSERT INTO peer_accounts SELECT n, 10000000000 FROM generate_series(0, 20000) AS n;
