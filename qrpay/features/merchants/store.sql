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

-- name: terminal_taken
-- When a device lost a terminal, after a moment: paired anew, or taken away.
-- $1 terminal uuid  $2 since timestamptz
SELECT max(revoked_at) FROM merchant_keys WHERE terminal = $1 AND role = 'terminal' AND revoked_at >= $2;

-- name: any_store
-- A store, whosever it is.
-- $1 id uuid
SELECT id, merchant, name, code FROM stores WHERE id = $1;

-- name: merchants_named
-- Merchants of this name; an operator asks, so that no index is kept for it.
-- $1 name text  $2 limit bigint
SELECT id FROM merchants WHERE lower(name) = lower($1) OR lower(name_latin) = lower($1) ORDER BY id LIMIT $2;
