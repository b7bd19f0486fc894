-- name: insert_merchant
-- A new merchant.
-- $1 id uuid  $2 name  $3 name_latin  $4 city  $5 mcc  $6 country text  $7 test boolean
INSERT INTO merchants (id, name, name_latin, city, mcc, country, test) VALUES ($1, $2, $3, $4, $5, $6, $7);

-- name: merchant
-- What a code and a wallet say about a merchant.
-- $1 id uuid
SELECT id, name, name_latin, city, mcc, country, status = 'active' AS verified, test FROM merchants WHERE id = $1;

-- name: set_status
-- Freeze, close or revive a merchant.
-- $1 id uuid  $2 status text
UPDATE merchants SET status = $2 WHERE id = $1 RETURNING id;

-- name: status_of
-- Whether a merchant is in business.
-- $1 id uuid
SELECT status FROM merchants WHERE id = $1;

-- name: insert_act
-- Note who did what to a merchant.
-- $1 merchant uuid  $2 act  $3 maker  $4 checker  $5 reason text  $6 at timestamptz
INSERT INTO merchant_acts (merchant, act, maker, checker, reason, at) VALUES ($1, $2, $3, $4, $5, $6);

-- name: acts
-- Who did what to a merchant, oldest first; people do this by hand, so there are few.
-- $1 merchant uuid
SELECT act, maker, checker, reason, at FROM merchant_acts WHERE merchant = $1 ORDER BY id LIMIT 1000;

-- check: a_frozen_merchant_is_frozen_in_the_ledger
-- One that died half-way through a freeze: freeze it again.
SELECT m.id FROM merchants AS m JOIN merchant_accounts AS o ON o.merchant = m.id JOIN accounts AS a ON a.id = o.account
WHERE m.status = 'frozen' AND a.flags & 12 <> 12 OR m.status = 'closed' AND a.flags & 8 = 0
   OR m.status = 'active' AND a.flags & 12 <> 0;

-- check: a_merchants_money_is_on_its_own_side
-- A test merchant's accounts stand in test ledgers, a live one's in live ones.
SELECT o.account FROM merchants AS m JOIN merchant_accounts AS o ON o.merchant = m.id
    JOIN accounts AS a ON a.id = o.account
WHERE (a.ledger >= 10000) <> m.test;

-- name: announce
-- Tell every process, at commit, to forget what it remembers of a merchant.
-- $1 merchant text
SELECT pg_notify('qrpay_merchants', $1);

-- name: insert_store
-- A new store, unless the merchant has one with this code.
-- $1 id uuid  $2 merchant uuid  $3 name  $4 code text
INSERT INTO stores (id, merchant, name, code) VALUES ($1, $2, $3, $4)
ON CONFLICT (merchant, code) DO NOTHING RETURNING id;

-- name: insert_terminal
-- A new terminal, unless the store has one with this code.
-- $1 id uuid  $2 store uuid  $3 name  $4 code text
INSERT INTO terminals (id, store, name, code) VALUES ($1, $2, $3, $4)
ON CONFLICT (store, code) DO NOTHING RETURNING id;

-- name: store
-- A merchant's own store.
-- $1 merchant uuid  $2 id uuid
SELECT id, merchant, name, code FROM stores WHERE merchant = $1 AND id = $2;

-- name: terminal
-- A merchant's own terminal and its store.
-- $1 merchant uuid  $2 terminal uuid
SELECT t.id, t.store, t.name, t.code, s.name AS store_name, s.code AS store_code
FROM terminals AS t JOIN stores AS s ON s.id = t.store
WHERE s.merchant = $1 AND t.id = $2;

-- name: stores
-- The stores of a merchant, oldest first; bounded, as the list is one answer.
-- $1 merchant uuid  $2 limit integer
SELECT id, merchant, name, code FROM stores WHERE merchant = $1 ORDER BY id LIMIT $2;

