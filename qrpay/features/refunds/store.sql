-- name: insert_refunds
-- Keep new refunds, many at once; a reference that the merchant has used already is passed over.
-- $1 ids  $2 merchants  $3 orders  $4 references  $5 amounts  $6 reasons  $7 who asked  $8 created_at
INSERT INTO refunds (id, merchant, order_id, reference, amount, reason, asked_by, created_at)
SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::bigint[], $6::text[], $7::uuid[],
                     $8::timestamptz[])
ON CONFLICT (merchant, reference) DO NOTHING;

-- name: refunds_by_reference
-- The refunds that bear these references, pair by pair.
-- $1 merchants  $2 references
SELECT r.id, r.merchant, r.order_id, r.reference, r.amount, r.reason, r.asked_by, r.refused, r.created_at
FROM unnest($1::uuid[], $2::text[]) AS asked (merchant, reference)
JOIN refunds r ON r.merchant = asked.merchant AND r.reference = asked.reference;

-- name: refunds_by_id
-- Refunds by their ids.
-- $1 ids
SELECT id, merchant, order_id, reference, amount, reason, asked_by, refused, created_at
FROM refunds WHERE id = ANY ($1::uuid[]);

-- name: refunds_of_orders
-- The refunds of these orders, oldest first.
-- $1 orders
SELECT id, merchant, order_id, reference, amount, reason, asked_by, refused, created_at
FROM refunds WHERE order_id = ANY ($1::uuid[]) ORDER BY id;

-- name: refunds_page
-- A page of a merchant's refunds, of one order or of all, newest first, below a cursor.
-- $1 merchant  $2 order or null  $3 below this id or null  $4 how many
SELECT id, merchant, order_id, reference, amount, reason, asked_by, refused, created_at
FROM refunds
WHERE merchant = $1 AND ($2::uuid IS NULL OR order_id = $2) AND ($3::uuid IS NULL OR id < $3)
ORDER BY id DESC LIMIT $4;

-- name: refuse
-- A refund was refused, for this reason; null: it is tried again.
-- $1 id  $2 code of the refusal
UPDATE refunds SET refused = $2 WHERE id = $1;

-- name: unfinished
-- Refunds asked for in this span that have not been refused, oldest first.
-- $1 after  $2 until  $3 how many
SELECT id, merchant, order_id, reference, amount, reason, asked_by, refused, created_at
FROM refunds WHERE created_at > $1 AND created_at <= $2 AND refused IS NULL ORDER BY created_at LIMIT $3;

-- name: swept_until
-- How far the sweep has come.
SELECT swept_until FROM refund_sweep;

-- name: sweep_to
-- The sweep has come this far.
-- $1 until
UPDATE refund_sweep SET swept_until = $1 WHERE swept_until < $1;

-- name: insert_account
-- Say whose refunds a ledger account holds; a second time changes nothing.
-- $1 account  $2 merchant  $3 currency
INSERT INTO refund_accounts (account, merchant, currency) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING;

-- name: owners_of_accounts
-- The merchants whose refunds these ledger accounts hold.
-- $1 accounts
SELECT account, merchant FROM refund_accounts WHERE account = ANY ($1::uuid[]);

-- name: hold
-- A refund is about to be set aside; again: the reason is renewed.
-- $1 refund  $2 customer  $3 account  $4 because  $5 next try
INSERT INTO held_refunds (refund, customer, account, because, next_try_at) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (refund) DO UPDATE
SET because = excluded.because, next_try_at = excluded.next_try_at, ended_at = NULL;

-- name: held
-- Refunds that wait, by their ids.
-- $1 refunds
SELECT refund, customer, account, because, tries FROM held_refunds
WHERE refund = ANY ($1::uuid[]) AND ended_at IS NULL;

-- name: held_due
-- Refunds whose next try has come, the longest due first.
-- $1 now  $2 how many
SELECT refund, customer, account, because, tries FROM held_refunds
WHERE ended_at IS NULL AND next_try_at <= $1 ORDER BY next_try_at LIMIT $2;

-- name: held_of_customer
-- A page of the refunds that wait for a customer, newest first, below a cursor.
-- $1 customer  $2 below this id or null  $3 how many
SELECT refund, customer, account, because, tries FROM held_refunds
WHERE customer = $1 AND ended_at IS NULL AND ($2::uuid IS NULL OR refund < $2) ORDER BY refund DESC LIMIT $3;

-- name: try_later
-- A refund could not be handed over yet.
-- $1 refund  $2 because  $3 next try
UPDATE held_refunds SET because = $2, tries = tries + 1, next_try_at = $3 WHERE refund = $1 AND ended_at IS NULL;

-- name: end_hold
-- A refund has reached its payer, or was never set aside.
-- $1 refund  $2 now
UPDATE held_refunds SET ended_at = $2 WHERE refund = $1 AND ended_at IS NULL;

-- check: no_order_gave_back_more_than_was_paid
-- The refunds of an order never pass its payment. (An operator's corrections are his own.)
SELECT about FROM transfers WHERE code IN (10, 14, 17, 18, 19) GROUP BY about
HAVING coalesce(sum(amount) FILTER (WHERE code = 14), 0) > sum(amount) FILTER (WHERE code <> 14);

-- check: no_refund_is_released_twice
-- What is set aside reaches the payer at most once, and whole.
SELECT t.about FROM transfers t WHERE t.code = 30
GROUP BY t.about, t.reference HAVING count(*) > 1
UNION ALL
SELECT t.about FROM transfers t JOIN transfers r ON r.about = t.about AND r.code = 14 AND r.reference = t.reference
WHERE t.code = 30 AND (r.amount <> t.amount OR r.credit <> t.debit);

-- name: referenced
-- Refunds with this reference, whatever merchant's: one look into the index a merchant.
-- $1 reference text  $2 limit bigint
SELECT r.id FROM merchants AS m
    CROSS JOIN LATERAL (SELECT id FROM refunds WHERE merchant = m.id AND reference = $1 OFFSET 0) AS r
LIMIT $2;
