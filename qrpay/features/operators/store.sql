-- Operators, their sessions, and what they decided.

-- name: insert_operator
-- Somebody new, unless the name is taken.
-- $1 id uuid  $2 name  $3 role text  $4 totp bytea  $5 enrolment bytea  $6 enrolment_until  $7 created_at timestamptz
INSERT INTO operators (id, name, role, totp, enrolment, enrolment_until, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (lower(name)) DO NOTHING RETURNING id;

-- name: operator_named
-- Somebody by name.
-- $1 name text
SELECT id, name, role, password, totp, misses, missed_until, created_at, revoked_at
FROM operators WHERE lower(name) = lower($1);

-- name: operator
-- Somebody by id.
-- $1 id uuid
SELECT id, name, role, password, totp, misses, missed_until, created_at, revoked_at FROM operators WHERE id = $1;

-- name: operators
-- Everybody, by name: a bank has few.
SELECT id, name, role, password, totp, misses, missed_until, created_at, revoked_at
FROM operators ORDER BY lower(name) LIMIT 1000;

-- name: operator_enrolling
-- Whose enrolment link this is, while it is good.
-- $1 hash bytea  $2 now timestamptz
SELECT id, name, role, password, totp, misses, missed_until, created_at, revoked_at
FROM operators WHERE enrolment = $1 AND enrolment_until > $2 AND revoked_at IS NULL;

-- name: enrol
-- Use an enrolment link up: of two who bring it, one sets the password. The code is used up with it.
-- $1 hash bytea  $2 now timestamptz  $3 password text  $4 step bigint
UPDATE operators SET password = $3, totp_step = $4, enrolment = NULL, enrolment_until = NULL, misses = 0,
    missed_until = NULL
WHERE enrolment = $1 AND enrolment_until > $2 AND revoked_at IS NULL RETURNING id;

-- name: offer_enrolment
-- A new link and a new second factor for somebody; the old password and factor end.
-- $1 id uuid  $2 totp bytea  $3 enrolment bytea  $4 enrolment_until timestamptz
UPDATE operators SET totp = $2, totp_step = 0, enrolment = $3, enrolment_until = $4, password = NULL WHERE id = $1
RETURNING id;

-- name: use_step
-- Use the code of a time step up: of two who bring it, one is let in, and no earlier one counts any more.
-- $1 id uuid  $2 step bigint
UPDATE operators SET totp_step = $2, misses = 0, missed_until = NULL
WHERE id = $1 AND totp_step < $2 AND revoked_at IS NULL RETURNING id;

-- name: count_miss
-- A wrong code came after a right password.
-- $1 id uuid  $2 max integer  $3 until timestamptz
UPDATE operators SET misses = misses + 1, missed_until = CASE WHEN (misses + 1) % $2 = 0 THEN $3 ELSE missed_until END
WHERE id = $1;

-- name: set_role
-- Give somebody another role.
-- $1 id uuid  $2 role text
UPDATE operators SET role = $2 WHERE id = $1 AND revoked_at IS NULL RETURNING id;

-- name: revoke
-- Somebody leaves; again: keeps the first time.
-- $1 id uuid  $2 at timestamptz
UPDATE operators SET revoked_at = coalesce(revoked_at, $2), enrolment = NULL WHERE id = $1 RETURNING id;

-- name: end_sessions
-- End all sessions of somebody.
-- $1 operator uuid  $2 at timestamptz
UPDATE operator_sessions SET ended_at = $2 WHERE operator = $1 AND ended_at IS NULL;

-- name: insert_session
-- A new session.
-- $1 id  $2 operator uuid  $3 hash bytea  $4 peer text  $5 now  $6 ends_at timestamptz
INSERT INTO operator_sessions (id, operator, hash, peer, created_at, seen_at, ends_at)
VALUES ($1, $2, $3, $4, $5, $5, $6);

-- name: session
-- Whose session this is, when it counts: not ended, not idle for too long, and its operator still with the bank.
-- $1 hash bytea  $2 now  $3 idle_since timestamptz
SELECT s.id, s.operator, o.name, o.role, s.seen_at, s.ends_at
FROM operator_sessions AS s JOIN operators AS o ON o.id = s.operator
WHERE s.hash = $1 AND s.ended_at IS NULL AND s.ends_at > $2 AND s.seen_at > $3 AND o.revoked_at IS NULL;

-- name: session_seen
-- A session was used.
-- $1 id uuid  $2 now timestamptz
UPDATE operator_sessions SET seen_at = $2 WHERE id = $1 AND seen_at < $2;

-- name: end_session
-- End a session; again: keeps the first time.
-- $1 id uuid  $2 at timestamptz
UPDATE operator_sessions SET ended_at = coalesce(ended_at, $2) WHERE id = $1;

-- name: decide
-- Decide, unless somebody has.
-- $1 kind text  $2 about uuid  $3 approved boolean  $4 maker uuid  $5 operator uuid  $6 reason text  $7 at timestamptz
INSERT INTO operator_decisions (kind, about, approved, maker, operator, reason, at) VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT DO NOTHING RETURNING kind;

-- name: decision
-- What was decided, and by whom.
-- $1 kind text  $2 about uuid
SELECT d.kind, d.about, d.approved, d.maker, d.operator, o.name, d.reason, d.at, d.done_at
FROM operator_decisions AS d JOIN operators AS o ON o.id = d.operator WHERE d.kind = $1 AND d.about = $2;

-- name: undone
-- Decisions that were not carried out for a while: whoever was at it died.
-- $1 before timestamptz  $2 limit bigint
SELECT d.kind, d.about, d.approved, d.maker, d.operator, o.name, d.reason, d.at, d.done_at
FROM operator_decisions AS d JOIN operators AS o ON o.id = d.operator
WHERE d.done_at IS NULL AND d.at < $1 ORDER BY d.at LIMIT $2;

-- name: carried_out
-- A decision was carried out; again: keeps the first time.
-- $1 kind text  $2 about uuid  $3 at timestamptz
UPDATE operator_decisions SET done_at = coalesce(done_at, $3) WHERE kind = $1 AND about = $2;

-- name: take_back
-- A decision that could not be carried out is none.
-- $1 kind text  $2 about uuid
DELETE FROM operator_decisions WHERE kind = $1 AND about = $2 AND done_at IS NULL;

-- check: nobody_decided_what_he_proposed
-- Four eyes.
SELECT kind, about FROM operator_decisions WHERE operator = maker;

-- name: last_act
-- The log's last line.
SELECT seq, hash FROM operator_acts ORDER BY seq DESC LIMIT 1;

-- name: insert_act
-- Write the next line, unless somebody else just took its place.
-- $1 seq  $2 asked bigint  $3 at timestamptz  $4 operator uuid  $5 name  $6 role text  $7 session uuid  $8 act text
-- $9 about text[]  $10 reason  $11 detail  $12 outcome  $13 request_id  $14 peer text  $15 hash bytea
INSERT INTO operator_acts (seq, asked, at, operator, name, role, session, act, about, reason, detail, outcome, request_id,
                           peer, hash)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)
