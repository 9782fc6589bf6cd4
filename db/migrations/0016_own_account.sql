-- What a person's request may change of people: who a person is to the installation is for system admins alone, even
-- where a statement would say otherwise. Nobody is deleted by a request; a service account's user goes by a trigger.

REVOKE UPDATE, DELETE ON users FROM edge_tenant;
GRANT UPDATE (name, password_hash, must_change_password, is_system_admin, disabled) ON users TO edge_tenant;

-- The last two of these columns are of the same row as the others: a grant cannot tell for whose sake they change.
CREATE FUNCTION refuse_own_standing() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF current_user = 'edge_tenant' AND NOT tenant_sees_all() THEN
        RAISE EXCEPTION 'only a system admin changes who is a system admin or disabled'
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER users_standing BEFORE UPDATE OF is_system_admin, disabled ON users
    FOR EACH ROW WHEN (OLD.is_system_admin <> NEW.is_system_admin OR OLD.disabled <> NEW.disabled)
    EXECUTE FUNCTION refuse_own_standing();
