/** The control plane's jobs: each under a database lock, so that of several processes one does the work. */
import type { Database } from '#db';
import type { CheckpointSigner } from '../audit/checkpoint-key.ts';
import { signHeads } from '../audit/checkpoints.ts';
import type { Logger } from '../log.ts';
import type { Job } from './intervals.ts';
import { type DestroyKeys, deleteDueOrganizations } from './organization-deletion.ts';
import { sweepSilent } from './silence.ts';

const SECOND_MS = 1000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
/** A certificate that no device used within this time after it was issued is revoked (SEMANTICS 4.4.4). */
export const PENDING_CERTIFICATE_MS = HOUR_MS;
/** Refusals of the broker are kept this long. */
export const REFUSALS_KEPT_MS = 30 * 24 * HOUR_MS;
/** Registrations that were decided on, or whose token has ended, are kept this long after the machine last asked. */
export const REQUESTS_KEPT_MS = 30 * 24 * HOUR_MS;
/** Serials in one notice; see the 7,900 bytes of NOTIFY. */
const MAX_SERIALS_PER_NOTICE = 150;
/** Keys that expired or were revoked are shown this long; the audit log keeps them for ever. */
export const ENDED_KEYS_KEPT_MS = 30 * 24 * HOUR_MS;
/** (device, hour) pairs summed up in one go, at about a millisecond each: none of these transactions is long. */
const ROLLUP_CHUNK = 500;
/** In one run; what is left waits for the next minute. */
const MAX_ROLLUP_MS = 45_000;

export interface HousekeepingDeps {
  readonly database: Database;
  readonly log: Logger;
  readonly now: () => Date;
  /** Since when messages reach the database without a break; null while they do not. */
  readonly hearingSince: () => Date | null;
  /** Null: no checkpoints of the audit log are made. */
  readonly auditSigner: CheckpointSigner | null;
  /** Of an organisation that is deleted. */
  readonly destroyKeys: DestroyKeys;
}

export function housekeepingJobs(deps: HousekeepingDeps): readonly Job[] {
  const { database, log, now, auditSigner } = deps;
  const locked = (name: string, everyMs: number, work: () => Promise<void>): Job => ({
    name,
    everyMs,
    async run() {
      await database.withLock(`job:${name}`, work);
    },
  });
  return [
    locked('presence-silence', SECOND_MS, async () => {
      const devices = await sweepSilent(database, deps.hearingSince(), now());
      if (devices > 0) log.info({ devices }, 'silent devices marked offline');
    }),
    locked('last-seen', 30 * SECOND_MS, async () => {
      await database.presence.flushLastSeen();
    }),
    locked('pending-certificates', MINUTE_MS, async () => {
      const revoked = await revokeStalePending(database, now());
      if (revoked > 0) log.info({ certificates: revoked }, 'certificates never used were revoked');
    }),
    locked('sessions', 10 * MINUTE_MS, async () => {
      await database.sessions.deleteExpired(now());
      await database.apiKeys.deleteEnded(new Date(now().getTime() - ENDED_KEYS_KEPT_MS));
    }),
    locked('enrolment', HOUR_MS, async () => {
      await database.enrollmentRequests.deleteOld(new Date(now().getTime() - REQUESTS_KEPT_MS));
      await database.claimCodes.deleteExpired(now());
    }),
    locked('refusals', HOUR_MS, async () => {
      await database.refusals.deleteBefore(new Date(now().getTime() - REFUSALS_KEPT_MS));
    }),
    locked('organization-deletion', 10 * MINUTE_MS, async () => {
      for (const name of await deleteDueOrganizations(database, now, deps.destroyKeys)) {
        log.info({ organization: name }, 'organisation deleted, as its grace is over');
      }
    }),
    locked('rollups', MINUTE_MS, async () => {
      await refreshRollups(database, now);
    }),
    ...(auditSigner === null
      ? []
      : [
          locked('audit-checkpoints', DAY_MS, async () => {
            await signHeads(database, auditSigner, log, now());
          }),
        ]),
    locked('database-maintenance', HOUR_MS, () => database.maintain(now())),
  ];
}

/** In chunks while there is work and time. @returns (device, hour) pairs settled */
export async function refreshRollups(database: Pick<Database, 'series'>, now: () => Date): Promise<number> {
  const startedAtMs = now().getTime();
  let total = 0;
  for (;;) {
    const settled = await database.series.refreshRollups(now(), ROLLUP_CHUNK);
    total += settled;
    if (settled < ROLLUP_CHUNK || now().getTime() - startedAtMs > MAX_ROLLUP_MS) return total;
  }
}

/** @returns how many; the brokers hear of them when the transaction commits. */
export function revokeStalePending(database: Pick<Database, 'transaction'>, now: Date): Promise<number> {
  return database.transaction(async (stores) => {
    // A plain MQTT client never says which certificate it uses; its beats do.
    await stores.certificates.activateHeard();
    const before = new Date(now.getTime() - PENDING_CERTIFICATE_MS);
    const serials = await stores.certificates.revokeStalePending(before, now);
    for (let start = 0; start < serials.length; start += MAX_SERIALS_PER_NOTICE) {
      await stores.notify('edge_revocations', {
        serials: serials.slice(start, start + MAX_SERIALS_PER_NOTICE),
      });
    }
    return serials.length;
  });
}
