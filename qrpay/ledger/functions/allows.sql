-- Whether nothing forbids an account to gain this on its counters: the guards of every posting function, once.
-- The planner puts its text in the place of the call, so it has neither SET nor SECURITY DEFINER.
--
-- sides         account flags that would forbid it
-- need_debits   what it must have, and need_credits, what it must owe, on the way
-- rise          the most that its balance rises on the way
-- spent         what counts against its caps, of this day and this year
CREATE OR REPLACE FUNCTION ledger_allows(
    a accounts, sides integer, need_debits bigint, need_credits bigint,
    by_debits_posted bigint, by_debits_pending bigint, by_credits_posted bigint, by_credits_pending bigint,
    rise bigint, spent bigint, today date, this_year date
) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT a.flags & sides = 0
        AND a.debits_pending >= -by_debits_pending AND a.credits_pending >= -by_credits_pending
        AND (a.flags & 1 = 0 OR a.credits_posted - a.debits_posted - a.debits_pending >= need_debits)
        AND (a.flags & 2 = 0 OR a.debits_posted - a.credits_posted - a.credits_pending >= need_credits)
        AND a.debits_posted
            <= 9223372036854775807 - a.debits_pending - greatest(0, by_debits_posted + by_debits_pending)
        AND a.credits_posted
            <= 9223372036854775807 - a.credits_pending - greatest(0, by_credits_posted + by_credits_pending)
        AND (rise = 0 OR a.balance_limit IS NULL
            OR a.credits_posted + a.credits_pending - a.debits_posted <= a.balance_limit - rise)
        AND (spent = 0 OR a.day_limit IS NULL
            OR CASE WHEN a.used_on >= today THEN a.day_used ELSE 0 END <= a.day_limit - spent)
        AND (spent = 0 OR a.year_limit IS NULL
            OR CASE WHEN a.used_on >= this_year THEN a.year_used ELSE 0 END <= a.year_limit - spent)
$$;
