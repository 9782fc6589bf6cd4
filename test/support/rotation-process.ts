/** Rotates keys as a process of its own, for bars: `node rotation-process.ts URL DIR data|master ORG…`; says `begin`, then `done`. */
import { openDatabase } from '#db';
import { openTestEncryption } from './encryption.ts';

const [url = '', dir = '', kind, ...orgIds] = process.argv.slice(2);
const database = await openDatabase({ url, poolSize: 2 });
const encryption = await openTestEncryption(database, dir, { retireAfterMs: 0 });
process.stdout.write('begin\n');
if (kind === 'master') {
  await encryption.masterKeys.current.rotate();
  await database.dataKeys.beginMasterRotation('bar');
} else {
  for (const orgId of [...orgIds, null]) await encryption.keyring.supersede(orgId);
}
await encryption.rotateDue();
process.stdout.write('done\n');
await encryption.stop();
await database.close();
