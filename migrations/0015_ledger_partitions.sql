-- Transfers by month: partitions by the range of their ids, whose first 48 bits are Unix milliseconds. Together they
-- cover every id there can be, without a default partition: what is older lies in transfers_before, what is newer in
-- transfers_later. So no payment ever fails because a partition was not made in time (docs/decisions/0013).
-- A whole partition can be detached; then nothing is left in its place but the ids that stand there.

-- The least id of a moment.
CREATE FUNCTION id_at(moment timestamptz) RETURNS uuid LANGUAGE sql IMMUTABLE PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp AS $$
    SELECT rpad(lpad(to_hex((extract(epoch FROM moment) * 1000)::bigint), 12, '0'), 32, '0')::uuid
$$;

-- The moment in an id.
CREATE FUNCTION moment_of(id uuid) RETURNS timestamptz LANGUAGE sql IMMUTABLE PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp AS $$
    SELECT to_timestamp(('x0000' || left(replace(id::text, '-', ''), 12))::bit(64)::bigint / 1000.0)
$$;

-- The first moment of the month that comes after this one, in UTC.
CREATE FUNCTION month_after(moment timestamptz) RETURNS timestamptz LANGUAGE sql IMMUTABLE PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp AS $$
    SELECT (date_trunc('month', moment AT TIME ZONE 'UTC') + interval '1 month') AT TIME ZONE 'UTC'
$$;

-- What resolved a hold, once: an index over all partitions cannot say it, since it would not hold the id.
CREATE TABLE hold_resolutions (
    hold uuid PRIMARY KEY,
    transfer uuid NOT NULL,
    amount bigint NOT NULL                                       -- of the hold: what the resolution takes from pending
);
INSERT INTO hold_resolutions
SELECT r.pending_id, r.id, h.amount FROM transfers r JOIN transfers h ON h.id = r.pending_id;
DROP INDEX transfers_resolution;

-- Partitions that are not attached, what stands in them by id, and by account: how much, from when to when.
CREATE TABLE detached_partitions (
    name text PRIMARY KEY,
    from_id uuid,                                                -- null: from the beginning
    until_id uuid NOT NULL,
    transfers bigint NOT NULL,
    detached_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE TABLE detached_ids (
    id uuid PRIMARY KEY
) PARTITION BY RANGE (id);
CREATE TABLE detached_accounts (
    account uuid NOT NULL,
    partition text NOT NULL,
    transfers bigint NOT NULL,
    first_at timestamptz NOT NULL,
    last_at timestamptz NOT NULL,
    debits_pending bigint NOT NULL,
    debits_posted bigint NOT NULL,
    credits_pending bigint NOT NULL,
    credits_posted bigint NOT NULL,
    PRIMARY KEY (account, partition)
);

-- Stands in the place of a detached partition: new ids of its range may come, those that stand in it may not.
CREATE FUNCTION refuse_detached() RETURNS trigger LANGUAGE plpgsql
    SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF EXISTS (SELECT FROM detached_ids d WHERE d.id = NEW.id) THEN
        RAISE EXCEPTION 'the transfer % stands in a partition that is not attached', NEW.id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'transfer_is_detached';
    END IF;
    RETURN NEW;
END
$$;

DO $$
DECLARE
    last_id uuid := (SELECT id FROM transfers ORDER BY id DESC LIMIT 1);
    bound timestamptz := date_trunc('month', now() AT TIME ZONE 'UTC') AT TIME ZONE 'UTC';
    next_bound timestamptz;
    part text;
    index record;
BEGIN
    IF last_id IS NOT NULL THEN
        bound := greatest(bound, month_after(moment_of(last_id)));
    END IF;
    ALTER TABLE transfers RENAME TO transfers_before;
    CREATE TABLE transfers (LIKE transfers_before INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING GENERATED
                            INCLUDING STORAGE INCLUDING COMPRESSION) PARTITION BY RANGE (id);
    FOR index IN
        SELECT c.relname AS name, pg_get_indexdef(i.indexrelid) AS text, i.indisprimary AS main
        FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid WHERE i.indrelid = 'transfers_before'::regclass
    LOOP
        EXECUTE format('ALTER INDEX %I RENAME TO %I', index.name, 'before_' || index.name);
        IF index.main THEN
            EXECUTE format('ALTER TABLE transfers ADD CONSTRAINT %I PRIMARY KEY (id)', index.name);
        ELSE
            EXECUTE replace(index.text, 'transfers_before', 'transfers');
        END IF;
    END LOOP;
    EXECUTE format('ALTER TABLE transfers ATTACH PARTITION transfers_before FOR VALUES FROM (MINVALUE) TO (%L)',
                   id_at(bound));
    -- A trigger of a statement is not inherited by partitions: each has its own.
    CREATE TRIGGER transfers_stand BEFORE UPDATE OR DELETE OR TRUNCATE ON transfers
        FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
    -- This month and six more; from then on a job makes them.
    FOR month IN 0..6 LOOP
        next_bound := month_after(bound);
        part := 'transfers_' || to_char(bound AT TIME ZONE 'UTC', 'YYYY_MM');
        EXECUTE format('CREATE TABLE %I PARTITION OF transfers FOR VALUES FROM (%L) TO (%L)', part, id_at(bound),
                       id_at(next_bound));
        EXECUTE format('CREATE TRIGGER transfers_stand BEFORE UPDATE OR DELETE OR TRUNCATE ON %I
                        FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()', part);
        bound := next_bound;
    END LOOP;
    EXECUTE format('CREATE TABLE transfers_later PARTITION OF transfers FOR VALUES FROM (%L) TO (MAXVALUE)',
                   id_at(bound));
    CREATE TRIGGER transfers_stand BEFORE UPDATE OR DELETE OR TRUNCATE ON transfers_later
        FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
END
$$;
