/** People of an organisation: list, add, change the role, take out. */
import type { Database, Member, Stores, User } from '#db';
import type { BodyOf, MemberView } from '#web-api';
import { type AuditDraft, audited, auditedOutside, byPerson } from '../audit/audited.ts';
import { changesBetween } from '../audit/changes.ts';
import { AppError } from '../errors.ts';
import type { Logger } from '../log.ts';
import type { AccessUseCases, Person } from '../use-cases.ts';
import { toListed, toPageRequest } from './list-page.ts';
import type { Passwords } from './passwords.ts';
import { listScope, permit } from './permit.ts';
import { normalEmail } from './sign-in.ts';

interface MemberDeps {
  readonly database: Database;
  readonly passwords: Passwords;
  readonly log: Logger;
}

type MemberUseCases = Pick<AccessUseCases, 'listMembers' | 'addMember' | 'updateMember' | 'removeMember'>;

export function createMembers(deps: MemberDeps): MemberUseCases {
  const { database, passwords } = deps;
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
        if ((await database.users.findByEmail(email)) !== null) return null;
        if (body.password === undefined) throw new AppError('member.password_required');
        return passwords.hash(body.password);
      });
      return audited(deps, draft, async (stores, entry) => {
        const user = await personToAdd(stores, email, body, passwordHash);
        await stores.users.addMember(orgId, user.id, body.role);
        entry.object = `user:${user.id}`;
        entry.detail = { email, role: body.role, created: passwordHash !== null };
        return memberView(await memberOf(stores, orgId, user.id));
      });
    },

    async updateMember(person, orgId, userId, body) {
      return audited(deps, byPerson(person, 'member.update', `user:${userId}`), async (stores, entry) => {
        await permitMembers(stores, person, orgId, entry);
        const before = await memberOf(stores, orgId, userId);
        refuseSelf(person, before);
        await stores.users.updateMember(orgId, userId, body.role);
        entry.detail = changesBetween({ role: before.role }, { role: body.role });
        return memberView({ ...before, role: body.role });
      });
    },

    async removeMember(person, orgId, userId) {
      await audited(deps, byPerson(person, 'member.remove', `user:${userId}`), async (stores, entry) => {
        await permitMembers(stores, person, orgId, entry);
        const before = await memberOf(stores, orgId, userId);
        refuseSelf(person, before);
        if (!(await stores.users.removeMember(orgId, userId))) throw new AppError('member.not_found');
        entry.detail = { email: before.email, role: before.role };
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

const memberView = (member: Member): MemberView => ({
  user_id: member.userId,
  email: member.email,
  name: member.name,
  role: member.role,
  created_at: member.createdAt.toISOString(),
  last_login_at: member.lastLoginAt?.toISOString() ?? null,
});
