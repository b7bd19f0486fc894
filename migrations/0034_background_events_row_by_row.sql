-- The view of 0018 without its join: planned as a hash of rows, that copied the arrays of a span once for each of its events
-- (32 µs an event; `qrpay check` ran out of time at 300,000 payments). Only what was announced is looked up, one by one.
CREATE OR REPLACE VIEW events AS
SELECT s.last - s.size + e.number AS seq, s.types[e.kind] AS type, e.receiver,
       CASE WHEN e.place IS NULL
            THEN (SELECT d.about FROM event_data d WHERE d.seq = s.last - s.size + e.number)
            ELSE t.abouts[e.place] END AS about,
       t.transfers[e.place] AS transfer,
       CASE WHEN e.place IS NULL
            THEN (SELECT d.created_at FROM event_data d WHERE d.seq = s.last - s.size + e.number)
            ELSE t.times[e.place] END AS created_at,
       CASE WHEN e.place IS NULL
            THEN (SELECT d.data FROM event_data d WHERE d.seq = s.last - s.size + e.number) END AS data,
       s.last AS span
FROM event_spans s
    CROSS JOIN LATERAL (
        SELECT s.transfers || '{}' AS transfers, s.abouts || '{}' AS abouts, s.times || '{}' AS times OFFSET 0
    ) AS t
    CROSS JOIN LATERAL unnest(s.kinds, s.receivers, s.places) WITH ORDINALITY AS e (kind, receiver, place, number);
