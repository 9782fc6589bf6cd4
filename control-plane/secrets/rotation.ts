/**
 * Seals rows again under the newest key, and wraps keys again under the newest master key. Both are driven by what the
 * database holds (rows of a retiring key, keys of an older generation), so that a run that was killed anywhere is taken
 * up by the next one, and every row opens all the time, by the old key or by the new one.
 */
import type { DataKeyStore, SealedRow, SealedRowStore, StoredDataKey } from '#db';
import { AppError } from '../errors.ts';
import type { Logger } from '../log.ts';
import type { Keyring } from './keyring.ts';
import { KEY_CACHE_MS } from './keyring.ts';
import type { MasterKeys } from './master-key.ts';
import { isSealed, parseSealed } from './sealed-text.ts';
import type { SecretBox } from './secret-box.ts';

/** Rows read in one go; each is replaced by a statement of its own. */
const BATCH = 200;
/** Keys looked at in one run. */
const MAX_KEYS = 500;
/**
 * A superseded key seals on in processes that have it in memory, and their transactions may commit later still: only
 * after this time an empty key is retired. A row that came even later still opens: retired keys are kept.
 */
export const RETIRE_AFTER_MS = KEY_CACHE_MS * 2;

export interface RotationDeps {
  readonly dataKeys: DataKeyStore;
  readonly sealedRows: SealedRowStore;
  readonly secretBox: SecretBox;
  readonly keyring: Keyring;
  readonly masterKeys: MasterKeys;
  readonly log: Logger;
  readonly now: () => Date;
  readonly retireAfterMs?: number;
}

/** @returns rows sealed again, keys retired, and rows that do not open */
export async function resealRetiring(
  deps: RotationDeps,
): Promise<{ rows: number; retired: number; unreadable: number }> {
  const { dataKeys, sealedRows, log, now, retireAfterMs = RETIRE_AFTER_MS } = deps;
  const total = { rows: 0, retired: 0, unreadable: 0 };
  for (const key of await dataKeys.retiring(MAX_KEYS)) {
    if (!(await isUsable(deps, key))) continue;
    // What this process holds in memory may be the very key that is to be left.
    deps.keyring.forget(key.orgId);
    const { rows, unreadable } = await resealRowsOf(deps, key);
    total.rows += rows;
    total.unreadable += unreadable;
    if (unreadable > 0) log.error({ orgId: key.orgId, keyId: key.id, unreadable }, 'sealed rows do not open');
    const isOver = now().getTime() - (key.supersededAt?.getTime() ?? 0) >= retireAfterMs;
    if (isOver && (await sealedRows.count(key.id)) === 0 && (await dataKeys.retire(key.id))) {
      total.retired += 1;
      log.info({ orgId: key.orgId, keyId: key.id }, 'data key retired');
    }
  }
  return total;
}

/** One organisation's key that cannot be unwrapped now must not keep the others waiting. */
async function isUsable({ keyring, log }: RotationDeps, { id, orgId }: StoredDataKey): Promise<boolean> {
  try {
    await keyring.find(orgId, id);
    return true;
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    log.error({ orgId, keyId: id, code: error.code }, 'data key cannot be used');
    return false;
  }
}

async function resealRowsOf(
  deps: RotationDeps,
  key: StoredDataKey,
): Promise<{ rows: number; unreadable: number }> {
  const { sealedRows } = deps;
  let rows = 0;
  let unreadable = 0;
  for (const kind of sealedRows.kinds) {
    // Rows that do not open stay, so the next batch must be able to look beyond them.
    let stuck = 0;
    for (;;) {
      const batch = await sealedRows.ofKey(kind, key.id, BATCH + stuck);
      const before = rows;
      stuck = 0;
      for (const row of batch) {
        const sealed = await resealed(deps, row);
        if (sealed === null || parseSealed(sealed)?.keyId === key.id) stuck += 1;
        else if (await sealedRows.replace(kind, row.id, row.sealed, sealed)) rows += 1;
      }
      if (batch.length < BATCH || rows === before) break;
    }
    unreadable += stuck;
  }
  return { rows, unreadable };
}

/** Null where the row does not open: it stays as it is, and its key with it. */
async function resealed({ secretBox }: RotationDeps, row: SealedRow): Promise<string | null> {
  const context = { object: row.object, version: row.version };
  try {
    const plaintext = await secretBox.open({ orgId: row.orgId }, context, row.sealed);
    return await secretBox.seal({ orgId: row.orgId }, context, plaintext);
  } catch (error) {
    if (error instanceof AppError && error.code === 'encryption.unreadable') return null;
    throw error;
  }
}

/** Bodies of configurations from before encryption. @returns how many were sealed */
export async function sealPlainRows({ sealedRows, secretBox }: RotationDeps): Promise<number> {
  let total = 0;
  for (;;) {
    const batch = await sealedRows.plain(BATCH);
    const before = total;
    for (const { id, orgId, object, version, plain } of batch) {
      if (isSealed(plain)) continue;
      const bytes = Buffer.from(JSON.stringify(plain));
      const sealed = await secretBox.seal({ orgId }, { object, version }, bytes);
      if (await sealedRows.sealPlain(id, plain, sealed)) total += 1;
    }
    if (batch.length < BATCH || total === before) return total;
  }
}

/** @returns data keys wrapped again, by the current provider */
export async function rewrapOutdated(deps: RotationDeps): Promise<number> {
  const { dataKeys, masterKeys, log } = deps;
  const { generation } = await dataKeys.master();
  let total = 0;
  for (;;) {
    const batch = await dataKeys.outdated(BATCH);
    let done = 0;
    for (const { id, orgId, provider, wrapped } of batch) {
      if (wrapped === null) continue;
      const next = await rewrapped(deps, { id, orgId, provider, wrapped });
      if (next === null) continue;
      const changed = { provider: masterKeys.current.name, wrapped: next, generation };
      if (await dataKeys.rewrap(id, wrapped, changed)) done += 1;
    }
    total += done;
    if (batch.length < BATCH || done === 0) break;
  }
  if (total > 0) log.info({ keys: total, provider: masterKeys.current.name }, 'data keys wrapped again');
  return total;
}

/** Null where the key does not open by the provider that wrapped it: it stays as it is, and is told in the log. */
async function rewrapped(
  { masterKeys, log }: RotationDeps,
  { id, orgId, provider, wrapped }: Pick<StoredDataKey, 'id' | 'orgId' | 'provider'> & { wrapped: string },
): Promise<string | null> {
  const context = { orgId, keyId: id };
  try {
    return await masterKeys.current.wrap(await masterKeys.of(provider).unwrap(wrapped, context), context);
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    log.error({ orgId, keyId: id, provider, code: error.code }, 'data key cannot be wrapped again');
    return null;
  }
}
