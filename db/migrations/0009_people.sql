-- Who may see what within an organisation, and the life of an organisation: groups of devices, roles limited to some of
-- them, suspension and deletion with a grace, and what an organisation asks of its people.

ALTER TABLE organizations
    ADD COLUMN suspended_at      timestamptz,
    ADD COLUMN suspension_reason varchar(500),
    -- Set where it is to be deleted: nothing of it is touched before.
    ADD COLUMN delete_after      timestamptz,
    ADD CONSTRAINT organizations_suspension_check CHECK ((suspended_at IS NULL) = (suspension_reason IS NULL)),
    -- What is to be deleted is suspended until then.
    ADD CONSTRAINT organizations_deletion_check CHECK (delete_after IS NULL OR suspended_at IS NOT NULL);
CREATE INDEX idx_organizations_suspended ON organizations (slug) WHERE suspended_at IS NOT NULL;
CREATE INDEX idx_organizations_delete_after ON organizations (delete_after) WHERE delete_after IS NOT NULL;

CREATE TABLE device_groups (
    id              uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    organization_id uuid NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    name            varchar(100) NOT NULL,
    description     varchar(500),
    created_at      timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT device_groups_name_key UNIQUE (organization_id, name),
    -- For the composite foreign keys: a group holds devices and people of its own organisation alone.
    CONSTRAINT device_groups_owner_key UNIQUE (organization_id, id)
);

ALTER TABLE edge_devices ADD CONSTRAINT edge_devices_owner_key UNIQUE (organization_id, id);

CREATE TABLE device_group_members (
    group_id        uuid NOT NULL,
    device_id       uuid NOT NULL,
    organization_id uuid NOT NULL,
    added_at        timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (group_id, device_id),
    FOREIGN KEY (organization_id, group_id) REFERENCES device_groups (organization_id, id) ON DELETE CASCADE,
    FOREIGN KEY (organization_id, device_id) REFERENCES edge_devices (organization_id, id) ON DELETE CASCADE
);
CREATE INDEX idx_device_group_members_device ON device_group_members (device_id);
CREATE INDEX idx_device_group_members_org ON device_group_members (organization_id, device_id);

-- A device that moves to another organisation leaves the groups of the old one.
CREATE FUNCTION leave_groups_on_move() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM device_group_members WHERE device_id = OLD.id;
    RETURN NEW;
END $$;
DO $$
BEGIN
    EXECUTE format('ALTER FUNCTION leave_groups_on_move() SECURITY DEFINER SET search_path = %I, pg_temp', current_schema());
END $$;
CREATE TRIGGER edge_devices_move BEFORE UPDATE OF organization_id ON edge_devices
    FOR EACH ROW WHEN (OLD.organization_id <> NEW.organization_id) EXECUTE FUNCTION leave_groups_on_move();

-- Apart from the list of groups: a role whose last group is deleted must not become one for every device.
ALTER TABLE memberships ADD COLUMN is_limited boolean NOT NULL DEFAULT false;

CREATE TABLE membership_groups (
    organization_id uuid NOT NULL,
    user_id         uuid NOT NULL,
    group_id        uuid NOT NULL,
    PRIMARY KEY (organization_id, user_id, group_id),
    FOREIGN KEY (organization_id, user_id) REFERENCES memberships (organization_id, user_id) ON DELETE CASCADE,
    FOREIGN KEY (organization_id, group_id) REFERENCES device_groups (organization_id, id) ON DELETE CASCADE
);
CREATE INDEX idx_membership_groups_user ON membership_groups (user_id);
CREATE INDEX idx_membership_groups_group ON membership_groups (group_id);

CREATE TABLE organization_security (
    organization_id      uuid PRIMARY KEY REFERENCES organizations (id) ON DELETE CASCADE,
    version              integer NOT NULL CHECK (version >= 1),
    require_totp         boolean NOT NULL,
    session_idle_minutes integer CHECK (session_idle_minutes >= 5),
    -- Empty = from everywhere.
    allowed_networks     cidr[] NOT NULL,
    enrollment_approval  varchar(20) NOT NULL CHECK (enrollment_approval IN ('never', 'always', 'unknown_hardware')),
    max_api_key_days     integer CHECK (max_api_key_days >= 1),
    updated_at           timestamptz NOT NULL DEFAULT now(),
    updated_by           varchar(320) NOT NULL
);

CREATE INDEX idx_users_email_id ON users (lower(email), id);

SELECT protect_organization_rows('device_groups');
SELECT protect_organization_rows('device_group_members');
SELECT protect_organization_rows('membership_groups');
SELECT protect_organization_rows('organization_security');
