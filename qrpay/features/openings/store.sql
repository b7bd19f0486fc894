-- Openings of accounts, and what is known of persons.

-- name: add_key
-- Keep a new owner's sealed key, unless it has or had one.
-- $1 owner uuid  $2 sealed bytea
INSERT INTO personal_keys (owner, sealed) VALUES ($1, $2) ON CONFLICT (owner) DO NOTHING;

-- name: key
-- An owner's sealed key; null when it was destroyed.
-- $1 owner uuid
SELECT sealed FROM personal_keys WHERE owner = $1;

-- name: add
-- A new opening; no row when its key has made one.
-- $1 id uuid  $2 key_hash bytea  $3 class text  $4 currency text  $5 at timestamptz  $6 expires_at timestamptz
INSERT INTO openings (id, key_hash, class, currency, next, created_at, changed_at, expires_at)
VALUES ($1, $2, $3, $4, 'identity', $5, $5, $6) ON CONFLICT (key_hash) DO NOTHING RETURNING id;

-- name: by_key
-- The opening that a key has made.
-- $1 key_hash bytea
SELECT id FROM openings WHERE key_hash = $1;

-- name: by_id
-- An opening.
-- $1 id uuid
SELECT id, class AS account_class, currency, status, next, version, details, person, watched, code_hash, code_until,
       deposit, customer, account, created_at, changed_at, expires_at
FROM openings WHERE id = $1;

-- name: save
-- An opening as a step leaves it, unless somebody else has changed it since it was read: then no row.
-- $1 id uuid  $2 version integer  $3 status text  $4 next text  $5 details bytea  $6 person bytea  $7 watched boolean
-- $8 code_hash bytea  $9 code_until timestamptz  $10 deposit uuid  $11 customer uuid  $12 account uuid  $13 at timestamptz
UPDATE openings SET version = version + 1, status = $3, next = $4, details = $5, person = $6, watched = $7,
    code_hash = $8, code_until = $9, deposit = $10, customer = $11, account = $12, changed_at = $13
WHERE id = $1 AND version = $2 RETURNING id;

-- name: take_try
-- Count a try of a step, and answer how many there were; no row when all are used.
-- $1 id uuid  $2 step text  $3 tries_max integer
UPDATE openings SET tries = jsonb_set(tries, ARRAY[$2::text], to_jsonb(coalesce((tries ->> $2::text)::integer, 0) + 1))
WHERE id = $1 AND coalesce((tries ->> $2::text)::integer, 0) < $3
RETURNING (tries ->> $2::text)::integer AS tries;

-- name: give_try_back
-- A try that came to nothing, because a party outside was away.
-- $1 id uuid  $2 step text
UPDATE openings SET tries = jsonb_set(tries, ARRAY[$2::text], to_jsonb(greatest(0, (tries ->> $2::text)::integer - 1)))
WHERE id = $1;

-- name: decided
-- Who decided a review, and why.
-- $1 id uuid  $2 by text  $3 why text
UPDATE openings SET reviewed_by = $2, reviewed_why = $3 WHERE id = $1;

-- name: in_review
-- Openings that wait for an operator, oldest first.
-- $1 limit integer
SELECT id, class AS account_class, changed_at FROM openings WHERE status = 'in_review' ORDER BY changed_at, id LIMIT $1;

-- name: uncounted
-- Opened accounts that do not count together with the person's others yet.
-- $1 limit integer
SELECT id FROM openings WHERE status = 'opened' AND NOT counted ORDER BY changed_at LIMIT $1;

-- name: counted
-- They do now.
-- $1 id uuid
UPDATE openings SET counted = true WHERE id = $1;

-- name: expired
-- Forget openings that were not finished in time, with their keys.
-- $1 now timestamptz  $2 limit integer
WITH gone AS (
    DELETE FROM openings WHERE id IN (
        SELECT id FROM openings WHERE status = 'in_progress' AND expires_at <= $1 ORDER BY expires_at LIMIT $2)
    RETURNING id
)
DELETE FROM personal_keys k USING gone WHERE k.owner = gone.id RETURNING k.owner;

-- name: erase_opening
-- What an opening knew of the person, once its customer has it.
-- $1 id uuid
UPDATE personal_keys SET sealed = NULL, destroyed_at = now() WHERE owner = $1 AND sealed IS NOT NULL;

-- name: person
-- The customer that a person is.
-- $1 digest bytea
SELECT customer FROM persons WHERE digest = $1;

-- name: add_person
-- Say which customer a person is, unless it is one already.
-- $1 digest bytea  $2 customer uuid
INSERT INTO persons (digest, customer) VALUES ($1, $2) ON CONFLICT (digest) DO NOTHING;

-- name: take_place
-- The first free place that a person has for an account of a class; no row when somebody else takes it just now, or all
-- are taken.
-- $1 person bytea  $2 class text  $3 places integer  $4 account uuid
INSERT INTO account_places (person, class, place, account)
SELECT $1, $2, n, $4 FROM generate_series(1, $3) AS n
WHERE NOT EXISTS (SELECT FROM account_places p WHERE p.person = $1 AND p.class = $2 AND p.place = n)
ORDER BY n LIMIT 1
ON CONFLICT DO NOTHING RETURNING place;

-- name: bind
-- The account at another bank that an e-account is bound to.
-- $1 account uuid  $2 customer uuid  $3 number_hash bytea  $4 number_masked text  $5 details bytea  $6 at timestamptz
INSERT INTO bound_accounts (account, customer, number_hash, number_masked, details, bound_at)
VALUES ($1, $2, $3, $4, $5, $6);

-- name: bound
-- The account that an e-account is bound to.
-- $1 account uuid
SELECT customer, number_masked, details FROM bound_accounts WHERE account = $1;

-- name: sent
-- How many codes were sent to a number since a moment, and when the last one was.
-- $1 phone_hash bytea  $2 since timestamptz
SELECT count(*) AS count, max(sent_at) AS last FROM sms_sent WHERE phone_hash = $1 AND sent_at > $2;

-- name: add_sent
-- A code goes to a number.
-- $1 phone_hash bytea  $2 at timestamptz
INSERT INTO sms_sent (phone_hash, sent_at) VALUES ($1, $2);

-- name: forget_sent
-- Codes so old that nobody counts them any more.
-- $1 before timestamptz
DELETE FROM sms_sent WHERE sent_at < $1;

-- check: nobody_has_more_accounts_of_a_class_than_the_rules_allow
-- Five of each class for one person at the bank (银发〔2018〕16号).
SELECT person, class FROM account_places GROUP BY person, class HAVING count(*) > 5 OR max(place) > 5;

-- check: every_opening_that_opened_has_its_account_and_its_place
-- An account that was opened online is the customer's, bound, and takes a place.
SELECT o.id FROM openings o
LEFT JOIN e_accounts e ON e.id = o.account AND e.customer = o.customer AND e.class = o.class
LEFT JOIN persons p ON p.digest = o.person AND p.customer = o.customer
WHERE o.status = 'opened' AND o.person IS NOT NULL AND (e.id IS NULL OR p.customer IS NULL);
