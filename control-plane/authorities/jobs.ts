/** What is done about authorities without being asked: the change is carried on, revocation lists are published. */
import type { Authority } from '#certs';
import type { Database } from '#db';
import type { Job } from '../jobs/intervals.ts';
import type { Logger } from '../log.ts';
import { carryOn } from './change.ts';

const CHANGE_EVERY_MS = 2000;
/** Half of a list's life is 15 days; a revocation reaches the file within this time. */
const LISTS_EVERY_MS = 60_000;

export function authorityJobs(deps: {
  readonly database: Database;
  readonly authority: Authority;
  readonly log: Logger;
  readonly now: () => Date;
}): readonly Job[] {
  const { database, authority, log, now } = deps;
  return [
    {
      name: 'authority-change',
      everyMs: CHANGE_EVERY_MS,
      async run() {
        await database.withLock('job:authority-change', () => carryOn(deps));
      },
    },
    {
      name: 'revocation-lists',
      everyMs: LISTS_EVERY_MS,
      async run() {
        await database.withLock('job:revocation-lists', async () => {
          const written = await authority.publishLists(await database.certificates.revoked(now()));
          if (written.length > 0) log.info({ authorities: written }, 'revocation lists published');
        });
      },
    },
  ];
}
