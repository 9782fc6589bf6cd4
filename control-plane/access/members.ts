/** People of an organisation: list, add, change the role, take out. */
import type { Database, Member, Stores, User } from '#db';
import type { BodyOf, MemberView } from '#web-api';
import { type AuditDraft, audited, auditedOutside, byPerson } from '../audit/audited.ts';
import { changesBetween } from '../audit/changes.ts';
import { AppError } from '../errors.ts';
import type { Logger } from '../log.ts';
import type { AccessUseCases, Person } from '../use-cases.ts';
import { announceAccess } from './announce-access.ts';
import { toListed, toPageRequest } from './list-page.ts';
import type { Passwords } from './passwords.ts';
import { listScope, permit } from './permit.ts';
import { normalEmail } from './sign-in.ts';

interface MemberDeps {
  readonly database: Database;
  readonly passwords: Passwords;
  readonly log: Logger;
  readonly now: () => Date;
}

type MemberUseCases = Pick<AccessUseCases, 'listMembers' | 'addMember' | 'updateMember' | 'removeMember'>;

export function createMembers(deps: MemberDeps): MemberUseCases {
  const { database, passwords } = deps;
  // People belong to no organisation: who is added may be known to others only, or to none yet.
  const { asOwner } = database;
  return {
    async listMembers(person, orgId, query) {
      await listScope(database.organizations, person, 'member.read', orgId);
      return toListed(await database.users.members(orgId, toPageRequest(query)), memberView);
    },

    async addMember(person, orgId, body) {
      const email = normalEmail(body.email);
      const draft = byPerson(person, 'member.add', `user:${email}`);
      // Hashing takes 0.1 s: outside the transaction, and only after the caller was let in.
      const passwordHash = await auditedOutside(deps, draft, async () => {
        await permitMembers(database, person, orgId, draft);
        if ((await asOwner(() => database.users.findByEmail(email))) !== null) return null;
        if (body.password === undefined) throw new AppError('member.password_required');
        return passwords.hash(body.password);
      });
      return audited(deps, draft, async (stores, entry) => {
        const user = await asOwner(() => personToAdd(stores, email, body, passwordHash));
        const groupIds = await groupsOf(stores, orgId, body);
        await stores.users.addMember(orgId, user.id, body.role, groupIds);
        entry.object = `user:${user.id}`;
        entry.detail = { email, role: body.role, group_ids: groupIds, created: passwordHash !== null };
        return memberView(await memberOf(stores, orgId, user.id));
      });
    },

    async updateMember(person, orgId, userId, body) {
      return audited(deps, byPerson(person, 'member.update', `user:${userId}`), async (stores, entry) => {
        await permitMembers(stores, person, orgId, entry);
        const before = await memberOf(stores, orgId, userId);
        refuseSelf(person, before);
        if (body.role !== 'org_admin') await keepAnAdmin(stores, person, orgId, before);
        const groupIds = await groupsOf(stores, orgId, body);
        await stores.users.updateMember(orgId, before.userId, body.role, groupIds);
        const after = await memberOf(stores, orgId, before.userId);
        entry.detail = { email: before.email, ...changesBetween(shownFields(before), shownFields(after)) };
        await announceAccess(stores, orgId, deps.now());
        return memberView(after);
      });
    },

    async removeMember(person, orgId, userId) {
      await audited(deps, byPerson(person, 'member.remove', `user:${userId}`), async (stores, entry) => {
        await permitMembers(stores, person, orgId, entry);
        const before = await memberOf(stores, orgId, userId);
        refuseSelf(person, before);
        await keepAnAdmin(stores, person, orgId, before);
        if (!(await stores.users.removeMember(orgId, before.userId))) throw new AppError('member.not_found');
        entry.detail = { email: before.email, role: before.role };
        await announceAccess(stores, orgId, deps.now());
      });
    },
  };
}

async function permitMembers(
  stores: Pick<Stores, 'organizations'>,
  person: Person,
  orgId: string,
  entry: AuditDraft,
): Promise<void> {
  const organization = await stores.organizations.find(orgId);
  permit(person, 'member.write', organization?.id, 'organization.not_found', entry);
}

/** The rule that lets nobody raise their own role, nor lock an organisation out by leaving it. */
function refuseSelf(person: Person, member: Member): void {
  // Compares what the database has: a UUID in the address may be spelled in upper case.
  if (person.userId === member.userId) throw new AppError('member.self');
}

/**
 * Nobody but a system admin leaves an organisation without an admin. Locks the admins, so that of two who take each
 * other out, the second sees what the first did. @throws AppError 'member.last_admin'
 */
async function keepAnAdmin(stores: Stores, person: Person, orgId: string, leaving: Member): Promise<void> {
  if (person.isSystemAdmin || leaving.role !== 'org_admin') return;
  const admins = await stores.users.lockOrgAdmins(orgId);
  // Whoever was taken out meanwhile takes nobody out.
  if (!admins.includes(person.userId) && person.apiKey === null) throw new AppError('auth.forbidden');
  if (!admins.some((id) => id !== leaving.userId)) throw new AppError('member.last_admin');
}

/** What the role is limited to; null: nothing. @throws AppError 'member.admin_limited', 'request.invalid' naming `group_ids` */
async function groupsOf(
  stores: Pick<Stores, 'groups'>,
  orgId: string,
  { role, group_ids }: BodyOf<'members.update'>,
): Promise<readonly string[] | null> {
  if (group_ids === undefined || group_ids === null) return null;
  if (role === 'org_admin') throw new AppError('member.admin_limited');
  const wanted = [...new Set(group_ids.map((id) => id.toLowerCase()))];
  const known = await stores.groups.known(orgId, wanted);
  if (known.length === wanted.length) return wanted;
  throw new AppError('request.invalid', {
    errors: [{ path: 'group_ids', message: 'not all of them are groups of the organisation' }],
  });
}

/** A known person keeps name and password, whatever the body says: an admin must not take an account over. */
async function personToAdd(
  stores: Stores,
  email: string,
  body: BodyOf<'members.add'>,
  passwordHash: string | null,
): Promise<User> {
  const known = await stores.users.findByEmail(email);
  if (known !== null) return known;
  if (passwordHash === null) throw new AppError('member.password_required');
  return stores.users.create({
    email,
    name: body.name ?? email.slice(0, email.indexOf('@')),
    passwordHash,
    isSystemAdmin: false,
    mustChangePassword: true,
  });
}

async function memberOf(stores: Pick<Stores, 'users'>, orgId: string, userId: string): Promise<Member> {
  const member = await stores.users.member(orgId, userId);
  if (member === null) throw new AppError('member.not_found');
  return member;
}

const shownFields = ({ role, groupIds }: Member) => ({ role, group_ids: groupIds });

const memberView = (member: Member): MemberView => ({
  user_id: member.userId,
  email: member.email,
  name: member.name,
  role: member.role,
  group_ids: member.groupIds === null ? null : [...member.groupIds],
  disabled: member.isDisabled,
  created_at: member.createdAt.toISOString(),
  last_login_at: member.lastLoginAt?.toISOString() ?? null,
});
