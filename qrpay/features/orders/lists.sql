-- Lists of orders, and the marks by which they are found by status.

-- name: orders_listed
-- Orders of a merchant between two ids, newest first, which match. One way in is taken of four: the terminal's or store's
-- orders, those of a mark, or all. No more than so many are looked through; the last of them comes back in any case, with
-- `n` as many, so that whoever asks knows where to go on. An order is looked up from its mark: a merge of both tables would
-- pass over everybody's orders.
-- $1 merchant  $2 below this id  $3 from this id  $4 store or null  $5 terminal or null (then with its store)
-- $6 mark, its letter, or null  $7 how many to look through  $8 how many to find  $9 $10 amount from, to, or null
-- $11 $12 created from, before, or null  $13 texts as LIKE wants them, or null  $14 expires after, or null
-- $15 expires until, or null  $16 whether those of which something was given back are left out
SELECT id, merchant, reference, amount, currency, description, store, terminal, metadata, presented_by, payment_code,
       created_at, expires_at, source, basket, n, matches
FROM (
    SELECT o.*, row_number() OVER () AS n
    FROM (
        SELECT * FROM (
            SELECT * FROM orders
            WHERE $4::uuid IS NULL AND $6::text IS NULL AND merchant = $1 AND id < $2 AND id >= $3
            ORDER BY id DESC LIMIT $7
        ) AS of_merchant
        UNION ALL
        SELECT * FROM (
            SELECT * FROM orders WHERE store = $4 AND id < $2 AND id >= $3 ORDER BY id DESC LIMIT $7
        ) AS of_store
        UNION ALL
        SELECT * FROM (
            SELECT o.* FROM order_marks m CROSS JOIN LATERAL (SELECT * FROM orders WHERE id = m.id OFFSET 0) AS o
            WHERE $4::uuid IS NULL AND m.merchant = $1 AND m.mark = $6::text::"char" AND m.id < $2 AND m.id >= $3
            ORDER BY m.id DESC LIMIT $7
        ) AS of_mark
        ORDER BY id DESC
    ) AS o
) AS o CROSS JOIN LATERAL (
    SELECT o.merchant = $1 AND ($5::uuid IS NULL OR o.terminal = $5)
        AND ($9::bigint IS NULL OR o.amount >= $9) AND ($10::bigint IS NULL OR o.amount <= $10)
        AND ($11::timestamptz IS NULL OR o.created_at >= $11) AND ($12::timestamptz IS NULL OR o.created_at < $12)
        AND ($13::text[] IS NULL OR order_text(o.reference, o.description, o.basket) ILIKE ALL ($13))
        AND ($14::timestamptz IS NULL OR o.expires_at > $14)
        AND ($15::timestamptz IS NULL OR o.expires_at <= $15)
        AND ($4::uuid IS NULL OR $6::text IS NULL OR EXISTS (
            SELECT FROM order_marks m WHERE m.merchant = $1 AND m.mark = $6::text::"char" AND m.id = o.id))
        AND (($14::timestamptz IS NULL AND $15::timestamptz IS NULL) OR NOT EXISTS (
            SELECT FROM order_marks m WHERE m.merchant = $1 AND m.mark IN ('p', 'c') AND m.id = o.id))
        AND (NOT $16::boolean OR NOT EXISTS (
            SELECT FROM order_marks m WHERE m.merchant = $1 AND m.mark = 'r' AND m.id = o.id)) AS matches
) AS m
WHERE matches OR n = $7
LIMIT $8;

-- name: mark
-- Mark the orders of which the log tells something between two numbers; each is paid, closed or expired once, since the
-- ledger says so. Read by positions: an array unfolded row by row cost ten times as much as this.
-- $1 after seq bigint  $2 until seq bigint  $3 types text[]  $4 which mark each of them is, its letter text[]
WITH spans AS MATERIALIZED (  -- so that arrays are fetched once a span, not once for each event
    SELECT last - size AS before, types, kinds || '{}' AS kinds, receivers || '{}' AS receivers, places || '{}' AS places,
        abouts || '{}' AS abouts
    FROM event_spans
    WHERE last > $1::bigint AND last <= coalesce((SELECT min(last) FROM event_spans WHERE last >= $2::bigint), $2::bigint)
), told AS (
    SELECT s.receivers[n] AS merchant, m.mark::"char" AS mark, g.generation, s.abouts[s.places[n]] AS id
    FROM order_marks_generation g CROSS JOIN spans s
        JOIN unnest($3::text[], $4::text[]) AS m (type, mark) ON m.type = ANY (s.types)
        CROSS JOIN LATERAL unnest(array_positions(s.kinds, array_position(s.types, m.type)::smallint)) AS n
    WHERE s.before + n > $1::bigint AND s.before + n <= $2::bigint
), once AS (
    INSERT INTO order_marks (merchant, mark, generation, id) SELECT * FROM told WHERE mark <> 'r'
)
INSERT INTO order_marks (merchant, mark, generation, id) SELECT * FROM told WHERE mark = 'r' ORDER BY merchant, id
ON CONFLICT DO NOTHING;

