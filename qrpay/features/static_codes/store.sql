-- name: insert_codes
-- Keep new static codes; a reference that the merchant has used already is passed over.
-- $1 ids  $2 merchants  $3 references  $4 labels  $5 stores  $6 terminals  $7 amounts  $8 currencies  $9 payloads
-- $10 created_at  $11 expires_at
INSERT INTO static_codes (id, merchant, reference, label, store, terminal, amount, currency, payload, created_at,
                          expires_at)
SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::uuid[], $6::uuid[], $7::bigint[], $8::text[],
                     $9::text[], $10::timestamptz[], $11::timestamptz[])
ON CONFLICT (merchant, reference) DO NOTHING;

-- name: code_by_reference
-- A merchant's static code by its own number.
-- $1 merchant uuid  $2 reference text
SELECT id, merchant, reference, label, store, terminal, amount, currency, payload, created_at, expires_at, revoked_at
FROM static_codes WHERE merchant = $1 AND reference = $2;

-- name: codes_by_id
-- Static codes by their ids.
-- $1 ids
SELECT id, merchant, reference, label, store, terminal, amount, currency, payload, created_at, expires_at, revoked_at
FROM static_codes WHERE id = ANY ($1::uuid[]);

-- name: codes_of_merchant
-- A page of a merchant's static codes, newest first, below a cursor.
-- $1 merchant uuid  $2 below this id or null  $3 store or null  $4 how many
SELECT id, merchant, reference, label, store, terminal, amount, currency, payload, created_at, expires_at, revoked_at
FROM static_codes
WHERE merchant = $1 AND ($2::uuid IS NULL OR id < $2) AND ($3::uuid IS NULL OR store = $3)
ORDER BY id DESC LIMIT $4;

-- name: revoke_code
-- Withdraw a static code; again: keeps the first time.
-- $1 merchant uuid  $2 id uuid  $3 at timestamptz
UPDATE static_codes SET revoked_at = coalesce(revoked_at, $3) WHERE merchant = $1 AND id = $2 RETURNING id;

-- name: claim_attempts
-- Which order each payer's key stands for: claimed now, or passed over when it stands for one already.
-- $1 customers  $2 keys  $3 orders  $4 codes  $5 amounts  $6 created_at
INSERT INTO static_payments (customer, key, order_id, code, amount, created_at)
SELECT * FROM unnest($1::uuid[], $2::bytea[], $3::uuid[], $4::uuid[], $5::bigint[], $6::timestamptz[])
ON CONFLICT (customer, key) DO NOTHING;

-- name: attempts
-- What these payers' keys stand for.
-- $1 customers  $2 keys
SELECT p.customer, p.key, p.order_id, p.code, p.amount, p.created_at
FROM unnest($1::uuid[], $2::bytea[]) AS asked (customer, key)
JOIN static_payments p ON p.customer = asked.customer AND p.key = asked.key;

-- check: no_static_payment_without_its_attempt
-- An order that came from a static code and is paid was asked for by a payer's key, once.
SELECT o.id FROM orders o JOIN static_codes c ON c.id = o.source JOIN transfers t ON t.id = o.id
WHERE t.code = 19 AND (SELECT count(*) FROM static_payments p WHERE p.order_id = o.id AND p.code = o.source) <> 1;
