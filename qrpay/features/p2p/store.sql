-- Transfers between customers, and requests for money.

-- name: add
-- The story of a transfer, unless it is told already.
-- $1 id uuid  $2 sender uuid  $3 sender_account uuid  $4 receiver uuid  $5 receiver_account uuid  $6 amount bigint
-- $7 currency text  $8 note text  $9 to_hash bytea  $10 at timestamptz
INSERT INTO p2p_transfers (id, sender, sender_account, receiver, receiver_account, amount, currency, note, to_hash,
                           created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT (id) DO NOTHING;

-- name: by_ids
-- Stories.
-- $1 ids uuid[]
SELECT id, sender, sender_account, receiver, receiver_account, amount, currency, note, to_hash, created_at
FROM p2p_transfers WHERE id = ANY ($1::uuid[]);

-- name: page
-- Stories of a customer, sent and received, newest first.
-- $1 customer uuid  $2 before timestamptz  $3 before_id uuid  $4 limit integer
SELECT id, sender, sender_account, receiver, receiver_account, amount, currency, note, to_hash, created_at
FROM p2p_transfers
WHERE (sender = $1 OR receiver = $1) AND ($2::timestamptz IS NULL OR (created_at, id) < ($2, $3))
ORDER BY created_at DESC, id DESC LIMIT $4;

-- name: hold
-- A transfer waits for its receiver; told before its money is set aside.
-- $1 id uuid  $2 receiver uuid  $3 because text  $4 held_at timestamptz  $5 return_at timestamptz
INSERT INTO p2p_held (id, receiver, because, held_at, return_at) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (id) DO UPDATE SET ended_at = NULL, return_at = excluded.return_at;

-- name: held_of
-- What waits for a customer, oldest first. They are few: it runs out.
-- $1 receiver uuid  $2 limit integer
SELECT id, receiver, because, held_at, return_at FROM p2p_held
WHERE receiver = $1 AND ended_at IS NULL ORDER BY held_at, id LIMIT $2;

-- name: held_due
-- What has waited too long.
-- $1 now timestamptz  $2 limit integer
SELECT id, receiver, because, held_at, return_at FROM p2p_held
WHERE ended_at IS NULL AND return_at <= $1 ORDER BY return_at, id LIMIT $2;

-- name: end_hold
-- It waits no longer.
-- $1 id uuid  $2 at timestamptz
UPDATE p2p_held SET ended_at = $2 WHERE id = $1 AND ended_at IS NULL;

-- name: add_requests
-- Requests, unless they are there already.
-- $1 ids uuid[]  $2 split uuid  $3 asker uuid  $4 asker_account uuid  $5 payers uuid[]  $6 amount bigint  $7 currency text
-- $8 note text  $9 ask_hash bytea  $10 at timestamptz  $11 expires_at timestamptz
INSERT INTO money_requests (id, split, asker, asker_account, payer, amount, currency, note, ask_hash, created_at,
                            expires_at)
SELECT r.id, $2, $3, $4, r.payer, $6, $7, $8, $9, $10, $11 FROM unnest($1::uuid[], $5::uuid[]) AS r (id, payer)
ON CONFLICT (id) DO NOTHING;

-- name: requests
-- Requests by id.
-- $1 ids uuid[]
SELECT id, split, asker, asker_account, payer, amount, currency, note, ask_hash, created_at, expires_at
FROM money_requests WHERE id = ANY ($1::uuid[]);

-- name: split
-- The requests that a split became.
-- $1 split uuid
SELECT id, split, asker, asker_account, payer, amount, currency, note, ask_hash, created_at, expires_at
FROM money_requests WHERE split = $1 ORDER BY id;

-- name: request_page
-- Requests of a customer, asked and owed, newest first.
-- $1 customer uuid  $2 before timestamptz  $3 before_id uuid  $4 limit integer
SELECT id, split, asker, asker_account, payer, amount, currency, note, ask_hash, created_at, expires_at
FROM money_requests
WHERE (asker = $1 OR payer = $1) AND ($2::timestamptz IS NULL OR (created_at, id) < ($2, $3))
ORDER BY created_at DESC, id DESC LIMIT $4;

-- check: a_transfer_between_customers_moved_what_it_tells
-- Where money moved, it is the story's: amount, sender, and either the receiver's account or one that holds it.
SELECT p.id FROM p2p_transfers p JOIN transfers t ON t.id = p.id
WHERE t.code = 80 AND (t.amount <> p.amount OR t.debit <> p.sender_account);

-- check: what_waits_for_nobody_is_not_set_aside
-- Money that was set aside and has ended was released or returned.
SELECT h.id FROM p2p_held h JOIN p2p_transfers p ON p.id = h.id
JOIN transfers t ON t.id = h.id AND t.credit <> p.receiver_account
WHERE h.ended_at IS NOT NULL AND NOT EXISTS (SELECT FROM transfers r WHERE r.about = h.id AND r.code IN (81, 82));
