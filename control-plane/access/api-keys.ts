/** API keys: who comes with one, and the caller's own. */
import type { ApiKey, Database, Stores } from '#db';
import {
  type Action,
  type ApiKeyView,
  type BodyOf,
  type CreateApiKeyReply,
  DEFAULT_API_KEY_DAYS,
} from '#web-api';
import { audited, byPerson } from '../audit/audited.ts';
import type { OwnCredentialUseCases } from '../credential-use-cases.ts';
import { AppError } from '../errors.ts';
import type { Logger } from '../log.ts';
import type { AccessUseCases, Person } from '../use-cases.ts';
import { isSameHash, makeKeySecret, readKeySecret } from './key-secret.ts';
import { toListed, toPageRequest } from './list-page.ts';
import { type Installation, NO_SESSION, personOf } from './person-of.ts';
import { decide } from './policy.ts';
import type { RandomBytes } from './secrets.ts';
import { requireNoKey } from './sign-in.ts';

const DAY_MS = 86_400_000;
/** A write per request would be wasted: the time of the last use is good to the minute. */
const USE_RECORDED_MS = 60_000;
/** Keys of one holder that work at a time. */
const MAX_LIVE_KEYS = 50;

export interface ApiKeyDeps {
  readonly database: Database;
  readonly installation: Installation & { readonly maxApiKeyDays: number };
  readonly log: Logger;
  readonly now: () => Date;
  readonly random: RandomBytes;
}

/** By the key in a bearer header. Unknown, wrong, expired and revoked keys are answered alike. */
export function createKeyAuthentication(deps: ApiKeyDeps): AccessUseCases['authenticateKey'] {
  const { database, installation, now } = deps;
  return async (text, origin, { touch = true } = {}): Promise<Person> => {
    const given = readKeySecret(text);
    if (given === null) throw new AppError('auth.required');
    const key = await database.apiKeys.findByPrefix(given.prefix);
    const isRight = isSameHash(given.secretHash, key?.secretHash ?? null);
    if (key === null || !isRight || stateOf(key, now()) !== 'live') throw new AppError('auth.required');
    const [user, memberships] = await Promise.all([
      database.users.find(key.userId),
      database.users.memberships(key.userId),
    ]);
    if (user === null || user.disabled) throw new AppError('auth.required');
    const lastUsedMs = key.lastUsedAt?.getTime() ?? 0;
    if (touch && now().getTime() - lastUsedMs >= USE_RECORDED_MS) {
      await database.apiKeys.recordUse(key.id, now(), origin.ipAddress);
    }
    const apiKey = { id: key.id, prefix: key.prefix, scopes: new Set(key.scopes as Action[]) };
    return personOf({ user, memberships, proof: { ...NO_SESSION, apiKey }, origin, installation });
  };
}

type KeyUseCases = Pick<OwnCredentialUseCases, 'listKeys' | 'createKey' | 'revokeKey'>;

export function createOwnKeys(deps: ApiKeyDeps): KeyUseCases {
  const { now } = deps;
  return {
    listKeys: (person, query) => listKeysOf(deps, person.userId, query),

    createKey: (person, body) =>
      audited(deps, byPerson(person, 'api_key.create', `user:${person.userId}`), async (stores, entry) => {
        requireNoKey(person);
        refuseScopes(body.scopes, (scope) => holds(person, scope));
        const reply = await makeKey(deps, stores, {
          body,
          holder: { userId: person.userId, orgId: null },
          orgIds: [...person.roles.keys()],
          createdBy: person.email,
        });
        entry.object = `api_key:${reply.id}`;
        entry.detail = keyDetail(reply);
        return reply;
      }),

    async revokeKey(person, keyId) {
      await audited(deps, byPerson(person, 'api_key.revoke', `api_key:${keyId}`), async (stores, entry) => {
        requireNoKey(person);
        entry.detail = keyDetail(await revoke(stores, person.userId, keyId, now()));
      });
    },
  };
}

