/** Who belongs to which organisation, as what, and limited to which groups of its devices. */
import { and, eq, sql } from 'drizzle-orm';
import { memberships, users } from '../schema/people.ts';
import type { Member, Membership, UserStore } from './contracts/people.ts';
import { openPage } from './page.ts';
import { allOf, type Queries } from './queries.ts';

type MemberStore = Pick<
  UserStore,
  'memberships' | 'members' | 'member' | 'addMember' | 'updateMember' | 'removeMember' | 'lockOrgAdmins'
>;

/** Of a row of memberships; null where the role holds for all devices. */
const groupsOf = (row: string) => `CASE WHEN ${row}.is_limited THEN ARRAY(
  SELECT g.group_id::text FROM membership_groups g
  WHERE g.organization_id = ${row}.organization_id AND g.user_id = ${row}.user_id ORDER BY 1) END`;

const memberColumns = {
  userId: users.id,
  email: users.email,
  name: users.name,
  role: memberships.role,
  groupIds: sql<string[] | null>`${sql.raw(groupsOf('memberships'))}`,
  isDisabled: users.disabled,
  createdAt: memberships.createdAt,
  lastLoginAt: users.lastLoginAt,
};
/** Service accounts are no people: their own store lists and changes them. */
const isPerson = eq(users.kind, 'person');
const isMember = (orgId: string, userId: string) =>
  and(eq(memberships.organizationId, orgId), eq(memberships.userId, userId));

export function createMemberStore({ orm, rows, count }: Queries): MemberStore {
  async function setGroups(orgId: string, userId: string, groupIds: readonly string[] | null): Promise<void> {
    await count('DELETE FROM membership_groups WHERE organization_id = $1 AND user_id = $2', [orgId, userId]);
    if (groupIds === null || groupIds.length === 0) return;
    await count(
      `INSERT INTO membership_groups (organization_id, user_id, group_id)
       SELECT DISTINCT $1::uuid, $2::uuid, id FROM unnest($3::uuid[]) AS id`,
      [orgId, userId, [...groupIds]],
    );
  }

  return {
    memberships: (userId) =>
      rows<Membership>(
        `SELECT o.id AS "orgId", o.slug AS "orgSlug", o.name AS "orgName", m.role, ${groupsOf('m')} AS "groupIds",
                o.suspended_at IS NOT NULL AS "isSuspended",
                coalesce(s.allowed_networks::text[], '{}') AS "allowedNetworks",
                coalesce(s.require_totp, false) AS "requireTotp", s.session_idle_minutes AS "sessionIdleMinutes"
         FROM memberships m
         JOIN organizations o ON o.id = m.organization_id
         LEFT JOIN organization_security s ON s.organization_id = m.organization_id
         WHERE m.user_id = $1 ORDER BY o.name, o.id`,
        [userId],
      ),

    async members(orgId, request) {
      const page = openPage(
        {
          parts: [
            { key: sql`lower(${users.email})`, kind: 'text' },
            { key: users.id, kind: 'uuid' },
          ],
          descending: false,
          boundTo: ['members', orgId],
        },
        request,
      );
      const ofOrg = and(eq(memberships.organizationId, orgId), isPerson);
      const found = await orm
        .select({ ...memberColumns, cursorKeys: page.cursorKeys })
        .from(memberships)
        .innerJoin(users, eq(users.id, memberships.userId))
        .where(allOf(ofOrg, page.after))
        .orderBy(...page.orderBy)
        .limit(page.limit)
        .offset(page.offset);
      const [counted] = await orm
        .select({ total: sql<number>`count(*)::int` })
        .from(memberships)
        .innerJoin(users, eq(users.id, memberships.userId))
        .where(ofOrg);
      return page.close(found, counted?.total ?? 0, ({ cursorKeys: _, ...member }): Member => member);
    },

    async member(orgId, userId) {
      const [row] = await orm
        .select(memberColumns)
        .from(memberships)
        .innerJoin(users, eq(users.id, memberships.userId))
        .where(and(isMember(orgId, userId), isPerson));
      return row ?? null;
    },

    async addMember(orgId, userId, role, groupIds = null) {
      await orm
        .insert(memberships)
        .values({ organizationId: orgId, userId, role, isLimited: groupIds !== null });
      await setGroups(orgId, userId, groupIds);
    },

    async updateMember(orgId, userId, role, groupIds = null) {
      const result = await orm
        .update(memberships)
        .set({ role, isLimited: groupIds !== null })
        .where(isMember(orgId, userId));
      if (result.rowCount !== 1) return false;
      await setGroups(orgId, userId, groupIds);
      return true;
    },

    async removeMember(orgId, userId) {
      const result = await orm.delete(memberships).where(isMember(orgId, userId));
      return result.rowCount === 1;
    },

    async lockOrgAdmins(orgId) {
      const found = await rows<{ id: string }>(
        `SELECT m.user_id AS id FROM memberships m JOIN users u ON u.id = m.user_id
         WHERE m.organization_id = $1 AND m.role = 'org_admin' AND NOT m.is_limited
           AND u.kind = 'person' AND NOT u.disabled
         ORDER BY m.user_id FOR UPDATE OF m`,
        [orgId],
      );
      return found.map(({ id }) => id);
    },
  };
}
