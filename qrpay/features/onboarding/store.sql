-- Applications to become a merchant, their papers, and who looked and decided.

-- name: insert
-- Begin an application; no row when this id is there already.
-- $1 id uuid  $2 request bytea  $3 legal_name text  $4 uscc text  $5 fields bytea  $6 at timestamptz
INSERT INTO merchant_applications (id, request, legal_name, uscc, fields, created_at, updated_at)
VALUES ($1, $2, $3, $4, $5, $6, $6)
ON CONFLICT (id) DO NOTHING RETURNING id;

-- name: application
-- One application.
-- $1 id uuid
SELECT id, request, version, status, fields, checks, submission, submitted_at, checked_by, checked_by_id, checked_note,
    decided_by, decided_at, reason, merchant, test_merchant, created_at
FROM merchant_applications WHERE id = $1;

-- name: by_submission
-- The application of a submission, while it is the latest.
-- $1 submission uuid
SELECT id, request, version, status, fields, checks, submission, submitted_at, checked_by, checked_by_id, checked_note,
    decided_by, decided_at, reason, merchant, test_merchant, created_at
FROM merchant_applications WHERE submission = $1;

-- name: listed
-- Applications, newest first.
-- $1 status text (or null)  $2 before, an application's id uuid (or null)  $3 limit integer
SELECT id, request, version, status, fields, checks, submission, submitted_at, checked_by, checked_by_id, checked_note,
    decided_by, decided_at, reason, merchant, test_merchant, created_at
FROM merchant_applications
WHERE ($1::text IS NULL OR status = $1)
    AND ($2::uuid IS NULL OR (created_at, id) < (SELECT created_at, id FROM merchant_applications WHERE id = $2))
ORDER BY created_at DESC, id DESC LIMIT $3;

-- name: waiting
-- What waits for a decision, oldest first.
-- $1 limit integer
SELECT id, request, version, status, fields, checks, submission, submitted_at, checked_by, checked_by_id, checked_note,
    decided_by, decided_at, reason, merchant, test_merchant, created_at
FROM merchant_applications WHERE status = 'submitted' ORDER BY submitted_at LIMIT $1;

-- name: change
-- Change what an applicant said, unless somebody else did meanwhile, or the bank is looking.
-- $1 id uuid  $2 version integer  $3 legal_name text  $4 uscc text  $5 fields bytea  $6 at timestamptz
UPDATE merchant_applications SET version = version + 1, legal_name = $3, uscc = $4, fields = $5, updated_at = $6
WHERE id = $1 AND version = $2 AND status IN ('draft', 'more_needed')
RETURNING id;

-- name: touch
-- Take an application for a change of its papers until the transaction ends; its status.
-- $1 id uuid  $2 at timestamptz
UPDATE merchant_applications SET version = version + 1, updated_at = $2 WHERE id = $1 RETURNING status;

-- name: note_checks
-- Keep what was found out, also when it cannot be submitted.
-- $1 id uuid  $2 version integer  $3 checks text
UPDATE merchant_applications SET checks = $3 WHERE id = $1 AND version = $2 RETURNING id;

-- name: submit
-- Hand an application to the bank, unless it was changed since it was checked; who looked before looks again.
-- $1 id uuid  $2 version integer  $3 submission uuid  $4 checks text  $5 test_merchant uuid  $6 at timestamptz
UPDATE merchant_applications
SET version = version + 1, status = 'submitted', submission = $3, checks = $4, test_merchant = $5, submitted_at = $6,
    updated_at = $6, reason = NULL, checked_by = NULL, checked_by_id = NULL, checked_note = NULL, checked_at = NULL
WHERE id = $1 AND version = $2 AND status IN ('draft', 'more_needed')
RETURNING id;

-- name: duplicates
-- Other applications of a company that were submitted or approved, oldest first.
-- $1 id uuid  $2 uscc text
SELECT id FROM merchant_applications
WHERE uscc = $2 AND id <> $1 AND status IN ('submitted', 'approved') ORDER BY created_at LIMIT 20;

-- name: check_off
-- Note who of the bank looked at what needs a person; the first stands.
-- $1 submission uuid  $2 by text  $3 by uuid  $4 note text  $5 at timestamptz
UPDATE merchant_applications SET checked_by = $2, checked_by_id = $3, checked_note = $4, checked_at = $5
WHERE submission = $1 AND status = 'submitted' AND checked_by IS NULL
RETURNING id;