ON CONFLICT DO NOTHING RETURNING seq;

-- name: acts
-- What was done, newest first: about one thing, by one operator.
-- $1 about text  $2 operator uuid  $3 before bigint  $4 limit bigint
SELECT seq, asked, at, operator, name, role, session, act, about, reason, detail, outcome, request_id, peer, hash
FROM operator_acts
WHERE asked IS NULL AND ($2::uuid IS NULL OR operator = $2) AND seq < $3
  AND ($1::text IS NULL OR seq = ANY (ARRAY(
      SELECT coalesce(asked, seq) FROM operator_acts WHERE about @> ARRAY[$1::text]
  )))
ORDER BY seq DESC LIMIT $4;

-- name: outcomes
-- What came of these acts.
-- $1 asked bigint[]
SELECT seq, asked, at, operator, name, role, session, act, about, reason, detail, outcome, request_id, peer, hash
FROM operator_acts WHERE asked = ANY($1);

-- name: acts_from
-- The log as it stands, oldest first, for whoever looks whether it is whole.
-- $1 after bigint  $2 limit bigint
SELECT seq, asked, at, operator, name, role, session, act, about, reason, detail, outcome, request_id, peer, hash
FROM operator_acts WHERE seq > $1 ORDER BY seq LIMIT $2;

-- check: no_line_is_missing_in_the_log_of_acts
-- Lines are numbered without a gap.
SELECT count(*), max(seq) FROM operator_acts HAVING count(*) <> coalesce(max(seq), 0);

