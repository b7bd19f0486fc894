-- as: the connecting user
--
-- Two roles. qrpay_owner owns every table and function, and runs the migrations. qrpay_app is what the application
-- connects as: it reads, and may write only what a migration grants. Roles belong to the whole server, so another
-- database may have made them already, or be making them in this very moment.
DO $$
DECLARE
    role_name text;
BEGIN
    FOREACH role_name IN ARRAY ARRAY['qrpay_owner', 'qrpay_app'] LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role_name) THEN
            BEGIN
                EXECUTE format('CREATE ROLE %I LOGIN', role_name);
            EXCEPTION
                WHEN duplicate_object OR unique_violation THEN
                    NULL;
            END;
        END IF;
    END LOOP;
    -- Whoever makes a role may give it to himself, but does not have its rights by that alone (PostgreSQL 16).
    IF NOT pg_has_role(current_user, 'qrpay_owner', 'USAGE') THEN
        EXECUTE format('GRANT qrpay_owner TO %I', current_user);
    END IF;
EXCEPTION
    WHEN insufficient_privilege THEN
        RAISE EXCEPTION '% may not make the roles qrpay_owner and qrpay_app, or is no member of qrpay_owner', current_user
            USING HINT = 'Let an administrator run what is missing of: CREATE ROLE qrpay_owner LOGIN; '
                || format('CREATE ROLE qrpay_app LOGIN; GRANT qrpay_owner TO %I; then migrate again.', current_user);
END
$$;

GRANT USAGE, CREATE ON SCHEMA public TO qrpay_owner;
GRANT USAGE ON SCHEMA public TO qrpay_app;

-- Whatever the owner makes from here on, the application may read and call. Nobody else may call it.
ALTER DEFAULT PRIVILEGES FOR ROLE qrpay_owner GRANT SELECT ON TABLES TO qrpay_app;
ALTER DEFAULT PRIVILEGES FOR ROLE qrpay_owner REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;
ALTER DEFAULT PRIVILEGES FOR ROLE qrpay_owner GRANT EXECUTE ON FUNCTIONS TO qrpay_app;

ALTER TABLE migrations OWNER TO qrpay_owner;
GRANT SELECT ON migrations TO qrpay_app;
