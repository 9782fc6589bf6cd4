/** Values of `secret:NAME` references, from wherever each lies; never stale: what has expired and cannot be read again is an error. */
import type { Database, StoredSecret } from '#db';
import { AppError } from '../errors.ts';
import type { Logger } from '../log.ts';
import type { AwsSecrets } from './aws-secrets.ts';
import { BoundedCache } from './bounded-cache.ts';
import type { SecretBox } from './secret-box.ts';
import { SECRET_FAULTS, SecretFault } from './secret-fault.ts';
import { secretPath } from './secret-path.ts';
import type { VaultClient } from './vault-client.ts';
import { readVaultSecret } from './vault-secrets.ts';

export const MAX_SECRET_BYTES = 64 * 1024;
const MAX_CACHED_VALUES = 2000;
/** Requests to one provider at a time. */
const PARALLEL = 8;
/** How old `last resolved` may be while a secret is in use. */
const NOTE_EVERY_MS = 60_000;

export interface ResolverDeps {
  readonly database: Pick<Database, 'secrets' | 'organizations'>;
  readonly secretBox: SecretBox;
  readonly vault: { readonly client: VaultClient; readonly mount: string; readonly prefix: string } | null;
  readonly aws: { readonly client: AwsSecrets; readonly prefix: string } | null;
  readonly cacheMs: number;
  readonly log: Logger;
  readonly now?: () => Date;
}

export interface SecretCheck {
  readonly name: string;
  readonly fault: SecretFault | null;
}

export interface SecretResolver {
  readonly providers: readonly ('builtin' | 'vault' | 'aws')[];
  /** All of them or nothing. @throws AppError 'secret.unresolved' naming each secret without a value and why */
  resolve(orgId: string, names: readonly string[]): Promise<ReadonlyMap<string, string>>;
  /** Asks the providers anew, keeps what it learned with each secret, and gives no value. */
  check(orgId: string, names: readonly string[]): Promise<readonly SecretCheck[]>;
}

export const secretObject = (secretId: string): string => `secret:${secretId}`;

export function createSecretResolver(deps: ResolverDeps): SecretResolver {
  const { database, secretBox, vault, aws, log, now = () => new Date() } = deps;
  const cache = new BoundedCache<string>({ ttlMs: deps.cacheMs, maxEntries: MAX_CACHED_VALUES, now });

  async function read(secret: StoredSecret, orgSlug: string): Promise<string> {
    switch (secret.provider) {
      case 'builtin':
        return readBuiltin(secret);
      case 'vault':
        if (vault === null) throw new SecretFault('not_set_up');
        return readVaultSecret(vault, placeOf(vault.prefix, orgSlug, secret), secret.field);
      case 'aws':
        if (aws === null) throw new SecretFault('not_set_up');
        return aws.client.read(placeOf(aws.prefix, orgSlug, secret), secret.field);
    }
  }

  async function readBuiltin({ orgId, id, version }: StoredSecret): Promise<string> {
    const sealed = await database.secrets.sealedValue(orgId, id, version);
    if (sealed === null) throw new SecretFault('unreadable');
    try {
      const bytes = await secretBox.open({ orgId }, { object: secretObject(id), version }, sealed);
      return Buffer.from(bytes).toString('utf8');
    } catch (cause) {
      if (!(cause instanceof AppError)) throw cause;
      const isLater = cause.code === 'encryption.unavailable';
      throw new SecretFault(isLater ? 'key_unavailable' : 'unreadable', { cause });
    }
  }

  async function currentValue(secret: StoredSecret, orgSlug: string, isFresh: boolean): Promise<string> {
    const key = `${secret.id} ${secret.version}`;
    const known = isFresh || secret.provider === 'builtin' ? undefined : cache.get(key);
    if (known !== undefined) return known;
    const value = await read(secret, orgSlug);
    if (Buffer.byteLength(value) > MAX_SECRET_BYTES) throw new SecretFault('too_large');
    if (secret.provider !== 'builtin') cache.set(key, value);
    return value;
  }

  /** Each name with its value or fault, and what was learned kept with the secret. */
  async function readAll(orgId: string, names: readonly string[], isFresh: boolean) {
    const wanted = [...new Set(names)];
    const secrets = new Map((await database.secrets.named(orgId, wanted)).map((one) => [one.name, one]));
    const organization = secrets.size === 0 ? null : await database.organizations.find(orgId);
    const results: { name: string; value: string | null; fault: SecretFault | null }[] = [];
    const queue = wanted.values();
    async function work(): Promise<void> {
      for (const name of queue) {
        const secret = secrets.get(name);
        if (secret === undefined || organization === null) {
          results.push({ name, value: null, fault: new SecretFault('missing') });
          continue;
        }
        const result = await attempt(() => currentValue(secret, organization.slug, isFresh));
        if (result.fault !== null) {
          log.warn(
            { orgId, secret: name, provider: secret.provider, code: result.fault.code },
            'secret not resolved',
          );
        }
        const error = result.fault?.message ?? null;
        if (isFresh || isNews(secret, error, now())) {
          await database.secrets.noteResolved(orgId, secret.id, now(), error);
        }
        results.push({ name, ...result });
      }
    }
    await Promise.all(Array.from({ length: PARALLEL }, work));
    return results;
  }

  return {
    providers: [
      'builtin',
      ...(vault === null ? [] : ['vault' as const]),
      ...(aws === null ? [] : ['aws' as const]),
    ],

    async resolve(orgId, names) {
      const results = await readAll(orgId, names, false);
      const faults = results.filter(({ fault }) => fault !== null);
      if (faults.length > 0) {
        throw new AppError('secret.unresolved', {
          errors: faults.map(({ name, fault }) => ({
            path: `secret:${name}`,
            message: fault?.message ?? SECRET_FAULTS.unavailable,
          })),
        });
      }
      return new Map(results.map(({ name, value }) => [name, value ?? '']));
    },

    async check(orgId, names) {
      const results = await readAll(orgId, names, true);
      const order = new Map(names.map((name, index) => [name, index]));
      return results
        .map(({ name, fault }) => ({ name, fault }))
        .sort((a, b) => (order.get(a.name) ?? 0) - (order.get(b.name) ?? 0));
    },
  };
}

/** @throws SecretFault: a path that came into the table by any other way is refused here again */
function placeOf(prefix: string, orgSlug: string, { path }: StoredSecret): string {
  const place = path === null ? null : secretPath(prefix, orgSlug, path);
  if (place === null) throw new SecretFault('path_invalid');
  return place;
}

/** A fleet that fetches its configurations must not write the same row for each device. Pure. */
function isNews({ lastError, lastResolvedAt }: StoredSecret, error: string | null, now: Date): boolean {
  if (error !== lastError) return true;
  return error === null && now.getTime() - (lastResolvedAt?.getTime() ?? 0) > NOTE_EVERY_MS;
}

async function attempt(
  work: () => Promise<string>,
): Promise<{ value: string | null; fault: SecretFault | null }> {
  try {
    return { value: await work(), fault: null };
  } catch (error) {
    if (error instanceof SecretFault) return { value: null, fault: error };
    throw error;
  }
}
