-- Collect codes.

-- name: insert
-- A new one.
-- $1 id uuid  $2 customer uuid  $3 account uuid  $4 currency text  $5 amount bigint  $6 note text  $7 at timestamptz
-- $8 expires_at timestamptz
INSERT INTO collect_codes (id, customer, account, currency, amount, note, created_at, expires_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8);

-- name: by_id
-- One.
-- $1 id uuid
SELECT id, customer, account, currency, amount, note, created_at, expires_at FROM collect_codes WHERE id = $1;

-- name: forget
-- Those that ran out before a moment.
-- $1 before timestamptz
DELETE FROM collect_codes WHERE expires_at < $1;
