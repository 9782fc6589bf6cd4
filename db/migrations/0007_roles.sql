-- Who may do what in an organisation: the roles between admin and member.

ALTER TABLE memberships DROP CONSTRAINT memberships_role_check;
ALTER TABLE memberships ADD CONSTRAINT memberships_role_check
    CHECK (role IN ('org_admin', 'operator', 'release_manager', 'auditor', 'org_member'));
