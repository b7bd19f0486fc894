-- The event log by spans: a row for each step of the log, not for each event. A row of its own cost each event more than
-- all that it says, and most are never read (docs/decisions/0017). What was logged before moves into spans of a thousand.
ALTER TABLE events RENAME TO events_before;

-- Numbers run from `last - size + 1` to `last`. The elements of kinds, receivers and places are the span's events, those of
-- transfers, abouts and times the transfers that were read for it; both in order.
CREATE TABLE event_spans (
    last bigint PRIMARY KEY,
    size integer NOT NULL CHECK (size > 0),
    types text[] NOT NULL,                                       -- those that occur in it, each once
    kinds smallint[] NOT NULL,                                   -- which of the types
    receivers uuid[] NOT NULL,
    places integer[] NOT NULL,                                   -- which of the transfers; null when it was announced
    transfers uuid[] NOT NULL,
    abouts uuid[] NOT NULL,
    times timestamptz[] NOT NULL
);
-- Ids do not get smaller: an attempt to compress them would be for nothing.
ALTER TABLE event_spans
    ALTER kinds SET STORAGE EXTERNAL, ALTER receivers SET STORAGE EXTERNAL, ALTER places SET STORAGE EXTERNAL,
    ALTER transfers SET STORAGE EXTERNAL, ALTER abouts SET STORAGE EXTERNAL, ALTER times SET STORAGE EXTERNAL;

-- In which spans somebody is told something.
CREATE TABLE event_receivers (
    receiver uuid,
    last bigint,
    PRIMARY KEY (receiver, last)
);

-- Events that were announced: what they are about, when, and their JSON as the receiver reads it.
CREATE TABLE event_data (
    seq bigint PRIMARY KEY,
    about uuid NOT NULL,
    created_at timestamptz NOT NULL,
    data text NOT NULL
);
GRANT INSERT ON event_spans, event_receivers, event_data TO qrpay_app;

INSERT INTO event_data SELECT seq, about, created_at, data FROM events_before WHERE data IS NOT NULL;
INSERT INTO event_spans
SELECT max(b.seq), count(*), s.types, array_agg(array_position(s.types, b.type)::smallint ORDER BY b.seq),
       array_agg(b.receiver ORDER BY b.seq),
       array_agg(CASE WHEN b.data IS NULL THEN b.seq - s.number * 1000 END::integer ORDER BY b.seq),
       array_agg(coalesce(b.transfer, b.about) ORDER BY b.seq), array_agg(b.about ORDER BY b.seq),
       array_agg(b.created_at ORDER BY b.seq)
FROM (SELECT (seq - 1) / 1000 AS number, array_agg(DISTINCT type) AS types FROM events_before GROUP BY 1) AS s
    JOIN events_before b ON (b.seq - 1) / 1000 = s.number
GROUP BY s.number, s.types;
INSERT INTO event_receivers SELECT DISTINCT r.receiver, s.last FROM event_spans s, unnest(s.receivers) AS r (receiver);
DROP TABLE events_before;

-- Every event as a row, for whoever reads whole spans: each is unfolded that a condition on `span` leaves.
CREATE VIEW events AS
SELECT s.last - s.size + e.number AS seq, s.types[e.kind] AS type, e.receiver,
       coalesce(t.abouts[e.place], d.about) AS about, t.transfers[e.place] AS transfer,
       coalesce(t.times[e.place], d.created_at) AS created_at, d.data, s.last AS span
FROM event_spans s
    -- Fetched once a span: as columns they would be, once an event.
    CROSS JOIN LATERAL (
        SELECT s.transfers || '{}' AS transfers, s.abouts || '{}' AS abouts, s.times || '{}' AS times OFFSET 0
    ) AS t
    CROSS JOIN LATERAL unnest(s.kinds, s.receivers, s.places) WITH ORDINALITY AS e (kind, receiver, place, number)
    LEFT JOIN event_data d ON e.place IS NULL AND d.seq = s.last - s.size + e.number;

-- The event of a number, without unfolding its span; no row when there is none yet.
CREATE FUNCTION event_at(number bigint) RETURNS TABLE (
    seq bigint, type text, receiver uuid, about uuid, transfer uuid, created_at timestamptz, data text
) LANGUAGE sql STABLE AS $$
    SELECT number, s.types[s.kinds[s.n]], s.receivers[s.n], coalesce(s.abouts[s.place], d.about), s.transfers[s.place],
           coalesce(s.times[s.place], d.created_at), d.data
    FROM (
        SELECT found.*, places[n] AS place
        FROM (
            SELECT *, (number - last + size)::integer AS n FROM event_spans WHERE last >= number ORDER BY last LIMIT 1
        ) AS found
    ) AS s LEFT JOIN event_data d ON s.place IS NULL AND d.seq = number
    WHERE s.n > 0
$$;
