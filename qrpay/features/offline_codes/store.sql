-- name: insert_key
-- Keep a terminal's key, unless its public half is known already.
-- $1 id  $2 merchant  $3 store  $4 terminal  $5 public  $6 head  $7 terminal_code  $8 certificate  $9 kid  $10 currency
-- $11 code_max  $12 total_max  $13 count_max  $14 created_at  $15 expires_at
INSERT INTO offline_keys (id, merchant, store, terminal, public, head, terminal_code, certificate, kid, currency,
                          code_max, total_max, count_max, created_at, expires_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)
ON CONFLICT (public) DO NOTHING;

-- name: keys_by_public
-- Terminals' keys by their public halves.
-- $1 publics bytea[]
SELECT id, merchant, store, terminal, public, head, terminal_code, certificate, kid, currency, code_max, total_max,
       count_max, created_at, expires_at, revoked_at
FROM offline_keys WHERE public = ANY ($1::bytea[]);

-- name: keys_of_terminal
-- The latest keys of a merchant's terminal, newest first.
-- $1 merchant uuid  $2 terminal uuid  $3 how many
SELECT id, merchant, store, terminal, public, head, terminal_code, certificate, kid, currency, code_max, total_max,
       count_max, created_at, expires_at, revoked_at
FROM offline_keys WHERE merchant = $1 AND terminal = $2 ORDER BY id DESC LIMIT $3;

-- name: revoke_keys
-- Revoke all keys of a terminal that still live, or did a moment ago.
-- $1 merchant uuid  $2 terminal uuid  $3 at timestamptz
UPDATE offline_keys SET revoked_at = $3
WHERE merchant = $1 AND terminal = $2 AND revoked_at IS NULL
RETURNING id;

-- name: adopt
-- Add to orders what only their terminal knew, each once.
-- $1 ids uuid[]  $2 descriptions text[]  $3 metadata jsonb[]  $4 at timestamptz[]
UPDATE orders o SET description = a.description, metadata = a.metadata, adopted_at = a.at
FROM unnest($1::uuid[], $2::text[], $3::jsonb[], $4::timestamptz[]) AS a (id, description, metadata, at)
WHERE o.id = a.id AND o.source IS NOT NULL AND o.adopted_at IS NULL;

-- check: no_offline_payment_without_its_key
-- An order that came from a terminal's key drew on that key's allowances when it was paid.
SELECT o.id FROM orders o JOIN offline_keys k ON k.id = o.source JOIN transfers t ON t.id = o.id
WHERE t.code IN (10, 17, 18, 19)
    AND (SELECT count(*) FROM transfers u WHERE u.about = o.id AND u.about <> u.id AND u.code = 41) <> 2;
