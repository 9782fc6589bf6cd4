/** Data keys: made, unwrapped, kept in memory for a while, superseded before one is used too often. */
import { randomBytes, randomUUID } from 'node:crypto';
import type { DataKeyStore, StoredDataKey } from '#db';
import type { RandomBytes } from '../access/secrets.ts';
import { AppError } from '../errors.ts';
import { BoundedCache } from './bounded-cache.ts';
import type { MasterKeys } from './master-key.ts';
import { KEY_BYTES } from './sealed-text.ts';

/** How long an unwrapped key stays in memory, and how long a superseded one may still seal. */
export const KEY_CACHE_MS = 60_000;
const MAX_CACHED_KEYS = 1000;
/** GCM with random IVs is safe for 2^32 messages of one key; half of it leaves room for blocks that were never used up. */
export const MAX_KEY_USES = 2 ** 31;
/** Uses that a process takes at a time, so that not every sealing writes to the database. */
const USES_BLOCK = 1024;
/** Rivals that make the first key of an organisation at once; one of them wins each round. */
const MAX_ATTEMPTS = 5;

export interface DataKey {
  readonly id: string;
  readonly orgId: string | null;
  readonly bytes: Uint8Array;
}
interface ActiveKey {
  readonly key: DataKey;
  usesLeft: number;
}

export interface Keyring {
  /** The key that seals now; the first call for an organisation makes it. Counts one use. */
  active(orgId: string | null): Promise<DataKey>;
  /** @throws AppError 'encryption.unreadable' for a key that is not the organisation's, 'encryption.destroyed' */
  find(orgId: string | null, keyId: string): Promise<DataKey>;
  /** A new key becomes the active one; the old one opens on. @returns null where somebody else was faster. */
  supersede(orgId: string | null, dataKeys?: DataKeyStore): Promise<StoredDataKey | null>;
  /** Nothing of the organisation stays in memory. */
  forget(orgId: string | null): void;
}

export interface KeyringDeps {
  /** Of the owner: a person's request may not see keys. */
  readonly dataKeys: DataKeyStore;
  readonly countRows: (keyId: string) => Promise<number>;
  readonly masterKeys: MasterKeys;
  readonly random?: RandomBytes;
  readonly now?: () => Date;
  readonly cacheMs?: number;
  readonly maxUses?: number;
}

export function createKeyring(deps: KeyringDeps): Keyring {
  const { dataKeys, masterKeys, random = randomBytes, now = () => new Date() } = deps;
  const { cacheMs = KEY_CACHE_MS, maxUses = MAX_KEY_USES } = deps;
  const limits = { ttlMs: cacheMs, maxEntries: MAX_CACHED_KEYS, now };
  const opened = new BoundedCache<DataKey>(limits);
  const actives = new BoundedCache<ActiveKey>(limits);

  async function unwrap(stored: StoredDataKey): Promise<DataKey> {
    const { id, orgId, provider, wrapped } = stored;
    if (wrapped === null) throw new AppError('encryption.destroyed');
    const bytes = await masterKeys.of(provider).unwrap(wrapped, { orgId, keyId: id });
    if (bytes.length !== KEY_BYTES) throw new AppError('encryption.unreadable');
    const key = { id, orgId, bytes };
    opened.set(id, key);
    return key;
  }

  async function supersede(
    orgId: string | null,
    stores: DataKeyStore = dataKeys,
  ): Promise<StoredDataKey | null> {
    const current = await stores.active(orgId);
    const id = randomUUID();
    const { generation } = await stores.master();
    const bytes = random(KEY_BYTES);
    const provider = masterKeys.current;
    const wrapped = await provider.wrap(bytes, { orgId, keyId: id });
    const rowsAtStart = current === null ? 0 : await deps.countRows(current.id);
    const made = await stores.activate(
      orgId,
      { id, provider: provider.name, wrapped, generation, rowsAtStart },
      current?.id ?? null,
    );
    actives.delete(scopeKey(orgId));
    return made;
  }

  async function openActive(orgId: string | null): Promise<ActiveKey> {
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt += 1) {
      const stored = await dataKeys.active(orgId);
      if (stored !== null && (await dataKeys.reserve(orgId, stored.id, USES_BLOCK, maxUses))) {
        return { key: await unwrap(stored), usesLeft: USES_BLOCK };
      }
      await supersede(orgId);
    }
    throw new AppError('encryption.unavailable', { detail: 'No data key could be made; try again' });
  }

  /** One opening at a time for each organisation: a burst of first uses makes one key and takes one block. */
  const opening = new Map<string, Promise<ActiveKey>>();
  function openOnce(orgId: string | null): Promise<ActiveKey> {
    const name = scopeKey(orgId);
    const known = opening.get(name);
    if (known !== undefined) return known;
    const started = openActive(orgId)
      .then((active) => {
        actives.set(name, active);
        return active;
      })
      .finally(() => opening.delete(name));
    opening.set(name, started);
    return started;
  }

  return {
    async active(orgId) {
      for (;;) {
        const active = actives.get(scopeKey(orgId)) ?? (await openOnce(orgId));
        if (active.usesLeft > 0) {
          active.usesLeft -= 1;
          return active.key;
        }
        actives.delete(scopeKey(orgId), active);
      }
    },

    async find(orgId, keyId) {
      const known = opened.get(keyId) ?? (await load(orgId, keyId));
      if (known.orgId !== orgId) throw new AppError('encryption.unreadable');
      return known;
    },

    supersede,

    forget(orgId) {
      actives.delete(scopeKey(orgId));
      opened.deleteWhere((key) => key.orgId === orgId);
    },
  };

  async function load(orgId: string | null, keyId: string): Promise<DataKey> {
    const stored = await dataKeys.find(orgId, keyId);
    if (stored === null) throw new AppError('encryption.unreadable');
    return unwrap(stored);
  }
}

const scopeKey = (orgId: string | null): string => orgId ?? 'installation';
