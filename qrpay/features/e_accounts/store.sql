-- name: insert_customer
-- A new customer, unless the phone number is taken.
-- $1 id uuid  $2 name_sealed bytea  $3 name_masked text  $4 phone_hash bytea  $5 phone_sealed bytea  $6 phone_masked text
-- $7 test boolean
INSERT INTO customers (id, name_sealed, name_masked, phone_hash, phone_sealed, phone_masked, test)
VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (phone_hash) DO NOTHING RETURNING id;

-- name: customer
-- A customer as others may see it.
-- $1 id uuid
SELECT id, name_masked, phone_masked, status, test FROM customers WHERE id = $1;

-- name: customer_by_phone
-- The customer with this number.
-- $1 phone_hash bytea
SELECT id, name_masked, phone_masked, status, test FROM customers WHERE phone_hash = $1;

-- name: insert_account
-- Say whose a ledger account is.
-- $1 id uuid  $2 customer uuid  $3 class text  $4 currency text  $5 test boolean
-- $6 online boolean  $7 unbound_credits boolean
INSERT INTO e_accounts (id, customer, class, currency, test, online, unbound_credits)
VALUES ($1, $2, $3, $4, $5, $6, $7);

-- name: accounts_of
-- A customer's accounts, oldest first. A person has few (rules.md 3.3).
-- $1 customer uuid
SELECT id, customer, class AS account_class, currency, test, online, unbound_credits FROM e_accounts WHERE customer = $1 ORDER BY id;

-- name: account
-- An account and whose it is.
-- $1 id uuid
SELECT id, customer, class AS account_class, currency, test, online, unbound_credits FROM e_accounts WHERE id = $1;

-- name: holders_of_accounts
-- The customers behind these ledger accounts, and their masked names.
-- $1 accounts uuid[]
SELECT a.id AS account, a.customer, c.name_masked FROM e_accounts AS a JOIN customers AS c ON c.id = a.customer
WHERE a.id = ANY($1);

-- name: seen
-- A customer was seen in person: the Class II accounts that were opened online take money from anybody.
-- $1 customer uuid  $2 by text  $3 why text
UPDATE e_accounts SET unbound_credits = true, seen_by = $2, seen_why = $3
WHERE customer = $1 AND class = 'II' AND NOT unbound_credits;

-- name: consent
-- A Class III account takes money from anybody, unless another one of the customer's does already: then no row.
-- $1 id uuid
UPDATE e_accounts AS e SET unbound_credits = true
WHERE e.id = $1 AND NOT EXISTS (SELECT FROM e_accounts o WHERE o.customer = e.customer AND o.currency = e.currency
    AND o.id <> e.id AND o.class = 'III' AND o.online AND o.unbound_credits)
RETURNING e.id;

-- name: insert_pin
-- A customer's PIN.
-- $1 customer uuid  $2 phc text
INSERT INTO pins (customer, phc) VALUES ($1, $2);

-- name: pin
-- A customer's PIN at rest.
-- $1 customer uuid
SELECT phc, tries, locked_until FROM pins WHERE customer = $1;

-- name: count_try
-- Count a wrong PIN and lock at the limit, unless it is locked: then no row, and nothing may be told. A lock that has
-- run out starts the count anew.
-- $1 customer uuid  $2 now timestamptz  $3 tries_max integer  $4 lock_until timestamptz
UPDATE pins SET
    tries = CASE WHEN locked_until IS NULL THEN tries ELSE 0 END + 1,
    locked_until = CASE WHEN CASE WHEN locked_until IS NULL THEN tries ELSE 0 END + 1 >= $3 THEN $4::timestamptz END
WHERE customer = $1 AND (locked_until IS NULL OR locked_until <= $2)
RETURNING tries;

-- name: clear_tries
-- A right PIN ends a row of wrong ones; it does not open a lock that fell meanwhile.
-- $1 customer uuid  $2 now timestamptz
UPDATE pins SET tries = 0, locked_until = NULL
WHERE customer = $1 AND (locked_until IS NULL OR locked_until <= $2);

-- check: every_e_account_is_a_customers_account_in_the_ledger
-- An e-account without its ledger account could never be paid from; one of another kind would be somebody else's money.
SELECT e.id FROM e_accounts AS e LEFT JOIN accounts AS a ON a.id = e.id
WHERE a.id IS NULL OR a.code <> 10 OR a.flags & 1 = 0;

-- check: money_for_trying_and_money_are_apart
-- Accounts of test customers stand in test ledgers, all others in live ones; so the ledger itself keeps them apart.
SELECT e.id FROM e_accounts AS e JOIN accounts AS a ON a.id = e.id WHERE (a.ledger >= 10000) <> e.test;
