-- Posts a batch. What is clean is posted at once; the places of all others come back, to be decided one by one.
--
-- A batch arrives twice over: as columns of transfers, in order, and summed up per account, sorted by account.
-- An account whose guard could say no, counting all that leaves it in this batch and nothing that comes in, is not
-- updated; whatever touches it, and whatever is chained to that, is unclean. So the clean ones would pass in any
-- order, an account left out depends on unclean transfers alone, and the outcome is that of deciding one by one.
--
-- by_…       what each account gains on a counter    need_…  what it must have, or have room for, on the way
-- sides      account flags that would forbid it      rises   the most that its balance rises on the way
-- spent      what counts against its caps            spends  the transfer codes that count, and the class of code
-- spent_…    the same, of each class of code                  that each is counted in (0: none)
-- Columns may be null where they say nothing: one ledger for all (the_ledger), abouts that are the ids, no references,
-- neither holds nor resolutions; and sides, needs and rises when they follow from the sums.
-- chains     the place of the chain's first; null: there are none
-- two_phase  whether there are holds, posts or voids among them
-- besides    what few batches do besides, when two_phase; null: nothing (see ledger_do_besides)
-- whole      all or nothing: the sums are the outcome of decisions in order
-- first, last  the least and the greatest of the ids: where they can be, so that other months are not looked at
-- clock      what time it is; null: the server's clock
-- base       (out) a microsecond before the first transfer of the batch; each of the others comes one after it
-- seen       (out) what the unclean depend on, when there are few and nobody else of the batch can change it
-- Raises serialization_failure or unique_violation when somebody else was quicker; the same batch may be sent again.
-- (ON CONFLICT would spare the second, and costs a fifth of the speed of every batch.)
CREATE OR REPLACE FUNCTION ledger_post(
    account_ids uuid[], account_ledgers integer[], sides smallint[],
    by_debits_posted bigint[], by_debits_pending bigint[], by_credits_posted bigint[], by_credits_pending bigint[],
    spent bigint[], spent_a bigint[], spent_b bigint[], spent_c bigint[], spent_d bigint[],
    need_debits bigint[], need_credits bigint[], rises bigint[],
    ids uuid[], debits uuid[], credits uuid[], amounts bigint[], codes smallint[], ledgers integer[], abouts uuid[],
    texts text[], kinds smallint[], holds uuid[], timeouts integer[],
    chains integer[], spends smallint[], classes smallint[], the_ledger integer, two_phase boolean, besides jsonb,
    first uuid, last uuid, whole boolean, clock timestamptz,
    OUT base timestamptz, OUT unclean integer[], OUT seen text
) LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
#variable_conflict use_column
DECLARE
    tick CONSTANT interval := '1 microsecond';
    wait_unseen CONSTANT interval := '20 milliseconds';
    size CONSTANT integer := cardinality(ids);
    span CONSTANT interval := size * tick;
    today CONSTANT date := (coalesce(clock, clock_timestamp()) AT TIME ZONE 'Asia/Shanghai')::date;
    this_year CONSTANT date := date_trunc('year', today::timestamp)::date;
    tomorrow CONSTANT timestamptz := (today + 1)::timestamp AT TIME ZONE 'Asia/Shanghai';
    known uuid[];
    earliest timestamptz;
    latest timestamptz;
    touched uuid[];
    missing uuid[];
    broken integer[];
    ends uuid[];
    seen_max CONSTANT integer := 200;
