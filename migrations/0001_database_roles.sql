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
                WHEN insufficient_privilege THEN
                    RAISE EXCEPTION 'the role % is missing, and % may not make it', role_name, current_user
                        USING HINT = 'Let an administrator run: CREATE ROLE qrpay_owner LOGIN; CREATE ROLE qrpay_app LOGIN; '
                            || format('GRANT qrpay_owner TO %I; then migrate again.', current_user);
            END;
        END IF;
    END LOOP;
    IF NOT pg_has_role(current_user, 'qrpay_owner', 'MEMBER') THEN
        EXECUTE format('GRANT qrpay_owner TO %I', current_user);
    END IF;
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
