/** Service accounts: users of one organisation for programs, with keys and without a way to sign in. */
import type { ServiceAccount, Stores } from '#db';
import type { ServiceAccountView } from '#web-api';
import { type AuditDraft, audited, byPerson } from '../audit/audited.ts';
import { changesBetween } from '../audit/changes.ts';
import type { ServiceAccountUseCases } from '../credential-use-cases.ts';
import { AppError } from '../errors.ts';
import type { Person } from '../use-cases.ts';
import { type ApiKeyDeps, keyDetail, listKeysOf, makeKey, refuseScopes, revoke } from './api-keys.ts';
import { toListed, toPageRequest } from './list-page.ts';
import { listScope, permit } from './permit.ts';
import { POLICY } from './policy.ts';
import { requireNoKey } from './sign-in.ts';

/** One for each program and place; more is a leak. */
const MAX_ACCOUNTS = 100;

export function createServiceAccounts(deps: ApiKeyDeps): ServiceAccountUseCases {
  const { database, now } = deps;

  const write = <T>(
    input: { person: Person; orgId: string; action: string; object: string },
    work: (stores: Stores, entry: AuditDraft) => Promise<T>,
  ): Promise<T> =>
    audited(deps, byPerson(input.person, input.action, input.object), async (stores, entry) => {
      const organization = await stores.organizations.find(input.orgId);
      permit(input.person, 'service_account.write', organization?.id, 'organization.not_found', entry);
      // A key could give another key scopes that it has not itself.
      requireNoKey(input.person);
      return work(stores, entry);
    });

  return {
    async listServiceAccounts(person, orgId, query) {
      await listScope(database.organizations, person, 'service_account.read', orgId);
      return toListed(await database.serviceAccounts.list(orgId, toPageRequest(query)), accountView);
    },

    createServiceAccount: (person, orgId, body) =>
      write(
        { person, orgId, action: 'service_account.create', object: `service_account:${body.name}` },
        async (stores, entry) => {
          if ((await stores.serviceAccounts.count(orgId)) >= MAX_ACCOUNTS) {
            throw new AppError('service_account.too_many');
          }
          const { name, role } = body;
          const account = await stores.serviceAccounts.create(orgId, { name, role, createdBy: person.email });
          entry.object = `service_account:${account.id}`;
          entry.detail = { name, role };
          return accountView(account);
        },
      ),

    updateServiceAccount: (person, orgId, accountId, body) =>
      write(
        { person, orgId, action: 'service_account.update', object: `service_account:${accountId}` },
        async (stores, entry) => {
          const account = await accountOf(stores, orgId, accountId);
          await stores.serviceAccounts.setRole(orgId, accountId, body.role);
          entry.detail = changesBetween({ role: account.role }, { role: body.role });
          return accountView({ ...account, role: body.role });
        },
      ),

    async deleteServiceAccount(person, orgId, accountId) {
      await write(
        { person, orgId, action: 'service_account.delete', object: `service_account:${accountId}` },
        async (stores, entry) => {
          const account = await accountOf(stores, orgId, accountId);
          await stores.serviceAccounts.delete(orgId, accountId);
          entry.detail = { name: account.name, role: account.role };
        },
      );
    },

    async listServiceAccountKeys(person, orgId, accountId, query) {
      await listScope(database.organizations, person, 'service_account.read', orgId);
      const account = await accountOf(database, orgId, accountId);
      return listKeysOf(deps, account.id, query);
    },

    createServiceAccountKey: (person, orgId, accountId, body) =>
      write(
        { person, orgId, action: 'service_account_key.create', object: `service_account:${accountId}` },
        async (stores, entry) => {
          const account = await accountOf(stores, orgId, accountId);
          const allowed: ReadonlySet<string> = POLICY[account.role];
          refuseScopes(body.scopes, (scope) => allowed.has(scope));
          const reply = await makeKey(deps, stores, {
            ...{ body, orgIds: [account.orgId], createdBy: person.email },
            holder: { userId: account.id, orgId: account.orgId },
          });
          entry.object = `api_key:${reply.id}`;
          entry.detail = { service_account: account.name, ...keyDetail(reply) };
          return reply;
        },
      ),

    async revokeServiceAccountKey(person, orgId, accountId, keyId) {
      await write(
        { person, orgId, action: 'service_account_key.revoke', object: `api_key:${keyId}` },
        async (stores, entry) => {
          const account = await accountOf(stores, orgId, accountId);
          const key = await revoke(stores, account.id, keyId, now());
          entry.detail = { service_account: account.name, ...keyDetail(key) };
        },
      );
    },
  };
}

/** @throws AppError 'service_account.not_found' */
async function accountOf(
  stores: Pick<Stores, 'serviceAccounts'>,
  orgId: string,
  accountId: string,
): Promise<ServiceAccount> {
  const account = await stores.serviceAccounts.find(orgId, accountId);
  if (account === null) throw new AppError('service_account.not_found');
  return account;
}

const accountView = (account: ServiceAccount): ServiceAccountView => ({
  id: account.id,
  organization_id: account.orgId,
  name: account.name,
  role: account.role,
  created_at: account.createdAt.toISOString(),
  created_by: account.createdBy,
  key_count: account.keyCount,
  last_used_at: account.lastUsedAt?.toISOString() ?? null,
});