BEGIN
    -- Rows are locked in the order of their ids, as in every other batch, so none waits for another in a circle.
    WITH updated AS (
        UPDATE accounts a SET
            debits_posted = a.debits_posted + d.debits_posted,
            debits_pending = a.debits_pending + d.debits_pending,
            credits_posted = a.credits_posted + d.credits_posted,
            credits_pending = a.credits_pending + d.credits_pending,
            used_on = CASE WHEN d.spent = 0 THEN a.used_on ELSE greatest(a.used_on, today) END,
            day_used = CASE WHEN d.spent = 0 OR a.used_on >= today THEN a.day_used ELSE 0 END + d.spent,
            year_used = CASE WHEN d.spent = 0 OR a.used_on >= this_year THEN a.year_used ELSE 0 END + d.spent,
            code_a_used = ledger_counted(a.code_a_used, d.spent = 0 OR a.used_on >= today, d.spent_a),
            code_b_used = ledger_counted(a.code_b_used, d.spent = 0 OR a.used_on >= today, d.spent_b),
            code_c_used = ledger_counted(a.code_c_used, d.spent = 0 OR a.used_on >= today, d.spent_c),
            code_d_used = ledger_counted(a.code_d_used, d.spent = 0 OR a.used_on >= today, d.spent_d),
            last_timestamp = greatest(a.last_timestamp, coalesce(clock, clock_timestamp()) - tick) + span
        FROM (
            SELECT u.id, coalesce(u.ledger, the_ledger) AS ledger, u.debits_posted, u.credits_posted, u.spent,
                   coalesce(u.debits_pending, 0) AS debits_pending, coalesce(u.credits_pending, 0) AS credits_pending,
                   coalesce(u.sides, CASE WHEN u.debits_posted + coalesce(u.debits_pending, 0) > 0 THEN 52 ELSE 48 END
                       | CASE WHEN u.credits_posted + coalesce(u.credits_pending, 0) > 0 THEN 8 ELSE 0 END) AS sides,
                   coalesce(u.need_debits, u.debits_posted + coalesce(u.debits_pending, 0)) AS need_debits,
                   coalesce(u.need_credits, u.credits_posted + coalesce(u.credits_pending, 0)) AS need_credits,
                   coalesce(u.rise, u.credits_posted + coalesce(u.credits_pending, 0)) AS rise,
                   coalesce(u.spent_a, 0) AS spent_a, coalesce(u.spent_b, 0) AS spent_b,
                   coalesce(u.spent_c, 0) AS spent_c, coalesce(u.spent_d, 0) AS spent_d
            FROM (
                SELECT unnest(account_ids) AS id, unnest(account_ledgers) AS ledger, unnest(sides) AS sides,
                       unnest(by_debits_posted) AS debits_posted, unnest(by_debits_pending) AS debits_pending,
                       unnest(by_credits_posted) AS credits_posted, unnest(by_credits_pending) AS credits_pending,
                       unnest(spent) AS spent, unnest(spent_a) AS spent_a, unnest(spent_b) AS spent_b,
                       unnest(spent_c) AS spent_c, unnest(spent_d) AS spent_d, unnest(need_debits) AS need_debits,
                       unnest(need_credits) AS need_credits, unnest(rises) AS rise
            ) AS u
        ) AS d
        WHERE a.id = d.id AND a.ledger = d.ledger
            AND ledger_allows(a, d.sides, d.need_debits, d.need_credits, d.debits_posted, d.debits_pending,
                              d.credits_posted, d.credits_pending, d.rise, d.spent,
                              d.spent_a, d.spent_b, d.spent_c, d.spent_d, today, this_year)
        RETURNING a.id, a.last_timestamp
    )
    SELECT min(last_timestamp) - span, max(last_timestamp) - span, array_agg(id),
           (SELECT array_agg(t.id) FROM transfers t WHERE t.id = ANY (ids) AND t.id >= first AND t.id <= last)
    INTO earliest, latest, touched, known FROM updated;

    -- All locks are held, so whatever comes after this is later than all that these accounts have seen.
    base := coalesce(latest, coalesce(clock, clock_timestamp()) - tick);
    IF base + span >= tomorrow AND clock IS NULL AND base < clock_timestamp() THEN
        -- Midnight has come meanwhile: what counts today must not bear the time of tomorrow.
        RAISE EXCEPTION 'the bank day ended' USING ERRCODE = 'serialization_failure';
    END IF;
    IF latest >= coalesce(clock, clock_timestamp()) OR latest - earliest > wait_unseen THEN
        -- The clock went back, or a row was locked long before the last one: none may fall behind its transfers.
        UPDATE accounts SET last_timestamp = base + span WHERE id = ANY (touched) AND last_timestamp < base + span;
    END IF;

    IF known IS NOT NULL OR cardinality(account_ids) <> coalesce(cardinality(touched), 0) THEN
        IF whole THEN
            RAISE EXCEPTION 'the ledger moved on since the decision' USING ERRCODE = 'serialization_failure';
        END IF;
        missing := ARRAY(SELECT id FROM unnest(account_ids) AS id WHERE id <> ALL (coalesce(touched, '{}')));
        unclean := ARRAY(
            SELECT t.place FROM unnest(ids, debits, credits) WITH ORDINALITY AS t (id, debit, credit, place)
            WHERE t.debit = ANY (missing) OR t.credit = ANY (missing) OR t.id = ANY (known)
        );
        IF chains IS NOT NULL THEN
            broken := ARRAY(SELECT chains[place] FROM unnest(unclean) AS place);
            unclean := ARRAY(
                SELECT c.place FROM unnest(chains) WITH ORDINALITY AS c (chain, place) WHERE c.chain = ANY (broken)
            );
        END IF;
        -- Their amounts were counted in the accounts that had no objection: take them out again.
        UPDATE accounts a SET
            debits_posted = a.debits_posted - d.debits_posted,
            debits_pending = a.debits_pending - d.debits_pending,
            credits_posted = a.credits_posted - d.credits_posted,
            credits_pending = a.credits_pending - d.credits_pending,
            day_used = a.day_used - d.spent,
            year_used = a.year_used - d.spent,
            code_a_used = ledger_counted(a.code_a_used, true, (-d.spent_a)::bigint),
            code_b_used = ledger_counted(a.code_b_used, true, (-d.spent_b)::bigint),
            code_c_used = ledger_counted(a.code_c_used, true, (-d.spent_c)::bigint),
            code_d_used = ledger_counted(a.code_d_used, true, (-d.spent_d)::bigint)
        FROM (
            SELECT side.id,
                   coalesce(sum(t.amount) FILTER (WHERE side.pays AND t.kind & 2 = 0), 0) AS debits_posted,
                   coalesce(sum(t.amount) FILTER (WHERE side.pays AND t.kind & 2 = 2), 0) AS debits_pending,
                   coalesce(sum(t.amount) FILTER (WHERE NOT side.pays AND t.kind & 2 = 0), 0) AS credits_posted,
                   coalesce(sum(t.amount) FILTER (WHERE NOT side.pays AND t.kind & 2 = 2), 0) AS credits_pending,
                   coalesce(sum(t.amount) FILTER (WHERE side.pays AND t.class IS NOT NULL), 0) AS spent,
                   coalesce(sum(t.amount) FILTER (WHERE side.pays AND t.class = 1), 0) AS spent_a,
                   coalesce(sum(t.amount) FILTER (WHERE side.pays AND t.class = 2), 0) AS spent_b,
                   coalesce(sum(t.amount) FILTER (WHERE side.pays AND t.class = 3), 0) AS spent_c,
                   coalesce(sum(t.amount) FILTER (WHERE side.pays AND t.class = 4), 0) AS spent_d
            FROM unnest(unclean) AS place,
                 LATERAL (SELECT debits[place], credits[place], amounts[place],
                                 classes[array_position(spends, codes[place])], coalesce(kinds[place], 0))
                     AS t (debit, credit, amount, class, kind),
                 LATERAL (VALUES (t.debit, true), (t.credit, false)) AS side (id, pays)
            WHERE t.amount > 0 AND side.id = ANY (touched)
            GROUP BY side.id
        ) AS d
        WHERE a.id = d.id;
        -- What stands in a partition that is not attached is told before anything else, one by one.
        IF cardinality(unclean) <= seen_max AND NOT EXISTS (SELECT FROM detached_ids d WHERE d.id = ANY (ids)) THEN
            ends := ARRAY(SELECT debits[place] FROM unnest(unclean) AS place
                          UNION SELECT credits[place] FROM unnest(unclean) AS place);
            seen := json_build_object(
                'accounts', ARRAY(SELECT to_json(a) FROM accounts a WHERE a.id = ANY (ends)),
                -- Not `known`: it is of the moment before the locks, and who was waited for may have posted the same.
                'standing', ARRAY(SELECT to_json(t) FROM transfers t
                                  WHERE t.id = ANY (ARRAY(SELECT ids[place] FROM unnest(unclean) AS place))),
                'due', EXISTS (SELECT FROM open_holds o WHERE o.debit = ANY (ends) AND o.due_at <= base + tick)
                    OR EXISTS (SELECT FROM open_holds o WHERE o.credit = ANY (ends) AND o.due_at <= base + tick)
            );
        END IF;
    END IF;

    INSERT INTO transfers (id, debit, credit, amount, code, ledger, about, reference, flags, pending_id, timeout_s,
                           timestamp)
    SELECT t.id, t.debit, t.credit, t.amount, t.code, coalesce(t.ledger, the_ledger), coalesce(t.about, t.id),
           coalesce(t.reference, ''), coalesce(t.kind, 0), t.hold, coalesce(t.timeout_s, 0), base + t.place * tick
    FROM (
        SELECT unnest(ids) AS id, unnest(debits) AS debit, unnest(credits) AS credit, unnest(amounts) AS amount,
               unnest(codes) AS code, unnest(ledgers) AS ledger, unnest(abouts) AS about, unnest(texts) AS reference,
               unnest(kinds) AS kind, unnest(holds) AS hold, unnest(timeouts) AS timeout_s,
               generate_series(1, size) AS place
    ) AS t
    WHERE unclean IS NULL OR t.place <> ALL (unclean)
    ORDER BY t.id;
    IF two_phase THEN
        IF besides IS NOT NULL THEN
            PERFORM ledger_do_besides(besides, today);  -- first: it may write the day in which a new hold is counted
        END IF;
        PERFORM ledger_keep_holds(ids, debits, credits, kinds, holds, timeouts, base + tick, unclean);
    END IF;
