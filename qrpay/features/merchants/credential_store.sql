-- What merchants call with: keys, paired terminals, staff, public keys and nonces.

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

-- name: holder_by_id
-- The same of a key by its id, whether it counts or has ended.
-- $1 merchant uuid  $2 id uuid
SELECT m.id AS merchant, k.id AS key, m.test, coalesce(s.role, k.role) AS role, k.store, k.terminal, k.staff,
       s.refund_max, k.networks, k.signed
FROM merchant_keys AS k JOIN merchants AS m ON m.id = k.merchant LEFT JOIN merchant_staff AS s ON s.id = k.staff
WHERE k.merchant = $1 AND k.id = $2;

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

-- name: insert_signer
-- A public key, unless the merchant has it already or has as many in use as it may.
-- $1 id uuid  $2 merchant uuid  $3 name text  $4 public bytea  $5 max bigint
INSERT INTO merchant_signers (id, merchant, name, public)
SELECT $1, $2, $3, $4
WHERE (SELECT count(*) FROM merchant_signers WHERE merchant = $2 AND revoked_at IS NULL) < $5::bigint
ON CONFLICT (merchant, public) DO NOTHING RETURNING id;

-- name: signers
-- The public keys of a merchant, latest first.
-- $1 merchant uuid  $2 limit bigint
SELECT id, name, public, revoked_at, created_at FROM merchant_signers
WHERE merchant = $1 ORDER BY created_at DESC, id DESC LIMIT $2;

-- name: revoke_signer
-- End a public key; again: keeps the first time.
-- $1 merchant uuid  $2 id uuid  $3 at timestamptz
UPDATE merchant_signers SET revoked_at = coalesce(revoked_at, $3) WHERE merchant = $1 AND id = $2 RETURNING id;

-- name: use_nonces
-- Use nonces up; each comes back with the request that has it, which is another's when it was used before.
-- $1 signers uuid[]  $2 hashes bytea[]  $3 requests uuid[]  $4 until timestamptz[]
WITH asked AS (
    SELECT * FROM unnest($1::uuid[], $2::bytea[], $3::uuid[], $4::timestamptz[]) AS a (signer, hash, request, until)
), fresh AS (
    INSERT INTO signature_nonces (signer, hash, request, until)
    SELECT DISTINCT ON (signer, hash) signer, hash, request, until FROM asked ORDER BY signer, hash
    ON CONFLICT DO NOTHING
    RETURNING signer, hash, request
)
SELECT signer, hash, request FROM fresh
UNION ALL
SELECT n.signer, n.hash, n.request FROM signature_nonces AS n JOIN asked USING (signer, hash);

-- name: forget_nonces
-- Forget nonces of requests that the time alone refuses by now.
-- $1 now timestamptz  $2 limit bigint
DELETE FROM signature_nonces WHERE ctid = ANY (ARRAY(
    SELECT ctid FROM signature_nonces WHERE until < $1 ORDER BY until LIMIT $2
));

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
WHERE p.hash = $1 AND p.used_at IS NULL AND p.expires_at > $2 AND t.id = p.terminal AND NOT t.frozen
  AND m.status = 'active'
RETURNING m.id AS merchant, m.name, m.test, s.id AS store, s.name AS store_name, t.id AS terminal,
          t.name AS terminal_name;

-- name: freeze_terminal
-- No device becomes this terminal while it is frozen.
-- $1 terminal uuid  $2 frozen boolean
UPDATE terminals SET frozen = $2 WHERE id = $1 RETURNING id;

-- name: end_pairing
-- A terminal's pairing code is good no more.
-- $1 terminal uuid  $2 at timestamptz
UPDATE terminal_pairings SET used_at = $2 WHERE terminal = $1 AND used_at IS NULL;

-- name: terminal_state
-- A terminal, its store and merchant, and whether it is frozen.
-- $1 terminal uuid
SELECT t.id, t.name, t.code, t.frozen, s.id AS store, s.name AS store_name, s.merchant
FROM terminals AS t JOIN stores AS s ON s.id = t.store WHERE t.id = $1;

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
