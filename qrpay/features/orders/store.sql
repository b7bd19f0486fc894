-- name: insert_orders
-- Keep new orders, many at once; a reference that the merchant has used already is passed over.
-- $1 ids  $2 merchants  $3 references  $4 amounts  $5 currencies  $6 descriptions  $7 stores  $8 terminals
-- $9 metadata  $10 presented_by  $11 payment codes  $12 created_at  $13 expires_at  $14 baskets
INSERT INTO orders (id, merchant, reference, amount, currency, description, store, terminal, metadata, presented_by,
                    payment_code, created_at, expires_at, basket)
SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::bigint[], $5::text[], $6::text[], $7::uuid[], $8::uuid[],
                     $9::jsonb[], $10::text[], $11::uuid[], $12::timestamptz[], $13::timestamptz[],
                     $14::jsonb[])
ON CONFLICT (merchant, reference) DO NOTHING;

-- name: insert_orders_by_code
-- Keep orders that came from a code which is not an order's own; one that is there already is passed over.
-- $1 ids  $2 merchants  $3 references  $4 amounts  $5 currencies  $6 descriptions  $7 stores  $8 terminals
-- $9 metadata  $10 created_at  $11 expires_at  $12 sources
INSERT INTO orders (id, merchant, reference, amount, currency, description, store, terminal, metadata, presented_by,
                    created_at, expires_at, source)
SELECT id, merchant, reference, amount, currency, description, store, terminal, metadata, 'merchant', created_at,
       expires_at, source
FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::bigint[], $5::text[], $6::text[], $7::uuid[], $8::uuid[],
            $9::jsonb[], $10::timestamptz[], $11::timestamptz[], $12::uuid[])
    AS new (id, merchant, reference, amount, currency, description, store, terminal, metadata, created_at, expires_at,
            source)
ON CONFLICT DO NOTHING;

-- name: orders_by_reference
-- The orders that bear these references, pair by pair.
-- $1 merchants  $2 references
SELECT o.id, o.merchant, o.reference, o.amount, o.currency, o.description, o.store,
       o.terminal, o.metadata, o.presented_by, o.payment_code, o.created_at, o.expires_at, o.source, o.basket
FROM unnest($1::uuid[], $2::text[]) AS asked (merchant, reference)
JOIN orders o ON o.merchant = asked.merchant AND o.reference = asked.reference;

-- name: orders_by_id
-- Orders by their ids.
-- $1 ids
SELECT id, merchant, reference, amount, currency, description, store, terminal, metadata, presented_by, payment_code,
       created_at, expires_at, source, basket
FROM orders WHERE id = ANY ($1::uuid[]);

-- name: expired_orders
-- Orders whose time ran out in this span, oldest first.
-- $1 after  $2 until  $3 how many
SELECT id, expires_at FROM orders WHERE expires_at > $1 AND expires_at <= $2 ORDER BY expires_at LIMIT $3;

-- name: swept_until
-- How far the sweep has come.
SELECT swept_until FROM order_sweep;

-- name: sweep_to
-- The sweep has come this far.
-- $1 until
UPDATE order_sweep SET swept_until = $1 WHERE swept_until < $1;

-- check: no_payment_differs_from_its_order
-- A payment moved what its order asked for, in its currency.
SELECT t.id FROM transfers t JOIN orders o ON o.id = t.id
WHERE t.code IN (10, 17, 18, 19) AND t.amount IS DISTINCT FROM o.amount;

-- name: referenced
-- Orders with this reference, whatever merchant's: one look into the index a merchant, so orders need no other.
-- $1 reference text  $2 limit bigint
SELECT o.id FROM merchants AS m
    CROSS JOIN LATERAL (SELECT id FROM orders WHERE merchant = m.id AND reference = $1 OFFSET 0) AS o
LIMIT $2;
