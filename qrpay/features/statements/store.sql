-- A merchant's account read for its statements. A line is a transfer that moved the account's posted balance: holds and
-- their voids are none. Times of an account rise with each of its transfers, so a page goes on after the last time.

-- name: currencies
-- The currencies in which a merchant has accounts.
-- $1 merchant uuid
SELECT currency FROM merchant_accounts WHERE merchant = $1 ORDER BY currency;

-- name: detached
-- Whether some of the account's lines between two moments lie in a part of the history that is not attached.
-- $1 account uuid  $2 after timestamptz  $3 until timestamptz
SELECT EXISTS (SELECT FROM detached_accounts d JOIN detached_partitions n ON n.name = d.partition
               WHERE d.account = $1 AND d.first_at <= $3 AND d.last_at > $2);

-- name: sums
-- What came in and went out between two moments, by kind.
-- $1 account uuid  $2 after timestamptz  $3 until timestamptz
SELECT code, false AS pays, count(*) AS count, sum(amount)::bigint AS amount FROM transfers
WHERE credit = $1::uuid AND timestamp > $2::timestamptz AND timestamp <= $3::timestamptz AND amount > 0 AND flags & 10 = 0
GROUP BY code
UNION ALL
SELECT code, true, count(*), sum(amount)::bigint FROM transfers
WHERE debit = $1::uuid AND timestamp > $2::timestamptz AND timestamp <= $3::timestamptz AND amount > 0 AND flags & 10 = 0
GROUP BY code
ORDER BY code, pays;

-- name: movements
-- The lines between two moments, oldest first; a debit's effect is below zero.
-- $1 account uuid  $2 after timestamptz  $3 until timestamptz  $4 limit integer
(SELECT id, code, amount AS effect, about, reference, timestamp FROM transfers
 WHERE credit = $1::uuid AND timestamp > $2::timestamptz AND timestamp <= $3::timestamptz AND amount > 0 AND flags & 10 = 0
 ORDER BY timestamp LIMIT $4::integer)
UNION ALL
(SELECT id, code, -amount, about, reference, timestamp FROM transfers
 WHERE debit = $1::uuid AND timestamp > $2::timestamptz AND timestamp <= $3::timestamptz AND amount > 0 AND flags & 10 = 0
 ORDER BY timestamp LIMIT $4::integer)
ORDER BY timestamp LIMIT $4::integer;

-- name: fees
-- What the account paid by these transfers, or (below zero) got by them.
-- $1 account uuid  $2 ids uuid[]
SELECT id, CASE WHEN debit = $1::uuid THEN amount ELSE -amount END AS fee FROM transfers
WHERE id = ANY ($2::uuid[]) AND (debit = $1::uuid OR credit = $1::uuid);

-- name: trades
-- The payments and refunds between two moments, oldest first, each with its order, who paid, and where.
-- A refund's payer is who paid the order, also while the money waits for an account of his.
-- $1 account uuid  $2 after timestamptz  $3 until timestamptz  $4 limit integer  $5 merchant uuid
-- $6 codes of payments smallint[]  $7 code of refunds smallint
WITH page AS MATERIALIZED (
    (SELECT id, debit AS payer, code, amount, about, reference, timestamp FROM transfers
     WHERE credit = $1::uuid AND timestamp > $2::timestamptz AND timestamp <= $3::timestamptz AND code = ANY ($6::smallint[])
     ORDER BY timestamp LIMIT $4::integer)
    UNION ALL
    (SELECT id, credit, code, -amount, about, reference, timestamp FROM transfers
     WHERE debit = $1::uuid AND timestamp > $2::timestamptz AND timestamp <= $3::timestamptz AND code = $7::smallint
     ORDER BY timestamp LIMIT $4::integer)
    ORDER BY timestamp LIMIT $4::integer
)
SELECT p.id, p.code, p.amount, p.timestamp, p.about AS order_id, o.reference, o.description, o.created_at,
       s.code AS store, d.code AS terminal, c.name_masked AS payer, r.id AS refund, r.reference AS refund_reference
FROM page p
LEFT JOIN orders o ON o.id = p.about
LEFT JOIN stores s ON s.id = o.store
LEFT JOIN terminals d ON d.id = o.terminal
LEFT JOIN refunds r ON p.code = $7::smallint AND r.merchant = $5::uuid AND r.reference = p.reference
LEFT JOIN transfers t ON p.code = $7::smallint AND t.id = p.about
LEFT JOIN e_accounts e ON e.id = coalesce(t.debit, p.payer)
LEFT JOIN customers c ON c.id = e.customer
ORDER BY p.timestamp;
