-- Receivers of merchants, and how orders are shared.

-- name: insert_receiver
-- Keep a new receiver; a reference that the merchant has used already changes nothing.
-- $1 id  $2 merchant  $3 reference  $4 payee_merchant  $5 payee_account  $6 created_at
INSERT INTO receivers (id, merchant, reference, payee_merchant, payee_account, created_at)
VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (merchant, reference) DO NOTHING;

-- name: receiver_by_reference
-- A merchant's receiver with this reference.
-- $1 merchant  $2 reference
SELECT id, merchant, reference, payee_merchant, payee_account, created_at, removed_at
FROM receivers WHERE merchant = $1 AND reference = $2;

-- name: receivers_by_id
-- Receivers by their ids.
-- $1 ids
SELECT id, merchant, reference, payee_merchant, payee_account, created_at, removed_at
FROM receivers WHERE id = ANY ($1::uuid[]);

-- name: receivers_page
-- A page of a merchant's receivers, newest first, below a cursor.
-- $1 merchant  $2 below this id or null  $3 how many
SELECT id, merchant, reference, payee_merchant, payee_account, created_at, removed_at
FROM receivers WHERE merchant = $1 AND ($2::uuid IS NULL OR id < $2) ORDER BY id DESC LIMIT $3;

-- name: remove_receiver
-- It takes no new shares.
-- $1 id  $2 at
UPDATE receivers SET removed_at = $2 WHERE id = $1 AND removed_at IS NULL;

-- name: announce
-- Tell every process, at commit, that this merchant may share from now on.
-- $1 merchant text
SELECT pg_notify('qrpay_sharing', $1);

-- name: sharing_merchants
-- Which of these merchants have ever said that an order is shared, or whom they share with.
-- $1 merchants
SELECT m AS merchant FROM unnest($1::uuid[]) AS m
WHERE EXISTS (SELECT FROM receivers r WHERE r.merchant = m) OR EXISTS (SELECT FROM sharing_plans p WHERE p.merchant = m);

-- name: insert_plan
-- Say how an order is shared; a second time changes nothing.
-- $1 order  $2 merchant  $3 lines text: JSON  $4 hold  $5 created_at
INSERT INTO sharing_plans (order_id, merchant, lines, hold, created_at)
VALUES ($1, $2, $3::text::jsonb, $4, $5) ON CONFLICT (order_id) DO NOTHING;

-- name: plans
-- How these orders are shared.
-- $1 orders
SELECT order_id, merchant, lines::text AS lines, hold, created_at FROM sharing_plans WHERE order_id = ANY ($1::uuid[]);

-- check: what_is_shared_of_an_order_is_what_it_brought
-- The shares and releases of an order come to what is held for it at most, and that to its payment less its fee.
SELECT t.about FROM transfers t WHERE t.code IN (63, 64, 65)
GROUP BY t.about
HAVING sum(t.amount) FILTER (WHERE t.code = 63) IS NULL
    OR sum(t.amount) FILTER (WHERE t.code = 63) < sum(t.amount) FILTER (WHERE t.code <> 63)
    OR sum(t.amount) FILTER (WHERE t.code = 63)
        > (SELECT p.amount FROM transfers p WHERE p.id = t.about)
          - coalesce((SELECT sum(f.amount) FROM transfers f WHERE f.about = t.about AND f.code = 60), 0);

-- check: no_share_gives_back_more_than_it_was
-- What came back of a share, with refunds or clawed back, is at most the share.
SELECT b.about, b.share FROM (
    SELECT about, left(reference, 32)::uuid AS share, sum(amount) AS returned FROM transfers WHERE code = 66
    GROUP BY about, left(reference, 32)
) AS b LEFT JOIN transfers s ON s.id = b.share AND s.code = 64 AND s.about = b.about
WHERE b.returned > s.amount OR s.id IS NULL;