-- name: terminals
-- The terminals of these stores, oldest first.
-- $1 stores uuid[]  $2 limit integer
SELECT id, store, name, code FROM terminals WHERE store = ANY($1) ORDER BY id LIMIT $2;

-- name: insert_key
-- A new secret's keyed hash, and what holds it in; unless the merchant has as many in use as it may.
-- $1 id uuid  $2 merchant uuid  $3 hash bytea  $4 last_four text  $5 name text  $6 role text  $7 store uuid
-- $8 terminal uuid  $9 staff uuid  $10 networks text[]  $11 signed boolean  $12 expires_at timestamptz  $13 now
-- $14 max bigint
INSERT INTO merchant_keys (id, merchant, hash, last_four, name, role, store, terminal, staff, networks, signed, expires_at)
SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12
WHERE $9::uuid IS NOT NULL OR (
    SELECT count(*) FROM merchant_keys
    WHERE merchant = $2 AND staff IS NULL AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > $13)
) < $14::bigint
RETURNING id;

-- name: key_holder
-- Whose secret this is and what holds it in, when it counts; what somebody of the staff may give back is read anew.
-- $1 hash bytea  $2 now timestamptz
SELECT m.id AS merchant, k.id AS key, m.test, coalesce(s.role, k.role) AS role, k.store, k.terminal, k.staff,
       s.refund_max, k.networks, k.signed
FROM merchant_keys AS k JOIN merchants AS m ON m.id = k.merchant LEFT JOIN merchant_staff AS s ON s.id = k.staff
WHERE k.hash = $1 AND k.revoked_at IS NULL AND m.status = 'active' AND (k.expires_at IS NULL OR k.expires_at > $2)
  AND s.removed_at IS NULL;

-- name: keys
-- The secrets of a merchant, oldest first, without those of the staff's days at the till.
-- $1 merchant uuid  $2 limit bigint
SELECT id, last_four, created_at, revoked_at, name, role, store, terminal, staff, networks, signed, expires_at
FROM merchant_keys WHERE merchant = $1 AND staff IS NULL ORDER BY created_at DESC, id DESC LIMIT $2;

-- name: key
-- One of a merchant's secrets.
-- $1 merchant uuid  $2 id uuid
SELECT id, last_four, created_at, revoked_at, name, role, store, terminal, staff, networks, signed, expires_at
FROM merchant_keys WHERE merchant = $1 AND id = $2;

-- name: revoke_key
-- End a secret; again: keeps the first time.
-- $1 id uuid  $2 at timestamptz
UPDATE merchant_keys SET revoked_at = coalesce(revoked_at, $2) WHERE id = $1 RETURNING id;

-- name: expire_key
-- Let a secret end at a time, unless it ends sooner.
-- $1 id uuid  $2 at timestamptz
UPDATE merchant_keys SET expires_at = least(expires_at, $2) WHERE id = $1;

-- name: revoke_terminal_keys
-- End every secret of a terminal: the device's, and of whoever is signed in at it.
-- $1 terminal uuid  $2 at timestamptz
UPDATE merchant_keys SET revoked_at = $2 WHERE terminal = $1 AND revoked_at IS NULL;

-- name: revoke_staff_keys
-- End every secret of somebody of the staff.
-- $1 staff uuid  $2 at timestamptz
UPDATE merchant_keys SET revoked_at = $2 WHERE staff = $1 AND revoked_at IS NULL;

-- name: insert_account
-- Say whose a ledger account is; a second time changes nothing.
-- $1 account uuid  $2 merchant uuid  $3 currency text
INSERT INTO merchant_accounts (account, merchant, currency) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING;

-- name: accounts_of
-- The ledger accounts of a merchant.
-- $1 merchant uuid
SELECT account, currency FROM merchant_accounts WHERE merchant = $1 ORDER BY currency;

-- name: names_of_accounts
-- The names of the merchants behind these ledger accounts.
-- $1 accounts uuid[]
SELECT a.account, m.name FROM merchant_accounts AS a JOIN merchants AS m ON m.id = a.merchant
WHERE a.account = ANY($1);

