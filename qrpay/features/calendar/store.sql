-- What operators entered into the bank's calendar.

-- name: set_days
-- Enter days that are not what their day of the week says; a day that was entered before is changed.
-- $1 days date[]  $2 workdays boolean[]  $3 notes text[]  $4 by text
INSERT INTO bank_days (day, workday, note, set_by)
SELECT d.day, d.workday, d.note, $4 FROM unnest($1::date[], $2::boolean[], $3::text[]) AS d (day, workday, note)
ON CONFLICT (day) DO UPDATE SET workday = excluded.workday, note = excluded.note, set_by = excluded.set_by, set_at = now();

-- name: set_year
-- Say that all exceptions of a year are entered.
-- $1 year integer  $2 source text  $3 by text
INSERT INTO bank_years (year, source, set_by) VALUES ($1, $2, $3)
ON CONFLICT (year) DO UPDATE SET source = excluded.source, set_by = excluded.set_by, set_at = now();

-- name: days
-- Days that operators entered, from one on up to another, both included.
-- $1 first date  $2 last date
SELECT day, workday, note FROM bank_days WHERE day BETWEEN $1 AND $2 ORDER BY day;

-- name: years
-- Years whose exceptions are entered, with the notice they come from.
-- $1 first integer  $2 last integer
SELECT year, source FROM bank_years WHERE year BETWEEN $1 AND $2;
