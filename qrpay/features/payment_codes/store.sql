-- name: insert_codes
-- Keep new payment codes, many at once; digits that are taken are passed over, and the caller draws others.
-- $1 hashes  $2 ids  $3 customers  $4 accounts  $5 ledgers  $6 masked names  $7 created_at  $8 expires_at
INSERT INTO payment_codes (hash, id, customer, account, ledger, name, created_at, expires_at)
SELECT * FROM unnest($1::bytea[], $2::uuid[], $3::uuid[], $4::uuid[], $5::int[], $6::text[], $7::timestamptz[],
                     $8::timestamptz[])
ON CONFLICT (hash) DO NOTHING
RETURNING hash;

-- name: codes_by_hash
-- Payment codes by the keyed hash of their digits.
-- $1 hashes
SELECT * FROM payment_codes WHERE hash = ANY ($1::bytea[]);

-- name: forget_codes
-- Forget codes that nobody can ask about any more; that they were used stands in the ledger.
-- $1 expired before  $2 how many
DELETE FROM payment_codes WHERE hash IN (SELECT hash FROM payment_codes WHERE expires_at < $1 LIMIT $2);

-- check: a_used_code_names_its_order
-- The marker of a used payment code is about an order that was opened for it.
SELECT m.id FROM transfers m LEFT JOIN orders o ON o.id = m.about
WHERE m.code = 13 AND o.payment_code IS DISTINCT FROM m.id;
