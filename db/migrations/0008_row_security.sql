-- The second wall: what runs for a person runs as the role edge_tenant, which owns nothing and sees only rows of the
-- organisations named by the transaction's setting edge.orgs, whatever the query says. Without the setting it sees none.

DO $$
DECLARE
    membership constant text := format('GRANT edge_tenant TO %I;', current_user);
    set_option constant text :=
        CASE WHEN current_setting('server_version_num')::int >= 160000 THEN 'SET' ELSE 'MEMBER' END;
BEGIN
    -- Roles belong to all databases of a server: another migration may make the same one meanwhile.
    IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = 'edge_tenant') THEN
        BEGIN
            CREATE ROLE edge_tenant NOLOGIN NOINHERIT;
        EXCEPTION
            WHEN duplicate_object OR unique_violation THEN NULL;
            WHEN insufficient_privilege THEN
                RAISE EXCEPTION 'row-level security needs the role edge_tenant, and % may not create it; as an administrator run: CREATE ROLE edge_tenant NOLOGIN NOINHERIT; %', current_user, membership;
        END;
    END IF;
    IF EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = 'edge_tenant' AND (rolsuper OR rolbypassrls)) THEN
        RAISE EXCEPTION 'the role edge_tenant would pass row-level security; run: ALTER ROLE edge_tenant NOSUPERUSER NOBYPASSRLS;';
    END IF;
    IF NOT pg_catalog.pg_has_role(current_user, 'edge_tenant', set_option) THEN
        BEGIN
            GRANT edge_tenant TO CURRENT_USER;
        EXCEPTION
            WHEN unique_violation THEN NULL;
            WHEN insufficient_privilege THEN
                RAISE EXCEPTION 'row-level security needs % to be a member of the role edge_tenant; as an administrator run: %', current_user, membership;
        END;
    END IF;
    IF NOT pg_catalog.has_schema_privilege('edge_tenant', current_schema(), 'USAGE') THEN
        EXECUTE format('GRANT USAGE ON SCHEMA %I TO edge_tenant', current_schema());
    END IF;
END $$;

-- Views in place of the time series, found before the tables by the role's search_path.
CREATE SCHEMA tenant;
GRANT USAGE ON SCHEMA tenant TO edge_tenant;

-- What the settings of this transaction allow. Policies ask these in scalar sub-selects: once per query, not per row.
CREATE FUNCTION tenant_sees_all() RETURNS boolean LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT coalesce(pg_catalog.current_setting('edge.orgs', true) = '*', false)
$$;
CREATE FUNCTION tenant_orgs() RETURNS uuid[] LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN pg_catalog.current_setting('edge.orgs', true) IN ('', '*') THEN '{}'::uuid[]
           ELSE pg_catalog.string_to_array(pg_catalog.current_setting('edge.orgs', true), ',')::uuid[] END
$$;
-- The person who asks; null where a device does.
CREATE FUNCTION tenant_user() RETURNS uuid LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT nullif(pg_catalog.current_setting('edge.user', true), '')::uuid
$$;
GRANT EXECUTE ON FUNCTION tenant_sees_all(), tenant_orgs(), tenant_user() TO edge_tenant;