/** What the person may do in any organisation, or on the installation. */
const holds = (person: Person, scope: Action): boolean =>
  decide(person, scope, null) === 'allow' ||
  [...person.roles.keys()].some((orgId) => decide(person, scope, orgId) === 'allow');

/** @throws AppError 'request.invalid' naming the first scope that the holder does not have. */
export function refuseScopes(scopes: readonly Action[], isHeld: (scope: Action) => boolean): void {
  const index = scopes.findIndex((scope) => !isHeld(scope));
  if (index === -1) return;
  throw new AppError('request.invalid', {
    errors: [{ path: `scopes.${index}`, message: 'is more than the holder of the key may do' }],
  });
}

export async function listKeysOf(
  { database, now }: Pick<ApiKeyDeps, 'database' | 'now'>,
  userId: string,
  query: Parameters<typeof toPageRequest>[0],
) {
  const at = now();
  return toListed(await database.apiKeys.list(userId, toPageRequest(query)), (key) => keyView(key, at));
}

/** @throws AppError 'request.invalid', 'key.too_many' */
export async function makeKey(
  { installation, now, random }: Pick<ApiKeyDeps, 'installation' | 'now' | 'random'>,
  stores: Stores,
  input: {
    readonly body: BodyOf<'api_keys.create'>;
    readonly holder: Pick<ApiKey, 'userId' | 'orgId'>;
    /** Whose bounds on the life of keys hold. */
    readonly orgIds: readonly string[];
    readonly createdBy: string;
  },
): Promise<CreateApiKeyReply> {
  const { body, holder, createdBy } = input;
  const maxDays = await maxLifeDays(stores, input.orgIds, installation.maxApiKeyDays);
  const days = body.expires_in_days ?? Math.min(DEFAULT_API_KEY_DAYS, maxDays);
  if (days > maxDays) {
    throw new AppError('request.invalid', {
      errors: [{ path: 'expires_in_days', message: `must be at most ${maxDays} here` }],
    });
  }
  const createdAt = now();
  if ((await stores.apiKeys.countLive(holder.userId, createdAt)) >= MAX_LIVE_KEYS) {
    throw new AppError('key.too_many');
  }
  const { key, ...secret } = makeKeySecret(random);
  const made = await stores.apiKeys.create({
    ...{ ...secret, ...holder, createdBy, createdAt },
    name: body.name,
    scopes: body.scopes,
    expiresAt: new Date(createdAt.getTime() + days * DAY_MS),
  });
  return { ...keyView(made, createdAt), key };
}

async function maxLifeDays(
  stores: Pick<Stores, 'organizationSecurity'>,
  orgIds: readonly string[],
  installationDays: number,
): Promise<number> {
  let days = installationDays;
  for (const orgId of orgIds) {
    days = Math.min(days, (await stores.organizationSecurity.get(orgId)).maxApiKeyDays ?? days);
  }
  return days;
}

/** @throws AppError 'key.not_found' */
export async function revoke(stores: Stores, userId: string, keyId: string, at: Date): Promise<ApiKey> {
  const key = await stores.apiKeys.revoke(userId, keyId, at);
  if (key === null) throw new AppError('key.not_found');
  return key;
}

export const keyDetail = (key: Pick<ApiKey, 'prefix' | 'name' | 'scopes'>) => ({
  prefix: key.prefix,
  name: key.name,
  scopes: [...key.scopes],
});

const stateOf = (key: ApiKey, now: Date): ApiKeyView['state'] =>
  key.revokedAt !== null ? 'revoked' : key.expiresAt <= now ? 'expired' : 'live';

const keyView = (key: ApiKey, now: Date): ApiKeyView => ({
  id: key.id,
  name: key.name,
  prefix: key.prefix,
  scopes: [...key.scopes],
  state: stateOf(key, now),
  created_at: key.createdAt.toISOString(),
  created_by: key.createdBy,
  expires_at: key.expiresAt.toISOString(),
  last_used_at: key.lastUsedAt?.toISOString() ?? null,
  last_used_ip: key.lastUsedIp,
});
