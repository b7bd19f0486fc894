-- Posts one plain payment: no hold, no chain, about itself, without a reference. What ledger_post does for hundreds,
-- without arrays: a caller who is alone waits a fifth less.
--
-- spent  what counts against the payer's caps: the amount, or nothing; code_class: in which class of codes, 0: none
-- clock  what time it is; null: the server's clock
-- base   (out) as ledger_post's; null: it was not posted, ask ledger_post why
-- Raises unique_violation when somebody else was quicker with the id.
CREATE OR REPLACE FUNCTION ledger_post_one(
    transfer uuid, payer uuid, payee uuid, amount bigint, code smallint, the_ledger integer, spent bigint,
    code_class smallint, clock timestamptz, OUT base timestamptz
) LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
#variable_conflict use_variable
DECLARE
    tick CONSTANT interval := '1 microsecond';
    wait_unseen CONSTANT interval := '20 milliseconds';
    today CONSTANT date := (coalesce(clock, clock_timestamp()) AT TIME ZONE 'Asia/Shanghai')::date;
    this_year CONSTANT date := date_trunc('year', today::timestamp)::date;
    tomorrow CONSTANT timestamptz := (today + 1)::timestamp AT TIME ZONE 'Asia/Shanghai';
    spent_a CONSTANT bigint := CASE code_class WHEN 1 THEN spent ELSE 0 END;
    spent_b CONSTANT bigint := CASE code_class WHEN 2 THEN spent ELSE 0 END;
    spent_c CONSTANT bigint := CASE code_class WHEN 3 THEN spent ELSE 0 END;
    spent_d CONSTANT bigint := CASE code_class WHEN 4 THEN spent ELSE 0 END;
    earliest timestamptz;
    latest timestamptz;
    touched uuid[];
    known boolean;
BEGIN
    -- A sorted array is read in its order, so rows are locked in the order of their ids, as in every batch.
    WITH updated AS (
        UPDATE accounts a SET
            debits_posted = a.debits_posted + CASE WHEN a.id = payer THEN amount ELSE 0 END,
            credits_posted = a.credits_posted + CASE WHEN a.id = payee THEN amount ELSE 0 END,
            used_on = CASE WHEN a.id = payee OR spent = 0 THEN a.used_on ELSE greatest(a.used_on, today) END,
            day_used = CASE WHEN a.id = payee OR spent = 0 THEN a.day_used
                            WHEN a.used_on >= today THEN a.day_used + spent ELSE spent END,
            year_used = CASE WHEN a.id = payee OR spent = 0 THEN a.year_used
                             WHEN a.used_on >= this_year THEN a.year_used + spent ELSE spent END,
            code_a_used = ledger_counted(a.code_a_used, a.id = payee OR spent = 0 OR a.used_on >= today,
                                         CASE WHEN a.id = payer THEN spent_a ELSE 0 END),
            code_b_used = ledger_counted(a.code_b_used, a.id = payee OR spent = 0 OR a.used_on >= today,
                                         CASE WHEN a.id = payer THEN spent_b ELSE 0 END),
            code_c_used = ledger_counted(a.code_c_used, a.id = payee OR spent = 0 OR a.used_on >= today,
                                         CASE WHEN a.id = payer THEN spent_c ELSE 0 END),
            code_d_used = ledger_counted(a.code_d_used, a.id = payee OR spent = 0 OR a.used_on >= today,
                                         CASE WHEN a.id = payer THEN spent_d ELSE 0 END),
            last_timestamp = greatest(a.last_timestamp, coalesce(clock, clock_timestamp()) - tick) + tick
        WHERE a.id IN (payer, payee) AND a.ledger = the_ledger AND CASE
            WHEN a.id = payer THEN ledger_allows(a, 52, amount, 0, amount, 0, 0, 0, 0, spent,
                                                 spent_a, spent_b, spent_c, spent_d, today, this_year)
            ELSE ledger_allows(a, 56, 0, amount, 0, 0, amount, 0, amount, 0, 0, 0, 0, 0, today, this_year) END
        RETURNING a.id, a.last_timestamp
    )
    SELECT min(u.last_timestamp) - tick, max(u.last_timestamp) - tick, array_agg(u.id),
           EXISTS (SELECT FROM transfers t WHERE t.id = transfer)
    INTO earliest, latest, touched, known FROM updated u;

    IF known OR touched IS NULL OR cardinality(touched) <> 2 THEN
        UPDATE accounts a SET
            debits_posted = a.debits_posted - CASE WHEN a.id = payer THEN amount ELSE 0 END,
            credits_posted = a.credits_posted - CASE WHEN a.id = payee THEN amount ELSE 0 END,
            day_used = a.day_used - CASE WHEN a.id = payer THEN spent ELSE 0 END,
            year_used = a.year_used - CASE WHEN a.id = payer THEN spent ELSE 0 END,
            code_a_used = ledger_counted(a.code_a_used, true, CASE WHEN a.id = payer THEN -spent_a ELSE 0 END),
            code_b_used = ledger_counted(a.code_b_used, true, CASE WHEN a.id = payer THEN -spent_b ELSE 0 END),
            code_c_used = ledger_counted(a.code_c_used, true, CASE WHEN a.id = payer THEN -spent_c ELSE 0 END),
            code_d_used = ledger_counted(a.code_d_used, true, CASE WHEN a.id = payer THEN -spent_d ELSE 0 END)
        WHERE a.id = ANY (touched);
        RETURN;
    END IF;
    base := latest;
    IF base + tick >= tomorrow AND clock IS NULL AND base < clock_timestamp() THEN
        RAISE EXCEPTION 'the bank day ended' USING ERRCODE = 'serialization_failure';
    END IF;
    IF latest >= coalesce(clock, clock_timestamp()) OR latest - earliest > wait_unseen THEN
        -- As in ledger_post: neither account may fall behind its transfers.
        UPDATE accounts a SET last_timestamp = base + tick
        WHERE a.id = ANY (touched) AND a.last_timestamp < base + tick;
    END IF;
    INSERT INTO transfers (id, debit, credit, amount, code, ledger, about, reference, flags, timeout_s, timestamp)
    VALUES (transfer, payer, payee, amount, code, the_ledger, transfer, '', 0, 0, base + tick);
END
$$;