END
$$;

-- Opens and resolves the holds of a batch that has just been posted; part of ledger_post.
CREATE OR REPLACE FUNCTION ledger_keep_holds(
    ids uuid[], debits uuid[], credits uuid[], kinds smallint[], holds uuid[], timeouts integer[],
    base timestamptz, unclean integer[]
) RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
#variable_conflict use_column
DECLARE
    resolving integer;
    resolved integer;
BEGIN
    -- The payer's row has just been counted in, so its day is that in which the hold counts.
    INSERT INTO open_holds (id, debit, credit, due_at, counted_on)
    SELECT t.id, t.debit, t.credit, base + make_interval(secs => nullif(t.timeout_s, 0)),
           (SELECT coalesce(g.used_on, a.used_on) FROM accounts a LEFT JOIN accounts g ON g.id = a.day_group
            WHERE a.id = t.debit)
    FROM unnest(ids, debits, credits, kinds, timeouts) WITH ORDINALITY
        AS t (id, debit, credit, kind, timeout_s, place)
    WHERE t.kind & 2 = 2 AND (unclean IS NULL OR t.place <> ALL (unclean));
    SELECT count(*) INTO resolving FROM unnest(holds) AS hold WHERE hold IS NOT NULL;
    -- Between decision and commit a hold may have come due: then it cannot be posted any more.
    DELETE FROM open_holds o USING unnest(kinds, holds) AS t (kind, hold)
    WHERE o.id = t.hold AND (t.kind & 4 = 0 OR o.due_at IS NULL OR o.due_at > base);
    GET DIAGNOSTICS resolved = ROW_COUNT;
    IF resolved <> resolving THEN
        RAISE EXCEPTION 'a hold was resolved meanwhile' USING ERRCODE = 'serialization_failure';
    END IF;
    IF resolving > 0 THEN
        INSERT INTO hold_resolutions (hold, transfer, amount)
        SELECT t.hold, t.id, (SELECT h.amount FROM transfers h WHERE h.id = t.hold)
        FROM unnest(ids, holds) AS t (id, hold) WHERE t.hold IS NOT NULL;
    END IF;
