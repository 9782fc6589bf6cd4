/** Accounts of an identity provider and the roles that it gives. */
import type {
  Identity,
  IdentityStore,
  MembershipChange,
  PossibleMembership,
  ProviderUser,
} from './contracts/identities.ts';
import type { Role } from './contracts/people.ts';
import type { Queries } from './queries.ts';

const COLUMNS = `id, email, name, is_system_admin AS "isSystemAdmin", admin_by_provider AS "isAdminByProvider", disabled`;

interface RoleRow {
  readonly orgId: string;
  readonly role: Role;
}

export function createIdentityStore({ rows, count }: Queries): IdentityStore {
  return {
    async find({ issuer, subject }) {
      const [user] = await rows<ProviderUser>(
        `SELECT ${COLUMNS} FROM users WHERE issuer = $1 AND subject = $2 FOR UPDATE`,
        [issuer, subject],
      );
      return user ?? null;
    },

    async create({ issuer, subject, email, name, passwordHash }) {
      const [user] = await rows<ProviderUser>(
        `INSERT INTO users (email, name, password_hash, issuer, subject) VALUES ($1, $2, $3, $4, $5)
         RETURNING ${COLUMNS}`,
        [email, name, passwordHash, issuer, subject],
      );
      if (user === undefined) throw new Error('the new user was not returned');
      return user;
    },

    async linkByEmail(email, { issuer, subject }: Identity) {
      const [user] = await rows<ProviderUser>(
        `UPDATE users SET issuer = $2, subject = $3, must_change_password = false
         WHERE lower(email) = lower($1) AND issuer IS NULL AND NOT is_system_admin AND NOT disabled
         RETURNING ${COLUMNS}`,
        [email, issuer, subject],
      );
      return user ?? null;
    },

    async update(userId, { email, name, isSystemAdmin, isAdminByProvider }) {
      await count(
        'UPDATE users SET email = $2, name = $3, is_system_admin = $4, admin_by_provider = $5 WHERE id = $1',
        [userId, email, name, isSystemAdmin, isAdminByProvider],
      );
    },

    async replaceMemberships(userId, roles) {
      const before = await rows<RoleRow>(
        `SELECT organization_id AS "orgId", role FROM memberships WHERE user_id = $1 AND source = 'provider'
         FOR UPDATE`,
        [userId],
      );
      const given = [...roles];
      await count(
        `DELETE FROM memberships WHERE user_id = $1 AND source = 'provider' AND organization_id <> ALL ($2::uuid[])`,
        [userId, [...roles.keys()]],
      );
      // Only the role changes: what an admin limited here (groups of devices) stays limited.
      const written = await rows<RoleRow>(
        `INSERT INTO memberships (organization_id, user_id, role, source)
         SELECT org, $1, role, 'provider' FROM unnest($2::uuid[], $3::text[]) AS given (org, role)
         ON CONFLICT (organization_id, user_id) DO UPDATE SET role = excluded.role
         WHERE memberships.source = 'provider' AND memberships.role <> excluded.role
         RETURNING organization_id AS "orgId", role`,
        [userId, given.map(([orgId]) => orgId), given.map(([, role]) => role)],
      );
      return changesOf(before, roles, written);
    },

    memberships: (userId, slugs) =>
      rows<PossibleMembership>(
        `SELECT o.id AS "orgId", o.slug AS "orgSlug", o.name AS "orgName",
                CASE WHEN m.source = 'local' THEN m.role END AS "localRole",
                CASE WHEN m.is_limited THEN ARRAY(
                  SELECT g.group_id::text FROM membership_groups g
                  WHERE g.organization_id = o.id AND g.user_id = $1 ORDER BY 1) END AS "groupIds",
                o.suspended_at IS NOT NULL AS "isSuspended",
                coalesce(s.allowed_networks::text[], '{}') AS "allowedNetworks",
                coalesce(s.require_totp, false) AS "requireTotp", s.session_idle_minutes AS "sessionIdleMinutes"
         FROM organizations o
         LEFT JOIN memberships m ON m.organization_id = o.id AND m.user_id = $1
         LEFT JOIN organization_security s ON s.organization_id = o.id
         WHERE o.slug = ANY ($2::text[]) OR m.source = 'local' ORDER BY o.name, o.id`,
        [userId, [...slugs]],
      ),
  };
}

/** Pure. */
function changesOf(
  before: readonly RoleRow[],
  roles: ReadonlyMap<string, Role>,
  written: readonly RoleRow[],
): MembershipChange[] {
  const earlier = new Map(before.map(({ orgId, role }) => [orgId, role]));
  const lost = before
    .filter(({ orgId }) => !roles.has(orgId))
    .map(({ orgId, role }) => ({ orgId, before: role, after: null }));
  const gained = written.map(({ orgId, role }) => ({
    orgId,
    before: earlier.get(orgId) ?? null,
    after: role,
  }));
  return [...lost, ...gained];
}