-- name: ask_for_more
-- Give an application back to its applicant.
-- $1 submission uuid  $2 reason text  $3 at timestamptz
UPDATE merchant_applications SET status = 'more_needed', reason = $2, updated_at = $3
WHERE submission = $1 AND status = 'submitted'
RETURNING id;

-- name: decide
-- Decide a submission, once.
-- $1 submission uuid  $2 status text  $3 by text  $4 reason text  $5 at timestamptz  $6 merchant uuid (or null)
UPDATE merchant_applications SET status = $2, decided_by = $3, reason = $4, decided_at = $5, merchant = $6, updated_at = $5
WHERE submission = $1 AND status = 'submitted'
RETURNING id;

-- name: claim_identity
-- Make a merchant the one of a company; no row when there is one.
-- $1 uscc text  $2 merchant uuid
INSERT INTO merchant_identities (uscc, merchant) VALUES ($1, $2) ON CONFLICT (uscc) DO NOTHING RETURNING merchant;

-- name: take_key
-- Let the first key of the merchant be fetched, once; whose it is.
-- $1 id uuid  $2 at timestamptz
UPDATE merchant_applications SET key_at = $2 WHERE id = $1 AND merchant IS NOT NULL AND key_at IS NULL RETURNING merchant;

-- name: take_test_key
-- The same for the merchant for trying.
-- $1 id uuid  $2 at timestamptz
UPDATE merchant_applications SET test_key_at = $2
WHERE id = $1 AND test_merchant IS NOT NULL AND test_key_at IS NULL RETURNING test_merchant;

-- name: insert_act
-- Note what happened to an application.
-- $1 application uuid  $2 act text  $3 by text  $4 reason text  $5 at timestamptz
INSERT INTO merchant_application_acts (application, act, by, reason, at) VALUES ($1, $2, $3, $4, $5);

-- name: acts
-- What happened to an application, oldest first; people do this by hand, so there are few.
-- $1 application uuid
SELECT act, by, reason, at FROM merchant_application_acts WHERE application = $1 ORDER BY id LIMIT 1000;

-- name: of_company
-- The latest applications of a company, by its code or its legal name.
-- $1 text
SELECT id FROM merchant_applications WHERE uscc = $1 OR legal_name = $1 ORDER BY created_at DESC LIMIT 10;

-- name: forget_drafts
-- Forget applications, with their papers, that nobody went on with since a time; how many.
-- $1 before timestamptz  $2 limit integer
WITH stale AS (
    SELECT id FROM merchant_applications WHERE status = 'draft' AND updated_at < $1 ORDER BY updated_at LIMIT $2
), gone AS (
    DELETE FROM merchant_applications WHERE id IN (SELECT id FROM stale) AND status = 'draft' AND updated_at < $1
    RETURNING 1
)
SELECT count(*) FROM gone;

-- name: papers
-- The papers of an application, oldest first; there are few.
-- $1 application uuid
SELECT id, application, kind, media_type, size, sha256, created_at
FROM merchant_application_papers WHERE application = $1 ORDER BY id;

-- name: papers_of
-- The papers of these applications, oldest first.
-- $1 applications uuid[]
SELECT id, application, kind, media_type, size, sha256, created_at
FROM merchant_application_papers WHERE application = ANY ($1::uuid[]) ORDER BY id;

-- name: paper
-- One paper with its sealed content.
-- $1 application uuid  $2 id uuid
SELECT id, application, kind, media_type, size, sha256, created_at, sealed
FROM merchant_application_papers WHERE application = $1 AND id = $2;

-- name: insert_paper
-- Keep a paper.
-- $1 id uuid  $2 application uuid  $3 kind text  $4 media_type text  $5 size integer  $6 sha256 bytea
-- $7 created_at timestamptz  $8 sealed bytea
INSERT INTO merchant_application_papers (id, application, kind, media_type, size, sha256, created_at, sealed)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8);

-- name: remove_paper
-- Take a paper back.
-- $1 application uuid  $2 id uuid
DELETE FROM merchant_application_papers WHERE application = $1 AND id = $2 RETURNING id;

-- check: every_approved_application_has_its_company
-- An approved application's merchant is the one of its company, taken on with two persons' names.
SELECT a.id FROM merchant_applications AS a LEFT JOIN merchant_identities AS i ON i.merchant = a.merchant AND i.uscc = a.uscc
WHERE a.status = 'approved' AND (i.uscc IS NULL OR a.checked_by IS NULL OR a.decided_by IS NULL);