-- name: owners_of_accounts
-- The merchants behind these ledger accounts.
-- $1 accounts uuid[]
SELECT account, merchant FROM merchant_accounts WHERE account = ANY($1);

-- name: offer_pairing
-- A new pairing code of a terminal takes the place of the last.
-- $1 terminal uuid  $2 hash bytea  $3 expires_at timestamptz
INSERT INTO terminal_pairings (terminal, hash, expires_at) VALUES ($1, $2, $3)
ON CONFLICT (terminal) DO UPDATE SET hash = excluded.hash, expires_at = excluded.expires_at, used_at = NULL;

-- name: take_pairing
-- Use a pairing code up: of two devices that bring it, one gets the terminal.
-- $1 hash bytea  $2 now timestamptz
UPDATE terminal_pairings AS p SET used_at = $2
FROM terminals AS t JOIN stores AS s ON s.id = t.store JOIN merchants AS m ON m.id = s.merchant
WHERE p.hash = $1 AND p.used_at IS NULL AND p.expires_at > $2 AND t.id = p.terminal AND m.status = 'active'
RETURNING m.id AS merchant, m.name, m.test, s.id AS store, s.name AS store_name, t.id AS terminal,
          t.name AS terminal_name;

-- name: insert_staff
-- Somebody new, unless the number is taken or the merchant has as many as it may.
-- $1 id uuid  $2 merchant uuid  $3 store uuid  $4 number  $5 name  $6 role text  $7 refund_max bigint  $8 code bytea
-- $9 max bigint
INSERT INTO merchant_staff (id, merchant, store, number, name, role, refund_max, code)
SELECT $1, $2, $3, $4, $5, $6, $7, $8
WHERE (SELECT count(*) FROM merchant_staff WHERE merchant = $2 AND removed_at IS NULL) < $9::bigint
ON CONFLICT (merchant, number) WHERE removed_at IS NULL DO NOTHING RETURNING id;

-- name: staff
-- Who works at a merchant's tills, by number.
-- $1 merchant uuid  $2 limit bigint
SELECT id, merchant, store, number, name, role, refund_max, code, tries, locked_until
FROM merchant_staff WHERE merchant = $1 AND removed_at IS NULL ORDER BY number LIMIT $2;

-- name: staff_by_id
-- Somebody of a merchant's staff.
-- $1 merchant uuid  $2 id uuid
SELECT id, merchant, store, number, name, role, refund_max, code, tries, locked_until
FROM merchant_staff WHERE merchant = $1 AND id = $2 AND removed_at IS NULL;

-- name: staff_by_number
-- Somebody of a merchant's staff, held still while the code is looked at: tries at once are counted one by one.
-- $1 merchant uuid  $2 number text
SELECT id, merchant, store, number, name, role, refund_max, code, tries, locked_until
FROM merchant_staff WHERE merchant = $1 AND number = $2 AND removed_at IS NULL FOR UPDATE;

-- name: change_staff
-- Write somebody anew.
-- $1 id uuid  $2 name text  $3 role text  $4 refund_max bigint  $5 code bytea
UPDATE merchant_staff SET name = $2, role = $3, refund_max = $4, tries = CASE WHEN code = $5 THEN tries ELSE 0 END,
    locked_until = CASE WHEN code = $5 THEN locked_until END, code = $5
WHERE id = $1;

-- name: count_try
-- A code was wrong, or right (0 tries).
-- $1 id uuid  $2 tries integer  $3 locked_until timestamptz
UPDATE merchant_staff SET tries = $2, locked_until = $3 WHERE id = $1;

-- name: remove_staff
-- Somebody leaves.
-- $1 merchant uuid  $2 id uuid  $3 at timestamptz
UPDATE merchant_staff SET removed_at = $3 WHERE merchant = $1 AND id = $2 AND removed_at IS NULL RETURNING id;
