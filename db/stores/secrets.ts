/** Secrets by name, and the sealed values of those that lie in this database. */
import { and, asc, eq, inArray, sql } from 'drizzle-orm';
import { secrets } from '../schema/secrets.ts';
import type { SecretStore } from './contracts/secrets.ts';
import { openPage } from './page.ts';
import type { Queries } from './queries.ts';
import { StoreError } from './store-error.ts';

/** Of one organisation: a configuration names a few dozen. */
export const MAX_SECRETS = 1000;
/** Values of a built-in secret that are kept, so that a rollback to the last ones finds them. */
const KEPT_VERSIONS = 10;

const columns = {
  id: secrets.id,
  orgId: secrets.organizationId,
  name: secrets.name,
  provider: secrets.provider,
  version: secrets.version,
  path: secrets.path,
  field: secrets.field,
  createdAt: secrets.createdAt,
  updatedAt: secrets.updatedAt,
  updatedBy: secrets.updatedBy,
  lastResolvedAt: secrets.lastResolvedAt,
  lastError: secrets.lastError,
};

export function createSecretStore({ orm, rows, count, inTransaction }: Queries): SecretStore {
  const named = (orgId: string, name: string) =>
    and(eq(secrets.organizationId, orgId), eq(secrets.name, name));

  return {
    async list(orgId, request) {
      const page = openPage(
        { parts: [{ key: secrets.name, kind: 'text' }], descending: false, boundTo: ['secrets', orgId] },
        request,
      );
      const matches = eq(secrets.organizationId, orgId);
      const found = await orm
        .select({ ...columns, cursorKeys: page.cursorKeys })
        .from(secrets)
        .where(and(matches, page.after))
        .orderBy(...page.orderBy)
        .limit(page.limit)
        .offset(page.offset);
      const total = await orm.$count(secrets, matches);
      return page.close(found, total, ({ cursorKeys: _, ...secret }) => secret);
    },

    async find(orgId, name) {
      const [secret] = await orm.select(columns).from(secrets).where(named(orgId, name));
      return secret ?? null;
    },

    named: (orgId, names) =>
      names.length === 0
        ? Promise.resolve([])
        : orm
            .select(columns)
            .from(secrets)
            .where(and(eq(secrets.organizationId, orgId), inArray(secrets.name, [...names]))),

    all: (orgId, limit) =>
      orm
        .select(columns)
        .from(secrets)
        .where(eq(secrets.organizationId, orgId))
        .orderBy(asc(secrets.name))
        .limit(limit),

    put: (orgId, { name, provider, path, field, updatedBy }) =>
      inTransaction(async (open) => {
        await open.rows('SELECT pg_advisory_xact_lock(hashtextextended($1, 0))', [`secrets:${orgId}`]);
        const others = await open.orm.$count(
          secrets,
          and(eq(secrets.organizationId, orgId), sql`${secrets.name} <> ${name}`),
        );
        if (others >= MAX_SECRETS) {
          throw new StoreError('conflict', `an organisation has at most ${MAX_SECRETS} secrets`, {
            field: 'secrets',
          });
        }
        const [secret] = await open.orm
          .insert(secrets)
          .values({ organizationId: orgId, name, provider, version: 1, path, field, updatedBy })
          .onConflictDoUpdate({
            target: [secrets.organizationId, secrets.name],
            set: {
              ...{ provider, path, field, updatedBy },
              version: sql`${secrets.version} + 1`,
              updatedAt: sql`now()`,
              lastResolvedAt: null,
              lastError: null,
            },
          })
          .returning(columns);
        if (secret === undefined) throw new Error('the secret was not returned');
        // A secret that moved elsewhere leaves no value behind.
        if (provider !== 'builtin') {
          await open.count('DELETE FROM secret_versions WHERE organization_id = $1 AND secret_id = $2', [
            orgId,
            secret.id,
          ]);
        }
        return secret;
      }),

    async delete(orgId, name) {
      const [secret] = await orm.delete(secrets).where(named(orgId, name)).returning(columns);
      return secret ?? null;
    },

    addVersion: (orgId, { secretId, version, sealed, createdBy }) =>
      inTransaction(async (open) => {
        await open.count(
          `INSERT INTO secret_versions (organization_id, secret_id, version, sealed, created_by)
           VALUES ($1, $2, $3, $4, $5)`,
          [orgId, secretId, version, sealed, createdBy],
        );
        await open.count(
          `DELETE FROM secret_versions WHERE organization_id = $1 AND secret_id = $2 AND version <= $3`,
          [orgId, secretId, version - KEPT_VERSIONS],
        );
      }),

    async sealedValue(orgId, secretId, version) {
      const [found] = await rows<{ sealed: string }>(
        `SELECT sealed FROM secret_versions WHERE organization_id = $1 AND secret_id = $2 AND version = $3`,
        [orgId, secretId, version],
      );
      return found?.sealed ?? null;
    },

    async noteResolved(orgId, secretId, at, error) {
      await count(
        `UPDATE secrets SET last_error = $4::varchar, last_resolved_at = CASE WHEN $4::varchar IS NULL THEN $3 ELSE last_resolved_at END
         WHERE organization_id = $1 AND id = $2`,
        [orgId, secretId, at, error],
      );
    },
  };
}
