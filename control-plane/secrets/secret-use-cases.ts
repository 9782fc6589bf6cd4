/** Secrets by name as people set and check them; no value ever comes back. */
import type { Database, SecretInput, StoredSecret, Stores } from '#db';
import { type BodyOf, MAX_CHECKED_SECRETS, type SecretView } from '#web-api';
import { toListed, toPageRequest } from '../access/list-page.ts';
import { permit } from '../access/permit.ts';
import { audited, auditedOutside, byPerson } from '../audit/audited.ts';
import { AppError } from '../errors.ts';
import type { Logger } from '../log.ts';
import type { SecretUseCases } from '../secrets-use-cases.ts';
import type { Encryption } from './encryption.ts';
import { MAX_SECRET_BYTES, secretObject } from './resolve.ts';
import { secretPath } from './secret-path.ts';

export interface SecretDeps {
  readonly database: Database;
  readonly encryption: Encryption;
  readonly log: Logger;
}
type ByName = Pick<SecretUseCases, 'list' | 'put' | 'delete' | 'check'>;

export function createSecretsByName(deps: SecretDeps): ByName {
  const { database, encryption } = deps;
  return {
    async list(person, orgId, query) {
      const organization = await database.organizations.find(orgId);
      permit(person, 'secret.read', organization?.id, 'organization.not_found');
      return toListed(await database.secrets.list(organization.id, toPageRequest(query)), secretView);
    },

    async put(person, orgId, name, body) {
      const draft = byPerson(person, 'secret.put', `secret:${name}`);
      return audited(deps, draft, async (stores, entry) => {
        const organization = await stores.organizations.find(orgId);
        permit(person, 'secret.write', organization?.id, 'organization.not_found', entry);
        const input = checkedInput(name, body, person.email, encryption);
        const before = await stores.secrets.find(organization.id, name);
        const secret = await stores.secrets.put(organization.id, input);
        if (body.value !== undefined) await addValue(deps, stores, secret, body.value, person.email);
        entry.detail = { before: before === null ? null : shownFields(before), after: shownFields(secret) };
        return secretView(secret);
      });
    },

    async delete(person, orgId, name) {
      const draft = byPerson(person, 'secret.delete', `secret:${name}`);
      await audited(deps, draft, async (stores, entry) => {
        const organization = await stores.organizations.find(orgId);
        permit(person, 'secret.write', organization?.id, 'organization.not_found', entry);
        const gone = await stores.secrets.delete(organization.id, name);
        if (gone === null) throw new AppError('secret.not_found');
        entry.detail = { before: shownFields(gone) };
      });
    },

    async check(person, orgId, body) {
      const draft = byPerson(person, 'secret.check', `organization:${orgId}`);
      return auditedOutside(deps, draft, async () => {
        const organization = await database.organizations.find(orgId);
        permit(person, 'secret.write', organization?.id, 'organization.not_found', draft);
        const names =
          body.names ??
          (await database.secrets.all(organization.id, MAX_CHECKED_SECRETS)).map(({ name }) => name);
        // Outside of any transaction: an outside provider may take its time.
        const results = await encryption.secrets.check(organization.id, names);
        const unresolved = results.filter(({ fault }) => fault !== null).length;
        draft.detail = { checked: results.length, unresolved };
        await database.audit.append({ ...draft, outcome: 'success' });
        return {
          items: results.map(({ name, fault }) => ({
            name,
            resolves: fault === null,
            code: fault?.code ?? null,
            error: fault?.message ?? null,
          })),
        };
      });
    },
  };
}

async function addValue(
  { encryption }: SecretDeps,
  stores: Stores,
  { orgId, id, version }: StoredSecret,
  value: string,
  createdBy: string,
): Promise<void> {
  const context = { object: secretObject(id), version };
  const sealed = await encryption.secretBox.seal({ orgId }, context, Buffer.from(value));
  await stores.secrets.addVersion(orgId, { secretId: id, version, sealed, createdBy });
}

/** @throws AppError 'request.invalid' naming the field, 'secret.path_invalid', 'secret.provider_unavailable' */
function checkedInput(
  name: string,
  { provider = 'builtin', value, path, field }: BodyOf<'secrets.put'>,
  updatedBy: string,
  { secrets }: Encryption,
): SecretInput {
  if (provider === 'builtin') {
    if (value === undefined) throw invalid('value', 'a built-in secret needs a value');
    if (Buffer.byteLength(value) > MAX_SECRET_BYTES) throw invalid('value', 'has more than 64 KiB');
    if (path !== undefined) throw invalid('path', 'belongs to vault and aws');
    if (field !== undefined) throw invalid('field', 'belongs to vault and aws');
    return { name, provider, path: null, field: null, updatedBy };
  }
  if (value !== undefined) throw invalid('value', 'lies at the provider, not here');
  if (path === undefined) throw invalid('path', 'is needed');
  if (secretPath('', 'any', path) === null) {
    throw new AppError('secret.path_invalid', {
      errors: [{ path: 'path', message: 'letters, digits and _.@+=- between single slashes, no “..”' }],
    });
  }
  if (!secrets.providers.includes(provider)) {
    throw new AppError('secret.provider_unavailable', {
      errors: [{ path: 'provider', message: 'is not set up in this installation' }],
    });
  }
  return { name, provider, path, field: field ?? null, updatedBy };
}

const invalid = (path: string, message: string): AppError =>
  new AppError('request.invalid', { errors: [{ path, message }] });

/** For the audit log: where it lies, never what it is. */
const shownFields = ({ provider, version, path, field }: StoredSecret) => ({
  provider,
  version,
  path,
  field,
});

const secretView = (secret: StoredSecret): SecretView => ({
  name: secret.name,
  provider: secret.provider,
  version: secret.version,
  path: secret.path,
  field: secret.field,
  updated_at: secret.updatedAt.toISOString(),
  updated_by: secret.updatedBy,
  last_resolved_at: secret.lastResolvedAt?.toISOString() ?? null,
  last_error: secret.lastError,
});
