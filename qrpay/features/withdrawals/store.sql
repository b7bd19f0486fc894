-- Withdrawals.

-- name: add
-- A withdrawal's story, unless it is told already.
-- $1 id uuid  $2 customer uuid  $3 account uuid  $4 amount bigint  $5 currency text  $6 speed text  $7 to_masked text
-- $8 at timestamptz  $9 due_at timestamptz
INSERT INTO withdrawals (id, customer, account, amount, currency, speed, to_masked, created_at, due_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (id) DO NOTHING;

-- name: by_ids
-- Withdrawals.
-- $1 ids uuid[]
SELECT id, customer, account, amount, currency, speed, to_masked, status, reason, created_at, due_at
FROM withdrawals WHERE id = ANY ($1::uuid[]);

-- name: latest
-- A customer's withdrawals, newest first.
-- $1 customer uuid  $2 limit integer
SELECT id, customer, account, amount, currency, speed, to_masked, status, reason, created_at, due_at
FROM withdrawals WHERE customer = $1 ORDER BY created_at DESC, id DESC LIMIT $2;

-- name: due
-- Withdrawals that are to be sent, if their money is held: oldest first, younger than a moment.
-- $1 now timestamptz  $2 since timestamptz  $3 limit integer
SELECT id, customer, account, amount, currency, speed, to_masked, status, reason, created_at, due_at
FROM withdrawals WHERE status = 'asked' AND due_at <= $1 AND due_at > $2 ORDER BY due_at, id LIMIT $3;

-- name: sent
-- It was given to the clearing house, by whoever comes first.
-- $1 id uuid
UPDATE withdrawals SET status = 'sent' WHERE id = $1 AND status = 'asked' RETURNING id;

-- name: ended
-- How withdrawals ended.
-- $1 ids uuid[]  $2 statuses text[]  $3 reasons text[]
UPDATE withdrawals AS w SET status = e.status, reason = e.reason
FROM unnest($1::uuid[], $2::text[], $3::text[]) AS e (id, status, reason) WHERE w.id = e.id;

-- check: every_withdrawal_that_was_sent_has_its_hold
-- What the clearing house was asked to pay was held before, with the same amount, out of the same account.
SELECT w.id FROM withdrawals w LEFT JOIN transfers t ON t.id = w.id AND t.debit = w.account AND t.amount = w.amount
WHERE w.status <> 'asked' AND t.id IS NULL AND NOT EXISTS (SELECT FROM detached_ids d WHERE d.id = w.id);