-- name: insert_proposal
-- Propose, unless the same waits already.
-- $1 id uuid  $2 kind  $3 subject text  $4 maker uuid  $5 reason  $6 ask  $7 before text  $8 made_at timestamptz
INSERT INTO operator_proposals (id, kind, subject, maker, reason, ask, before, made_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
ON CONFLICT (kind, subject) WHERE ended_at IS NULL DO NOTHING RETURNING id;

-- name: proposals_waiting
-- What waits, oldest first.
-- $1 kind text  $2 limit bigint
SELECT p.id, p.kind, p.subject, p.maker, o.name AS maker_name, p.reason, p.ask, p.before, p.made_at, p.ended_at
FROM operator_proposals AS p JOIN operators AS o ON o.id = p.maker
WHERE p.kind = $1 AND p.ended_at IS NULL ORDER BY p.made_at LIMIT $2;

-- name: proposal
-- One proposal.
-- $1 id uuid
SELECT p.id, p.kind, p.subject, p.maker, o.name AS maker_name, p.reason, p.ask, p.before, p.made_at, p.ended_at
FROM operator_proposals AS p JOIN operators AS o ON o.id = p.maker WHERE p.id = $1;

-- name: proposal_waiting
-- The one of a kind that waits for a thing.
-- $1 kind  $2 subject text
SELECT p.id, p.kind, p.subject, p.maker, o.name AS maker_name, p.reason, p.ask, p.before, p.made_at, p.ended_at
FROM operator_proposals AS p JOIN operators AS o ON o.id = p.maker
WHERE p.kind = $1 AND p.subject = $2 AND p.ended_at IS NULL;

-- name: end_proposal
-- A proposal was decided; again: keeps the first time.
-- $1 id uuid  $2 at timestamptz
UPDATE operator_proposals SET ended_at = coalesce(ended_at, $2) WHERE id = $1;

-- name: insert_freeze
-- Freeze, unless it is frozen already; the same freeze again answers with itself.
-- $1 id uuid  $2 subject  $3 reason  $4 maker  $5 checker text  $6 frozen_at  $7 until timestamptz
WITH new AS (
    INSERT INTO operator_freezes (id, subject, reason, maker, checker, frozen_at, until)
    VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING RETURNING id
)
SELECT id FROM new UNION ALL SELECT id FROM operator_freezes WHERE id = $1 AND lifted_at IS NULL;

-- name: freeze
-- One freeze.
-- $1 id uuid
SELECT id, subject, reason, maker, checker, frozen_at, until, lifted_at FROM operator_freezes WHERE id = $1;

-- name: freezes_standing
-- What is frozen, latest first.
-- $1 limit bigint
SELECT id, subject, reason, maker, checker, frozen_at, until, lifted_at FROM operator_freezes
WHERE lifted_at IS NULL ORDER BY frozen_at DESC, id LIMIT $1;

-- name: freezes_of
-- The freezes of one thing, oldest first.
-- $1 subject text
SELECT id, subject, reason, maker, checker, frozen_at, until, lifted_at FROM operator_freezes
WHERE subject = $1 ORDER BY frozen_at LIMIT 100;

-- name: freezes_over
-- Freezes whose end has come.
-- $1 now timestamptz  $2 limit bigint
SELECT id, subject, reason, maker, checker, frozen_at, until, lifted_at FROM operator_freezes
WHERE lifted_at IS NULL AND until <= $1 ORDER BY until LIMIT $2;

-- name: lift_freeze
-- A freeze was lifted; again: keeps the first time.
-- $1 id uuid  $2 at timestamptz
UPDATE operator_freezes SET lifted_at = coalesce(lifted_at, $2) WHERE id = $1;

-- name: insert_passkey
-- Keep a passkey, unless it is known or there are as many as there may be.
-- $1 id bytea  $2 operator uuid  $3 public_key bytea  $4 sign_count bigint  $5 name text  $6 created_at  $7 max bigint
INSERT INTO operator_passkeys (id, operator, public_key, sign_count, name, created_at)
SELECT $1, $2, $3, $4, $5, $6
WHERE (SELECT count(*) FROM operator_passkeys WHERE operator = $2 AND revoked_at IS NULL) < $7::bigint
ON CONFLICT DO NOTHING RETURNING id;

-- name: passkeys_of
-- Somebody's passkeys, oldest first.
-- $1 operator uuid
SELECT id, operator, public_key, sign_count, name, created_at, used_at FROM operator_passkeys
WHERE operator = $1 AND revoked_at IS NULL ORDER BY created_at LIMIT 100;

-- name: passkey
-- A passkey that counts.
-- $1 id bytea
SELECT id, operator, public_key, sign_count, name, created_at, used_at FROM operator_passkeys
WHERE id = $1 AND revoked_at IS NULL;

-- name: use_passkey
-- A passkey was used.
-- $1 id bytea  $2 sign_count bigint  $3 at timestamptz
UPDATE operator_passkeys SET sign_count = greatest(sign_count, $2), used_at = $3 WHERE id = $1;

-- name: revoke_passkey
-- End one of somebody's passkeys.
-- $1 operator uuid  $2 id bytea  $3 at timestamptz
UPDATE operator_passkeys SET revoked_at = $3 WHERE operator = $1 AND id = $2 AND revoked_at IS NULL RETURNING id;

-- name: end_passkeys
-- End all passkeys of somebody.
-- $1 operator uuid  $2 at timestamptz
UPDATE operator_passkeys SET revoked_at = $2 WHERE operator = $1 AND revoked_at IS NULL;

-- name: use_challenge
-- Use a challenge up: of two who answer it, one is heard.
-- $1 challenge bytea  $2 until timestamptz
INSERT INTO operator_challenges (challenge, until) VALUES ($1, $2) ON CONFLICT DO NOTHING RETURNING challenge;

-- name: forget_challenges
-- Forget challenges that the time alone refuses by now.
-- $1 now timestamptz  $2 limit bigint
DELETE FROM operator_challenges WHERE ctid = ANY (ARRAY(
    SELECT ctid FROM operator_challenges WHERE until < $1 ORDER BY until LIMIT $2
));