-- Row-level security by a condition in SQL, which holds for what is read and for what is written.
CREATE FUNCTION protect_rows(table_name regclass, condition text, privileges text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', table_name);
    EXECUTE format('DROP POLICY IF EXISTS tenant_rows ON %s', table_name);
    EXECUTE format('CREATE POLICY tenant_rows ON %s FOR ALL TO edge_tenant '
                   'USING ((SELECT tenant_sees_all()) OR (%s)) WITH CHECK ((SELECT tenant_sees_all()) OR (%s))',
                   table_name, condition, condition);
    EXECUTE format('REVOKE ALL ON %s FROM edge_tenant', table_name);
    EXECUTE format('GRANT %s ON %s TO edge_tenant', privileges, table_name);
END $$;

-- Rows with organization_id. Where that is null, a system admin alone sees the row.
CREATE FUNCTION protect_organization_rows(
    table_name regclass, privileges text DEFAULT 'SELECT, INSERT, UPDATE, DELETE'
) RETURNS void LANGUAGE sql AS $$
    SELECT protect_rows(table_name, 'organization_id = ANY ((SELECT tenant_orgs())::uuid[])', privileges)
$$;
-- Rows with device_id that belong to whom the device belongs.
CREATE FUNCTION protect_device_rows(
    table_name regclass, privileges text DEFAULT 'SELECT, INSERT, UPDATE, DELETE'
) RETURNS void LANGUAGE sql AS $$
    SELECT protect_rows(
        table_name, format('EXISTS (SELECT FROM edge_devices d WHERE d.id = %s.device_id)', table_name), privileges)
$$;
-- Rows with user_id: a person's own.
CREATE FUNCTION protect_person_rows(
    table_name regclass, privileges text DEFAULT 'SELECT, INSERT, UPDATE, DELETE'
) RETURNS void LANGUAGE sql AS $$
    SELECT protect_rows(table_name, 'user_id = (SELECT tenant_user())', privileges)
$$;
-- Time series: no right on the table, but a view that planners see through. Compressed chunks know no row security,
-- and row security keeps log_words(..) @@ .. from the words' index. Run it again after a change of columns.
CREATE FUNCTION protect_series_rows(table_name regclass, privileges text DEFAULT 'SELECT') RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    view_name constant text := (SELECT quote_ident(relname) FROM pg_class WHERE oid = table_name);
BEGIN
    EXECUTE format('CREATE OR REPLACE VIEW tenant.%s AS SELECT * FROM %s '
                   'WHERE (SELECT tenant_sees_all()) OR organization_id = ANY ((SELECT tenant_orgs())::uuid[]) '
                   'WITH LOCAL CHECK OPTION',
                   view_name, table_name);
    EXECUTE format('REVOKE ALL ON %s FROM edge_tenant', table_name);
    EXECUTE format('GRANT %s ON tenant.%s TO edge_tenant', privileges, view_name);
END $$;

SELECT protect_rows('organizations', 'id = ANY ((SELECT tenant_orgs())::uuid[])', 'SELECT, INSERT, UPDATE, DELETE');
SELECT protect_organization_rows('memberships');
SELECT protect_organization_rows('edge_devices');
SELECT protect_organization_rows('deleted_devices');
SELECT protect_organization_rows('registration_tokens');
SELECT protect_organization_rows('integrators');
SELECT protect_organization_rows('device_certificates');
SELECT protect_organization_rows('telemetry_settings');
SELECT protect_organization_rows('metric_types');
SELECT protect_organization_rows('ingest_minutes', 'SELECT');
SELECT protect_organization_rows('broker_refusals', 'SELECT');
SELECT protect_device_rows('device_presence');
SELECT protect_device_rows('device_configurations');
SELECT protect_device_rows('device_log_services', 'SELECT');
SELECT protect_device_rows('metric_hours_dirty', 'SELECT');
SELECT protect_rows('registration_token_uses',
    'EXISTS (SELECT FROM registration_tokens t WHERE t.id = registration_token_uses.token_id)',
    'SELECT, INSERT, UPDATE, DELETE');
-- Dead letters name the organisation as the topic did.
SELECT protect_rows('dead_letters', 'org_slug = ANY (ARRAY(SELECT slug FROM organizations))', 'SELECT');
SELECT protect_person_rows('sessions');

-- A person is seen by the members of a common organisation, and changes nobody else.
SELECT protect_rows('users', 'id = (SELECT tenant_user())', 'SELECT, INSERT, UPDATE, DELETE');
CREATE POLICY tenant_members ON users FOR SELECT TO edge_tenant
    USING (EXISTS (SELECT FROM memberships m WHERE m.user_id = users.id));

-- Refused strangers and sign-ins are rows of no organisation: written by everybody, read by system admins.
SELECT protect_organization_rows('audit_log', 'SELECT, INSERT');
CREATE POLICY tenant_strangers ON audit_log FOR INSERT TO edge_tenant WITH CHECK (organization_id IS NULL);

SELECT protect_series_rows('device_metrics');
SELECT protect_series_rows('device_metrics_1m');
SELECT protect_series_rows('device_metrics_1h');
SELECT protect_series_rows('device_metrics_1d');
SELECT protect_series_rows('device_logs');
-- Whoever revokes a device notes that it went offline.
SELECT protect_series_rows('presence_events', 'SELECT, INSERT');
GRANT USAGE ON SEQUENCE presence_events_id_seq TO edge_tenant;

-- Whoever may delete a device deletes its time series, on which nobody has a right of their own.
DO $$
BEGIN
    EXECUTE format('ALTER FUNCTION delete_series_of_device() SECURITY DEFINER SET search_path = %I, pg_temp', current_schema());
END $$;