END
$$;
REVOKE EXECUTE ON FUNCTION ledger_keep_holds FROM qrpay_app;

-- Closes accounts, opens them again, holds balances to what was decided, and gives back caps; part of ledger_post.
-- The batch has locked their rows, so nobody changes them between this look and the commit.
--
-- besides  {"closed": [account id], "opened": [account id],
--           "exact": [{"id", "payable", "receivable"}]: what each has left on either side, after this batch
--           "counted": [{"id", "before", "after"}]: limits and counters of who got back what it had used of its caps
--           "received": the same of inflow, of who received or gave back what has caps of inflow
--           "today": the bank day on which that was decided}
-- Raises serialization_failure when somebody else moved money of an account whose balance decided an amount.
CREATE OR REPLACE FUNCTION ledger_do_besides(besides jsonb, today date)
RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    counted integer;
BEGIN
    UPDATE accounts SET flags = flags | 32
    WHERE id = ANY (ARRAY(SELECT jsonb_array_elements_text(besides -> 'closed')::uuid));
    UPDATE accounts SET flags = flags & ~32
    WHERE id = ANY (ARRAY(SELECT jsonb_array_elements_text(besides -> 'opened')::uuid));
    IF EXISTS (
        SELECT FROM jsonb_to_recordset(besides -> 'exact') AS d (id uuid, payable bigint, receivable bigint)
        JOIN accounts a ON a.id = d.id
        WHERE a.credits_posted - a.debits_posted - a.debits_pending <> d.payable
            OR a.debits_posted - a.credits_posted - a.credits_pending <> d.receivable
    ) THEN
        RAISE EXCEPTION 'a balance moved on since the decision' USING ERRCODE = 'serialization_failure';
    END IF;
    UPDATE accounts a SET
        used_on = n.used_on, day_used = n.day_used, year_used = n.year_used,
        code_a_used = n.code_a_used, code_b_used = n.code_b_used,
        code_c_used = n.code_c_used, code_d_used = n.code_d_used
    FROM jsonb_array_elements(besides -> 'counted') AS d,
         LATERAL jsonb_populate_record(NULL::accounts, d -> 'before') AS o,
         LATERAL jsonb_populate_record(NULL::accounts, d -> 'after') AS n
    WHERE a.id = (d ->> 'id')::uuid AND (besides ->> 'today')::date = today
        AND (a.limits_until, a.day_limit, a.year_limit, a.code_a_limit, a.code_b_limit, a.code_c_limit, a.code_d_limit,
             a.used_on, a.day_used, a.year_used, a.code_a_used, a.code_b_used, a.code_c_used, a.code_d_used)
            IS NOT DISTINCT FROM
            (o.limits_until, o.day_limit, o.year_limit, o.code_a_limit, o.code_b_limit, o.code_c_limit, o.code_d_limit,
             o.used_on, o.day_used, o.year_used, o.code_a_used, o.code_b_used, o.code_c_used, o.code_d_used);
    GET DIAGNOSTICS counted = ROW_COUNT;
    IF counted <> coalesce(jsonb_array_length(besides -> 'counted'), 0) THEN
        RAISE EXCEPTION 'the use of a cap moved on since the decision' USING ERRCODE = 'serialization_failure';
    END IF;
    IF besides ->> 'received' IS NULL THEN
        RETURN;
    END IF;
    UPDATE accounts a SET
        inflow_on = n.inflow_on, inflow_day_used = n.inflow_day_used, inflow_year_used = n.inflow_year_used
    FROM jsonb_array_elements(besides -> 'received') AS d,
         LATERAL jsonb_populate_record(NULL::accounts, d -> 'before') AS o,
         LATERAL jsonb_populate_record(NULL::accounts, d -> 'after') AS n
    WHERE a.id = (d ->> 'id')::uuid AND (besides ->> 'today')::date = today
        AND (a.limits_until, a.inflow_day_limit, a.inflow_year_limit,
             a.inflow_on, a.inflow_day_used, a.inflow_year_used)
            IS NOT DISTINCT FROM
            (o.limits_until, o.inflow_day_limit, o.inflow_year_limit,
             o.inflow_on, o.inflow_day_used, o.inflow_year_used)
        AND (n.inflow_day_used >= 0) IS NOT FALSE AND (n.inflow_year_used >= 0) IS NOT FALSE;
    GET DIAGNOSTICS counted = ROW_COUNT;
    IF counted <> jsonb_array_length(besides -> 'received') THEN
        RAISE EXCEPTION 'the inflow of an account moved on since the decision' USING ERRCODE = 'serialization_failure';
    END IF;
END
$$;
REVOKE EXECUTE ON FUNCTION ledger_do_besides FROM qrpay_app;