-- name: mark_again
-- The same, for a span of which some marks stand already; a rebuild writes its number on those too.
-- $1 after seq bigint  $2 until seq bigint  $3 types text[]  $4 which mark each of them is, its letter text[]
-- $5 the number of the rebuild, or null: the latest, and what stands is left alone
WITH told AS (
    SELECT DISTINCT e.receiver AS merchant, m.mark::"char" AS mark, coalesce($5::integer, g.generation) AS generation,
        e.about AS id
    FROM order_marks_generation g CROSS JOIN events e JOIN unnest($3::text[], $4::text[]) AS m (type, mark)
        ON m.type = e.type
    WHERE e.seq > $1::bigint AND e.seq <= $2::bigint AND e.span > $1::bigint
        AND e.span <= coalesce((SELECT min(last) FROM event_spans WHERE last >= $2::bigint), $2::bigint)
), written AS (
    INSERT INTO order_marks AS o (merchant, mark, generation, id) SELECT * FROM told ORDER BY merchant, mark, id
    ON CONFLICT (merchant, mark, id) DO UPDATE SET generation = excluded.generation WHERE o.generation < excluded.generation
    RETURNING xmax = 0 AS made
)
SELECT count(*) AS written, count(*) FILTER (WHERE made) AS made FROM written;

-- name: stand_still
-- Where the projection stands in the log, held there until the transaction ends.
-- $1 name of its cursor
SELECT position FROM cursors WHERE name = $1 FOR UPDATE;

-- name: next_generation
-- Begin a rebuild: its number, which every mark bears from now on.
UPDATE order_marks_generation SET generation = generation + 1 RETURNING generation;

-- name: sweep_marks
-- Of the next marks after one, remove those that the rebuild has not seen; how many were looked at and removed, and the
-- last of them.
-- $1 the rebuild's number  $2 merchant  $3 mark, its letter  $4 order: after this mark  $5 how many
WITH page AS MATERIALIZED (
    SELECT merchant, mark, id, generation FROM order_marks
    WHERE (merchant, mark, id) > ($2::uuid, $3::text::"char", $4::uuid)
    ORDER BY merchant, mark, id LIMIT $5
), removed AS (
    DELETE FROM order_marks o USING page p
    WHERE p.generation < $1 AND o.generation < $1 AND (o.merchant, o.mark, o.id) = (p.merchant, p.mark, p.id)
    RETURNING 1
)
SELECT count(*) AS looked, (SELECT count(*) FROM removed) AS removed, l.merchant, l.mark::text AS mark, l.id
FROM page, (SELECT merchant, mark, id FROM page ORDER BY merchant DESC, mark DESC, id DESC LIMIT 1) AS l
GROUP BY l.merchant, l.mark, l.id;

-- check: every_mark_of_an_order_is_true
-- What lists by status go by stands in the ledger, be it in a partition that is not attached.
SELECT m.merchant, m.mark::text, m.id FROM order_marks m LEFT JOIN transfers t ON t.id = m.id
WHERE CASE m.mark
    WHEN 'p' THEN t.code NOT IN (10, 17, 18, 19) WHEN 'c' THEN t.code <> 11 WHEN 'e' THEN t.code <> 12
    ELSE NOT EXISTS (SELECT FROM transfers r WHERE r.about = m.id AND r.code = 14)
        AND NOT EXISTS (SELECT FROM detached_partitions) END
    OR t.id IS NULL AND m.mark <> 'r' AND NOT EXISTS (SELECT FROM detached_ids d WHERE d.id = m.id);

-- check: every_order_that_ended_is_marked
-- As far as the projection has heard the log, each order of which the ledger says that it ended has its mark.
SELECT t.id, t.code
FROM (
    SELECT t.xid, t.timestamp, t.id
    FROM cursors c CROSS JOIN LATERAL (
        SELECT transfers FROM event_spans s
        WHERE s.last <= c.position::bigint AND cardinality(s.transfers) > 0 ORDER BY s.last DESC LIMIT 1
    ) AS s JOIN transfers t ON t.id = s.transfers[cardinality(s.transfers)]
    WHERE c.name = 'consumer orders'
) AS heard
    JOIN transfers t ON (t.xid, t.timestamp, t.id) <= (heard.xid, heard.timestamp, heard.id)
    JOIN orders o ON o.id = t.id
WHERE t.code IN (10, 11, 12, 17, 18, 19) AND (t.code <> 12 OR o.source IS NULL) AND NOT EXISTS (
    SELECT FROM order_marks m
    WHERE m.merchant = o.merchant AND m.id = t.id
        AND m.mark = CASE t.code WHEN 11 THEN 'c' WHEN 12 THEN 'e' ELSE 'p' END::"char"
);
