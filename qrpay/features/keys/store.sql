-- name: lock
-- One process at a time makes, rotates or revokes keys. Held to the end of the transaction; no payment waits for it.
SELECT pg_advisory_xact_lock(9007199254740);

-- name: announce
-- Tell every process, at commit, to load the keys again.
SELECT pg_notify('qrpay_keys', '');

-- name: insert
-- A new key.
-- $1 kid text  $2 purpose text  $3 alg text  $4 public bytea  $5 private bytea (sealed)
-- $6 not_before  $7 sign_until  $8 verify_until timestamptz
INSERT INTO signing_keys (kid, purpose, alg, public, private, not_before, sign_until, verify_until)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8);

-- name: all
-- Every key, oldest first.
SELECT kid, purpose, alg, public, private, not_before, sign_until, verify_until, revoked_at
FROM signing_keys ORDER BY purpose, not_before, kid;

-- name: retire
-- Let the keys of a purpose sign no longer than this; each then verifies as long as what it signed may live.
-- $1 purpose text  $2 until timestamptz  $3 verify_for interval
UPDATE signing_keys SET sign_until = $2, verify_until = $2 + $3
WHERE purpose = $1 AND sign_until > $2 AND revoked_at IS NULL;

-- name: revoke
-- Declare a key leaked; again: keeps the first time.
-- $1 kid text  $2 at timestamptz
UPDATE signing_keys SET revoked_at = coalesce(revoked_at, $2) WHERE kid = $1 RETURNING purpose;

-- check: a_private_key_is_never_in_clear
-- A sealed seed is 12 bytes of nonce, 32 of seed and 16 of tag; a bare one would be 32.
SELECT kid FROM signing_keys WHERE octet_length(private) < 60;
