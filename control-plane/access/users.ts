/** All people of the installation, for its admins. */
import type { Account, Database, Stores } from '#db';
import type { BodyOf, UserView } from '#web-api';
import { audited, byPerson } from '../audit/audited.ts';
import { changesBetween } from '../audit/changes.ts';
import { AppError } from '../errors.ts';
import type { Logger } from '../log.ts';
import type { PeopleUseCases } from '../people-use-cases.ts';
import type { Person } from '../use-cases.ts';
import { announceAccess } from './announce-access.ts';
import { toListed, toPageRequest } from './list-page.ts';
import { permitGlobally } from './permit.ts';

interface UserDeps {
  readonly database: Database;
  readonly log: Logger;
  readonly now: () => Date;
}

export function createUsers(deps: UserDeps): Pick<PeopleUseCases, 'listUsers' | 'updateUser'> {
  const { database, now } = deps;
  return {
    async listUsers(person, query) {
      permitGlobally(person, 'user.read');
      const filter = query.search === undefined ? {} : { search: query.search };
      return toListed(await database.accounts.list(filter, toPageRequest(query)), userView);
    },

    async updateUser(person, userId, body) {
      return audited(deps, byPerson(person, 'user.update', `user:${userId}`), async (stores, entry) => {
        permitGlobally(person, 'user.write');
        // Before the account is read: of two admins who demote each other, the second sees what the first did.
        const admins = await stores.accounts.lockSystemAdmins();
        const before = await accountOf(stores, userId);
        entry.object = `user:${before.id}`;
        checkUpdate(person, before, body, admins);
        await stores.accounts.update(before.id, changesOf(body));
        const after = await accountOf(stores, before.id);
        const ended = after.disabled ? await stores.sessions.endAllOf(before.id, null) : 0;
        entry.detail = {
          email: before.email,
          sessions_ended: ended,
          ...changesBetween(shownFields(before), shownFields(after)),
        };
        for (const { id } of after.organizations) await announceAccess(stores, id, now());
        return userView(after);
      });
    },
  };
}

async function accountOf(stores: Pick<Stores, 'accounts'>, userId: string): Promise<Account> {
  const account = await stores.accounts.find(userId);
  if (account === null) throw new AppError('user.not_found');
  return account;
}

/** @throws AppError 'user.self', 'user.last_system_admin' */
function checkUpdate(
  person: Person,
  { id, isSystemAdmin, disabled }: Account,
  body: BodyOf<'users.update'>,
  systemAdmins: readonly string[],
): void {
  const isShut = (body.disabled ?? disabled) && !disabled;
  const isAdminChanged = (body.is_system_admin ?? isSystemAdmin) !== isSystemAdmin;
  if (id === person.userId && (isShut || isAdminChanged)) throw new AppError('user.self');
  const losesAdmin = isSystemAdmin && (isShut || isAdminChanged);
  if (losesAdmin && !systemAdmins.some((admin) => admin !== id)) {
    throw new AppError('user.last_system_admin');
  }
}

const changesOf = (body: BodyOf<'users.update'>): Parameters<Stores['accounts']['update']>[1] => ({
  ...(body.name === undefined ? {} : { name: body.name }),
  ...(body.disabled === undefined ? {} : { disabled: body.disabled }),
  ...(body.is_system_admin === undefined ? {} : { isSystemAdmin: body.is_system_admin }),
});

const shownFields = ({ name, disabled, isSystemAdmin }: Account) => ({
  name,
  disabled,
  is_system_admin: isSystemAdmin,
});

const userView = (account: Account): UserView => ({
  id: account.id,
  email: account.email,
  name: account.name,
  is_system_admin: account.isSystemAdmin,
  disabled: account.disabled,
  identity_provider: account.issuer,
  created_at: account.createdAt.toISOString(),
  last_login_at: account.lastLoginAt?.toISOString() ?? null,
  organizations: account.organizations.map(({ id, name, role }) => ({ organization_id: id, name, role })),
});
