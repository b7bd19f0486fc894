-- Payments through the clearing house, and its messages.

-- name: instruct
-- Keep payments that are to be made; one that is there already stays as it is.
-- $1 ids uuid[]  $2 holds uuid[]  $3 purpose text  $4 currencies text[]  $5 amounts bigint[]  $6 names text[]
-- $7 accounts text[]  $8 banks text[]  $9 remittances text[]  $10 at timestamptz
INSERT INTO clearing_instructions (id, purpose, hold, currency, amount, name, account, bank, remittance, created_at,
                                   changed_at)
SELECT i.id, $3, i.hold, i.currency, i.amount, i.name, i.account, i.bank, i.remittance, $10, $10
FROM unnest($1::uuid[], $2::uuid[], $4::text[], $5::bigint[], $6::text[], $7::text[], $8::text[], $9::text[])
    AS i (id, hold, currency, amount, name, account, bank, remittance)
ON CONFLICT (id) DO NOTHING;

-- name: waiting
-- The oldest payments that are in no message yet, all of one currency; nobody else takes them meanwhile.
-- $1 limit integer
SELECT id, purpose, hold, currency, amount, name, account, bank, remittance, status, code, reason, message, created_at,
       changed_at
FROM clearing_instructions
WHERE status = 'waiting' AND currency = (
    SELECT currency FROM clearing_instructions WHERE status = 'waiting' ORDER BY created_at, id LIMIT 1)
ORDER BY created_at, id LIMIT $1 FOR UPDATE SKIP LOCKED;

-- name: put_in_message
-- These payments travel in this message.
-- $1 ids uuid[]  $2 message uuid  $3 at timestamptz
UPDATE clearing_instructions SET status = 'sent', message = $2, changed_at = $3 WHERE id = ANY ($1::uuid[]);

-- name: add_message
-- Keep a message; no row when its sender's number was seen before.
-- $1 id uuid  $2 direction  $3 kind  $4 msg_id text  $5 body bytea  $6 status text  $7 notes text[]  $8 at timestamptz
INSERT INTO clearing_messages (id, direction, kind, msg_id, body, status, notes, next_try_at, created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8)
ON CONFLICT (direction, kind, msg_id) DO NOTHING RETURNING id;

-- name: due
-- Messages that wait to be sent, or received ones to be worked on, oldest first.
-- $1 status text  $2 at timestamptz  $3 limit integer
SELECT id, direction, kind, msg_id, body, status, notes, attempts, next_try_at, created_at FROM clearing_messages
WHERE status = $1 AND next_try_at <= $2 ORDER BY next_try_at, id LIMIT $3;

-- name: tried
-- What became of a message.
-- $1 id uuid  $2 status text  $3 notes text[]  $4 next_try_at timestamptz
UPDATE clearing_messages SET status = $2, notes = $3, attempts = attempts + 1, next_try_at = $4 WHERE id = $1;

-- name: by_id
-- Payments by id.
-- $1 ids uuid[]
SELECT id, purpose, hold, currency, amount, name, account, bank, remittance, status, code, reason, message, created_at,
       changed_at
FROM clearing_instructions WHERE id = ANY ($1::uuid[]);

-- name: of_message
-- The payments that travelled in a message of ours, by the number we gave it.
-- $1 msg_id text
SELECT i.id, i.purpose, i.hold, i.currency, i.amount, i.name, i.account, i.bank, i.remittance, i.status, i.code,
       i.reason, i.message, i.created_at, i.changed_at
FROM clearing_messages m JOIN clearing_instructions i ON i.message = m.id
WHERE m.direction = 'out' AND m.kind = 'pain.001' AND m.msg_id = $1;

-- name: move_on
-- Payments that came further: their new status, and that whoever asked has not heard of it. Who hears an old promise, or
-- proof, after what followed it goes not back.
-- $1 ids uuid[]  $2 statuses text[]  $3 codes text[]  $4 reasons text[]  $5 at timestamptz
UPDATE clearing_instructions AS c
SET status = i.status, code = i.code, reason = i.reason, changed_at = $5, heard = false
FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[]) AS i (id, status, code, reason)
WHERE c.id = i.id AND (i.status <> 'accepted' OR c.status IN ('waiting', 'sent'))
    AND (i.status <> 'settled' OR c.status <> 'returned');

-- name: ended
-- Payments that ended and of which whoever asked has not heard yet.
-- $1 purpose text  $2 limit integer
SELECT id, status, code, reason, changed_at FROM clearing_instructions
WHERE purpose = $1 AND NOT heard AND status IN ('settled', 'rejected', 'returned')
ORDER BY changed_at, id LIMIT $2;

-- name: heard
-- Whoever asked has taken note, of exactly this status.
-- $1 ids uuid[]  $2 statuses text[]
UPDATE clearing_instructions AS c SET heard = true
FROM unnest($1::uuid[], $2::text[]) AS i (id, status) WHERE c.id = i.id AND c.status = i.status;

-- name: standing
-- How many payments stand where.
SELECT status, currency, count(*) AS count, sum(amount)::bigint AS amount, min(changed_at) AS oldest
FROM clearing_instructions GROUP BY status, currency ORDER BY status, currency;

-- name: messages
-- The latest messages that an operator should look at, or all.
-- $1 only_noted boolean  $2 limit integer
SELECT id, direction, kind, msg_id, body, status, notes, attempts, next_try_at, created_at FROM clearing_messages
WHERE NOT $1 OR notes <> '{}' OR status IN ('refused', 'unreadable') ORDER BY created_at DESC, id LIMIT $2;

-- check: a_payout_that_ended_has_its_money_where_it_says
-- What was settled or returned is posted in the ledger, or was taken again after it had been voided; what was rejected is
-- voided.
SELECT i.id, i.status FROM clearing_instructions i
LEFT JOIN hold_resolutions r ON r.hold = i.hold
LEFT JOIN transfers t ON t.id = r.transfer
WHERE i.status IN ('settled', 'returned', 'rejected') AND NOT EXISTS (SELECT FROM detached_ids d WHERE d.id = i.hold)
    AND (t.id IS NULL OR (t.flags & 4 = 4 OR EXISTS (SELECT FROM transfers c WHERE c.about = t.id AND c.code = 15))
         <> (i.status IN ('settled', 'returned')));
