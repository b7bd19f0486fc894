-- The lines of a merchant's account as its own list has them: by reference, with amount and status. A line's place and mark
-- are those of model.py: SHA-256 over its text. Read in slices by time, so that what one statement does is bounded.

-- name: digests
-- The digests of the buckets of a slice, how many lines are in each, and the time of the last one.
-- $1 account uuid  $2 after timestamptz  $3 until timestamptz  $4 limit integer  $5 codes of payments smallint[]
-- $6 code of refunds smallint  $7 code of releases smallint  $8 currency text  $9 bits integer
WITH page AS MATERIALIZED (
    (SELECT about, code, credit, amount, NULL AS reference, timestamp FROM transfers
     WHERE credit = $1::uuid AND timestamp > $2::timestamptz AND timestamp <= $3::timestamptz AND code = ANY ($5::smallint[])
     ORDER BY timestamp LIMIT $4::integer)
    UNION ALL
    (SELECT about, code, credit, amount, reference, timestamp FROM transfers
     WHERE debit = $1::uuid AND timestamp > $2::timestamptz AND timestamp <= $3::timestamptz AND code = $6::smallint
     ORDER BY timestamp LIMIT $4::integer)
    ORDER BY timestamp LIMIT $4::integer
), line AS (
    SELECT p.timestamp, CASE WHEN p.reference IS NULL THEN 'payment|' || coalesce(o.reference, p.about::text) ELSE 'refund|' || p.reference END AS name,
           p.amount || '|' || $8::text || '|' || CASE WHEN p.reference IS NULL THEN 'paid'
               WHEN a.account IS NULL OR EXISTS (
                   SELECT FROM transfers r WHERE r.about = p.about AND r.about <> r.id AND r.code = $7::smallint
                       AND r.reference = p.reference AND r.timestamp <= $3::timestamptz) THEN 'succeeded'
               ELSE 'pending' END AS rest
    FROM page p LEFT JOIN orders o ON p.reference IS NULL AND o.id = p.about
        LEFT JOIN refund_accounts a ON p.reference IS NOT NULL AND a.account = p.credit
), marked AS (
    SELECT timestamp, ('x' || encode(substr(sha256(name::bytea), 1, 3), 'hex'))::bit(24)::integer >> (24 - $9::integer) AS bucket,
           ('x' || encode(substr(sha256((name || '|' || rest)::bytea), 1, 16), 'hex'))::bit(128) AS mark
    FROM line
)
SELECT bucket, bit_xor(mark)::text AS mark, count(*) AS lines, max(timestamp) AS until FROM marked GROUP BY bucket;

-- name: lines
-- The lines of some buckets of a slice; one more row, without a kind, bears the slice's last time and its length.
-- $1 account uuid  $2 after timestamptz  $3 until timestamptz  $4 limit integer  $5 codes of payments smallint[]
-- $6 code of refunds smallint  $7 code of releases smallint  $8 bits integer  $9 buckets integer[]
WITH page AS MATERIALIZED (
    (SELECT about, code, credit, amount, NULL AS reference, timestamp FROM transfers
     WHERE credit = $1::uuid AND timestamp > $2::timestamptz AND timestamp <= $3::timestamptz AND code = ANY ($5::smallint[])
     ORDER BY timestamp LIMIT $4::integer)
    UNION ALL
    (SELECT about, code, credit, amount, reference, timestamp FROM transfers
     WHERE debit = $1::uuid AND timestamp > $2::timestamptz AND timestamp <= $3::timestamptz AND code = $6::smallint
     ORDER BY timestamp LIMIT $4::integer)
    ORDER BY timestamp LIMIT $4::integer
), line AS (
    SELECT p.*, CASE WHEN p.reference IS NULL THEN 'payment' ELSE 'refund' END AS kind,
           coalesce(p.reference, o.reference, p.about::text) AS said
    FROM page p LEFT JOIN orders o ON p.reference IS NULL AND o.id = p.about
), found AS (
    SELECT * FROM line
    WHERE ('x' || encode(substr(sha256((kind || '|' || said)::bytea), 1, 3), 'hex'))::bit(24)::integer >> (24 - $8::integer)
        = ANY ($9::integer[])
)
SELECT f.kind, f.said AS reference, f.amount, CASE WHEN f.kind = 'payment' THEN 'paid'
       WHEN a.account IS NULL OR EXISTS (
           SELECT FROM transfers r WHERE r.about = f.about AND r.about <> r.id AND r.code = $7::smallint
               AND r.reference = f.said AND r.timestamp <= $3::timestamptz) THEN 'succeeded'
       ELSE 'pending' END AS status, NULL::timestamptz AS until
FROM found f LEFT JOIN refund_accounts a ON f.kind = 'refund' AND a.account = f.credit
UNION ALL
SELECT NULL, NULL, count(*), NULL, max(timestamp) FROM page;
