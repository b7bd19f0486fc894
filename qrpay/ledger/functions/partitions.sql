-- Makes the next partition of transfers, one a call, until there is one for each of so many months from now on.
-- Answers what it did; null: there is nothing to do.
--
-- Usually transfers_later is empty, and a month is cut off its beginning. When the job was late and payments went into it,
-- it becomes a partition itself, up to where the new one begins: no row is moved, and none is read under a lock, since a
-- constraint that was validated before says where it ends. The constraint leaves all the months ahead free.
--
-- now_   what time it is; null: the server's clock
-- Raises lock_not_available when a long statement is in the way: payments wait behind us, so we do not wait for it.
CREATE OR REPLACE FUNCTION ledger_add_partition(ahead integer, now_ timestamptz) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    begins CONSTANT uuid := (
        SELECT substring(pg_get_expr(relpartbound, oid) FROM 'FROM \(''([0-9a-f-]+)''\)')::uuid
        FROM pg_class WHERE oid = 'transfers_later'::regclass
    );
    wanted CONSTANT timestamptz := (
        date_trunc('month', coalesce(now_, clock_timestamp()) AT TIME ZONE 'UTC') + make_interval(months => ahead + 1)
    ) AT TIME ZONE 'UTC';
    name CONSTANT text := 'transfers_' || to_char(moment_of(begins) AT TIME ZONE 'UTC', 'YYYY_MM');
    last_id CONSTANT uuid := (SELECT id FROM transfers_later ORDER BY id DESC LIMIT 1);
    ends uuid;
    until_ record;
BEGIN
    PERFORM set_config('lock_timeout', '300ms', true);
    SELECT convalidated, obj_description(oid, 'pg_constraint') AS bound INTO until_
    FROM pg_constraint WHERE conrelid = 'transfers_later'::regclass AND conname = 'transfers_until';
    IF until_.bound IS NOT NULL THEN
        IF NOT until_.convalidated THEN
            ALTER TABLE transfers_later VALIDATE CONSTRAINT transfers_until;
            RETURN name || ': checked';
        END IF;
        ends := until_.bound::uuid;
    ELSIF moment_of(begins) >= wanted THEN
        RETURN NULL;
    ELSIF last_id IS NULL THEN
        ends := id_at(month_after(moment_of(begins)));
    ELSE
        ends := id_at(greatest(wanted, month_after(moment_of(last_id))));
        IF moment_of(ends) > coalesce(now_, clock_timestamp()) + interval '20 years' THEN
            RAISE EXCEPTION 'an id far in the future (%) keeps transfers_later from being cut; payments go on', last_id;
        END IF;
        EXECUTE format('ALTER TABLE transfers_later ADD CONSTRAINT transfers_until CHECK (id >= %L AND id < %L) NOT VALID',
                       begins, ends);
        EXECUTE format('COMMENT ON CONSTRAINT transfers_until ON transfers_later IS %L', ends);
        RETURN name || ': bounded';
    END IF;

    EXECUTE format('CREATE TABLE %I (LIKE transfers INCLUDING ALL)', 'transfers_new');
    CREATE TRIGGER transfers_stand BEFORE UPDATE OR DELETE OR TRUNCATE ON transfers_new
        FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
    ALTER TABLE transfers DETACH PARTITION transfers_later;  -- from here on payments wait, some milliseconds
    IF until_.bound IS NOT NULL THEN
        EXECUTE format('ALTER TABLE transfers_later RENAME TO %I', name);
        EXECUTE format('ALTER TABLE transfers_new RENAME TO transfers_later');
        EXECUTE format('ALTER TABLE transfers ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)', name, begins, ends);
        EXECUTE format('ALTER TABLE %I DROP CONSTRAINT transfers_until', name);
    ELSE
        EXECUTE format('ALTER TABLE transfers_new RENAME TO %I', name);
        EXECUTE format('ALTER TABLE transfers ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)', name, begins, ends);
    END IF;
    EXECUTE format('ALTER TABLE transfers ATTACH PARTITION transfers_later FOR VALUES FROM (%L) TO (MAXVALUE)', ends);
    RETURN name;
END
$$;
