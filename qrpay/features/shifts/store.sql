-- Shifts, the cash of their drawers, and what tills took.

-- name: insert_shift
-- Open a shift, unless its reference is known or the till has an open one.
-- $1 id  $2 merchant  $3 reference  $4 store  $5 terminal  $6 staff  $7 currency  $8 opening_cash  $9 opened_at
INSERT INTO shifts (id, merchant, reference, store, terminal, staff, currency, opening_cash, opened_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
ON CONFLICT DO NOTHING RETURNING id;

-- name: shift_by_reference
-- A merchant's shift by the till's own number.
-- $1 merchant uuid  $2 reference text
SELECT s.id, s.merchant, s.reference, s.store, s.terminal, s.staff, s.currency, s.opening_cash, s.opened_at, s.closed_at,
       s.closed_by, s.counted, s.note, p.name
FROM shifts s LEFT JOIN merchant_staff p ON p.id = s.staff
WHERE s.merchant = $1 AND s.reference = $2;

-- name: shift_by_id
-- A merchant's shift, of one store when it is named.
-- $1 merchant uuid  $2 id uuid  $3 store uuid or null
SELECT s.id, s.merchant, s.reference, s.store, s.terminal, s.staff, s.currency, s.opening_cash, s.opened_at, s.closed_at,
       s.closed_by, s.counted, s.note, p.name
FROM shifts s LEFT JOIN merchant_staff p ON p.id = s.staff
WHERE s.merchant = $1 AND s.id = $2 AND ($3::uuid IS NULL OR s.store = $3);

-- name: shifts_of_merchant
-- A page of a merchant's shifts, newest first.
-- $1 merchant uuid  $2 below this id or null  $3 store or null  $4 terminal or null  $5 open boolean or null  $6 how many
SELECT s.id, s.merchant, s.reference, s.store, s.terminal, s.staff, s.currency, s.opening_cash, s.opened_at, s.closed_at,
       s.closed_by, s.counted, s.note, p.name
FROM shifts s LEFT JOIN merchant_staff p ON p.id = s.staff
WHERE s.merchant = $1 AND ($2::uuid IS NULL OR s.id < $2) AND ($3::uuid IS NULL OR s.store = $3)
    AND ($4::uuid IS NULL OR s.terminal = $4) AND ($5::boolean IS NULL OR (s.closed_at IS NULL) = $5)
ORDER BY s.id DESC LIMIT $6;

-- name: close_shift
-- End a shift that is open.
-- $1 id uuid  $2 closed_at timestamptz  $3 closed_by uuid  $4 counted bigint  $5 note text
UPDATE shifts SET closed_at = $2, closed_by = $3, counted = $4, note = $5 WHERE id = $1 AND closed_at IS NULL RETURNING id;

-- name: insert_cash
-- Note cash in an open shift, each reference once. The share keeps the shift from being closed in between, so that what
-- was expected at its end stays what it was.
-- $1 shift uuid  $2 reference text  $3 kind text  $4 amount bigint  $5 reason text  $6 staff uuid  $7 at timestamptz
INSERT INTO shift_cash (shift, reference, kind, amount, reason, staff, at)
SELECT s.id, $2, $3, $4, $5, $6, $7 FROM (SELECT id FROM shifts WHERE id = $1 AND closed_at IS NULL FOR SHARE) AS s
ON CONFLICT DO NOTHING;

-- name: cash_of_shifts
-- The moves of cash of some shifts, in the order of time.
-- $1 shifts uuid[]
SELECT shift, reference, kind, amount, reason, staff, at FROM shift_cash WHERE shift = ANY ($1::uuid[]) ORDER BY at, reference;

-- name: totals
-- What a merchant's tills took and gave back after one moment and before another, by till and by whose shift it was; from
-- the ledger's entries of its accounts, by their indexes.
-- $1 accounts uuid[]  $2 from timestamptz  $3 to timestamptz  $4 payment codes smallint[]  $5 refund code smallint
-- $6 store uuid or null
WITH moved AS (
    SELECT t.id AS order_id, t.timestamp, t.amount, false AS back FROM transfers t
    WHERE t.credit = ANY ($1::uuid[]) AND t.timestamp >= $2 AND t.timestamp < $3 AND t.code = ANY ($4::smallint[])
    UNION ALL
    SELECT t.about, t.timestamp, t.amount, true FROM transfers t
    WHERE t.debit = ANY ($1::uuid[]) AND t.timestamp >= $2 AND t.timestamp < $3 AND t.code = $5::smallint
)
SELECT o.store, o.terminal, l.name AS terminal_name, s.staff, p.name AS staff_name, o.currency,
       count(*) FILTER (WHERE NOT m.back) AS payments, coalesce(sum(m.amount) FILTER (WHERE NOT m.back), 0)::bigint AS amount,
       count(*) FILTER (WHERE m.back) AS refunds, coalesce(sum(m.amount) FILTER (WHERE m.back), 0)::bigint AS refunded
FROM moved m
JOIN orders o ON o.id = m.order_id
LEFT JOIN terminals l ON l.id = o.terminal
LEFT JOIN shifts s ON s.terminal = o.terminal AND s.opened_at <= m.timestamp AND m.timestamp < coalesce(s.closed_at, 'infinity')
LEFT JOIN merchant_staff p ON p.id = s.staff
WHERE $6::uuid IS NULL OR o.store = $6
GROUP BY o.store, o.terminal, l.name, s.staff, p.name, o.currency
ORDER BY o.currency, l.name, p.name;

-- name: taken
-- What the tills of some shifts took and gave back during each, by the ledger, all shifts at once.
-- $1 shifts uuid[]  $2 accounts uuid[]  $3 now timestamptz  $4 payment codes smallint[]  $5 refund code smallint
WITH asked AS (
    SELECT id, terminal, currency, opened_at, coalesce(closed_at, $3) AS until FROM shifts WHERE id = ANY ($1::uuid[])
), span AS (
    SELECT min(opened_at) AS since, max(until) AS until FROM asked
), moved AS (
    SELECT t.id AS order_id, t.timestamp, t.amount, false AS back FROM transfers t, span
    WHERE t.credit = ANY ($2::uuid[]) AND t.timestamp >= span.since AND t.timestamp <= span.until
        AND t.code = ANY ($4::smallint[])
    UNION ALL
    SELECT t.about, t.timestamp, t.amount, true FROM transfers t, span
    WHERE t.debit = ANY ($2::uuid[]) AND t.timestamp >= span.since AND t.timestamp <= span.until AND t.code = $5::smallint
)
SELECT a.id, count(*) FILTER (WHERE NOT m.back) AS payments,
       coalesce(sum(m.amount) FILTER (WHERE NOT m.back), 0)::bigint AS amount, count(*) FILTER (WHERE m.back) AS refunds,
       coalesce(sum(m.amount) FILTER (WHERE m.back), 0)::bigint AS refunded
FROM moved m
JOIN orders o ON o.id = m.order_id
JOIN asked a ON a.terminal = o.terminal AND a.currency = o.currency AND a.opened_at <= m.timestamp AND m.timestamp < a.until
GROUP BY a.id;

-- check: no_two_shifts_of_a_till_overlap
-- A sale belongs to one shift at most.
SELECT a.id FROM shifts a JOIN shifts b ON b.terminal = a.terminal AND b.id <> a.id
WHERE b.opened_at >= a.opened_at AND b.opened_at < coalesce(a.closed_at, 'infinity')
    AND (b.opened_at > a.opened_at OR b.id > a.id);
