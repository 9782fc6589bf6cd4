/** Deletes organisations whose grace is over, device by device, so that it may break off at any point and go on later. */
import type { Database } from '#db';
import { announceRevoked } from '../fleet/announce.ts';

/** In one transaction: each takes its time series along, some thousand rows a second. */
const DEVICES_AT_A_TIME = 20;
/** In one run; what is left waits for the next. */
const MAX_RUN_MS = 60_000;

/** Idempotent: called again for an organisation whose deletion broke off. */
export type DestroyKeys = (orgId: string) => Promise<unknown>;

/**
 * What the organisation had sealed is unreadable first, however far the rest comes.
 * @returns names of those that are gone
 */
export async function deleteDueOrganizations(
  database: Pick<Database, 'transaction' | 'organizations'>,
  now: () => Date,
  destroyKeys: DestroyKeys,
): Promise<string[]> {
  const startedAtMs = now().getTime();
  const gone: string[] = [];
  for (const { id, name } of await database.organizations.dueForDeletion(now())) {
    await destroyKeys(id);
    await revokeCertificates(database, id, now());
    for (;;) {
      if (now().getTime() - startedAtMs > MAX_RUN_MS) return gone;
      if ((await database.organizations.deleteDevices(id, DEVICES_AT_A_TIME)) < DEVICES_AT_A_TIME) break;
    }
    if (await removeWithAudit(database, id, name)) gone.push(name);
  }
  return gone;
}

/** They stay on the list of revoked ones until they expire, for a new organisation may take the slug. */
const revokeCertificates = (
  database: Pick<Database, 'transaction'>,
  orgId: string,
  at: Date,
): Promise<void> =>
  database.transaction(async (stores) => {
    const serials = await stores.certificates.revokeOfOrganization(orgId, 'organisation deleted', at);
    await announceRevoked(stores, serials);
  });

/** The audit log of the organisation stays, and this is its last row. */
const removeWithAudit = (
  database: Pick<Database, 'transaction'>,
  orgId: string,
  name: string,
): Promise<boolean> =>
  database.transaction(async (stores) => {
    if (!(await stores.organizations.remove(orgId))) return false;
    await stores.audit.append({
      actor: 'system',
      ipAddress: null,
      action: 'organization.purge',
      object: `organization:${orgId}`,
      orgId,
      outcome: 'success',
      detail: { name },
    });
    return true;
  });
