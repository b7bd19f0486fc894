-- Whether nothing forbids an account to gain this on its counters: the guards of every posting function, once.
-- The planner puts its text in the place of the call, so it has neither SET nor SECURITY DEFINER.
--
-- sides         account flags that would forbid it
-- need_debits   what it must have, and need_credits, what it must owe, on the way
-- rise          the most that its balance rises on the way
-- spent         what counts against its caps, of this day and this year; spent_a to spent_d: of this day, by the class
--               of the code
CREATE OR REPLACE FUNCTION ledger_allows(
    a accounts, sides integer, need_debits bigint, need_credits bigint,
    by_debits_posted bigint, by_debits_pending bigint, by_credits_posted bigint, by_credits_pending bigint,
    rise bigint, spent bigint, spent_a bigint, spent_b bigint, spent_c bigint, spent_d bigint,
    today date, this_year date
) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT a.flags & sides = 0
        AND a.debits_pending >= -by_debits_pending AND a.credits_pending >= -by_credits_pending
        AND (a.flags & 1 = 0 OR a.credits_posted - a.debits_posted - a.debits_pending >= need_debits)
        AND (a.flags & 2 = 0 OR a.debits_posted - a.credits_posted - a.credits_pending >= need_credits)
        AND a.debits_posted
            <= 9223372036854775807 - a.debits_pending - greatest(0, by_debits_posted + by_debits_pending)
        AND a.credits_posted
            <= 9223372036854775807 - a.credits_pending - greatest(0, by_credits_posted + by_credits_pending)
        -- Limits that a newer cap has overtaken, or that were never looked up: the exact path renews them.
        AND (a.limits_until IS NULL OR today < a.limits_until OR spent = 0 AND rise = 0)
        AND (rise = 0 OR a.balance_limit IS NULL
            OR a.credits_posted + a.credits_pending - a.debits_posted <= a.balance_limit - rise)
        AND (spent = 0
            OR (a.day_limit IS NULL
                OR CASE WHEN a.used_on >= today THEN a.day_used ELSE 0 END <= a.day_limit - spent)
            AND (a.year_limit IS NULL
                OR CASE WHEN a.used_on >= this_year THEN a.year_used ELSE 0 END <= a.year_limit - spent)
            AND (spent_a = 0 OR a.code_a_limit IS NULL
                OR CASE WHEN a.used_on >= today THEN coalesce(a.code_a_used, 0) ELSE 0 END <= a.code_a_limit - spent_a)
            AND (spent_b = 0 OR a.code_b_limit IS NULL
                OR CASE WHEN a.used_on >= today THEN coalesce(a.code_b_used, 0) ELSE 0 END <= a.code_b_limit - spent_b)
            AND (spent_c = 0 OR a.code_c_limit IS NULL
                OR CASE WHEN a.used_on >= today THEN coalesce(a.code_c_used, 0) ELSE 0 END <= a.code_c_limit - spent_c)
            AND (spent_d = 0 OR a.code_d_limit IS NULL
                OR CASE WHEN a.used_on >= today THEN coalesce(a.code_d_used, 0) ELSE 0 END <= a.code_d_limit - spent_d))
$$;

-- A counter of a class of codes after a batch; part of the posting functions, which put its text in the place of the
-- call. goes_on: the counter is of this bank day. Null instead of nothing: most accounts use one class, and a null
-- takes no room.
CREATE OR REPLACE FUNCTION ledger_counted(used bigint, goes_on boolean, spent bigint) RETURNS bigint
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT nullif(CASE WHEN goes_on THEN coalesce(used, 0) ELSE 0 END + spent, 0)
$$;
