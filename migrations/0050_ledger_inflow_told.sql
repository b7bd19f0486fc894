-- no transaction
-- Lets every account of a class look its limits up anew before it next pays or receives, as it has caps of inflow now.
-- A thousand at a time, each its own transaction, in the order of their ids as every batch locks them.
DO $$
DECLARE
    after uuid := '00000000-0000-0000-0000-000000000000';
    ids uuid[];
BEGIN
    LOOP
        ids := ARRAY(SELECT id FROM accounts WHERE id > after ORDER BY id LIMIT 1000);
        EXIT WHEN cardinality(ids) = 0;
        after := ids[cardinality(ids)];
        PERFORM FROM accounts WHERE id = ANY (ids) AND cap_class > 0 ORDER BY id FOR NO KEY UPDATE;
        UPDATE accounts SET limits_until = '2000-01-01' WHERE id = ANY (ids) AND cap_class > 0;
        COMMIT;
    END LOOP;
END
$$
