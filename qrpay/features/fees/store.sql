-- Fee plans and the fees taken by them.

-- name: insert_plan
-- The next version of a merchant's plan, a category's, or that for all; another one set at the same time: no row.
-- $1 id  $2 merchant  $3 mcc  $4 currency  $5 effective_on  $6 tiers text: JSON  $7 minimum  $8 maximum  $9 rounding
-- $10 borne_by  $11 set_by  $12 set_at timestamptz
INSERT INTO fee_plans (id, merchant, mcc, currency, number, effective_on, tiers, minimum, maximum, rounding, borne_by,
                       set_by, set_at)
SELECT $1::uuid, $2::uuid, $3::text, $4::text, coalesce(max(number), 0) + 1, $5::date, $6::text::jsonb, $7::bigint,
       $8::bigint, $9::text, $10::text, $11::text, $12::timestamptz
FROM fee_plans WHERE merchant IS NOT DISTINCT FROM $2::uuid AND mcc IS NOT DISTINCT FROM $3::text AND currency = $4::text
ON CONFLICT (merchant, mcc, currency, number) DO NOTHING RETURNING number;

-- name: announce
-- Tell every process, at commit, to forget the plans of a merchant ("": of all).
-- $1 merchant text
SELECT pg_notify('qrpay_fee_plans', $1);

-- name: plans_of
-- All versions that concern these merchants, each merchant's in the order of their numbers.
-- $1 merchants uuid[]
SELECT m.id AS of, p.id, p.merchant, p.mcc, p.currency, p.number, p.effective_on, p.tiers::text AS tiers, p.minimum,
       p.maximum, p.rounding, p.borne_by, p.set_by, p.set_at
FROM merchants m JOIN fee_plans p ON p.merchant = m.id OR p.mcc = m.mcc OR p.merchant IS NULL AND p.mcc IS NULL
WHERE m.id = ANY ($1::uuid[]) ORDER BY m.id, p.number;

-- check: each_fee_is_what_its_plan_says
-- The reference of a fee names the version of the plan; reckoned anew from it, the fee is the same.
SELECT f.about, f.amount, r.fee FROM transfers f
JOIN transfers p ON p.id = f.about AND p.code IN (10, 17, 18, 19)
LEFT JOIN fee_plans n ON replace(n.id::text, '-', '') = f.reference
LEFT JOIN LATERAL (
    SELECT p.amount::numeric * (t.value ->> 'rate_bp')::bigint / 10000 AS rate, (t.value ->> 'fixed')::bigint AS fixed
    FROM jsonb_array_elements(n.tiers) AS t
    WHERE (t.value ->> 'from_amount')::bigint <= p.amount ORDER BY (t.value ->> 'from_amount')::bigint DESC LIMIT 1
) AS t ON true
LEFT JOIN LATERAL (
    SELECT least(greatest(n.minimum, t.fixed + CASE
        WHEN n.rounding = 'half_even' AND t.rate - trunc(t.rate) = 0.5 THEN 2 * round(t.rate / 2)
        ELSE round(t.rate) END), n.maximum, p.amount) AS fee
) AS r ON true
WHERE f.code IN (60, 62) AND f.amount IS DISTINCT FROM r.fee;

-- check: fees_go_back_with_what_they_were_taken_for
-- What came back of a fee is its part of what was given back, in all, rounded once; less only where the merchant could
-- take nothing.
SELECT f.about, f.amount, r.refunded, b.returned FROM transfers f
JOIN transfers p ON p.id = f.about AND p.amount > 0
CROSS JOIN LATERAL (SELECT coalesce(sum(amount), 0) AS refunded FROM transfers WHERE about = f.about AND code = 14) AS r
CROSS JOIN LATERAL (SELECT coalesce(sum(amount), 0) AS returned FROM transfers WHERE about = f.about AND code = 61) AS b
WHERE f.code IN (60, 62) AND b.returned > round(f.amount::numeric * r.refunded / p.amount);

-- check: no_fee_without_its_payment
-- Each fee stands beside the payment it is of, and one fee at most.
SELECT f.about FROM transfers f LEFT JOIN transfers p ON p.id = f.about AND p.code IN (10, 17, 18, 19)
WHERE f.code IN (60, 61, 62) GROUP BY f.about
HAVING count(p.id) = 0 OR count(*) FILTER (WHERE f.code <> 61) <> 1;
