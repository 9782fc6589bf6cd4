/** `npm run bench`: every bench in turn; arguments name some. Fails when one fails. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

const BENCHES = ['heartbeat', 'telemetry'] as const;

const chosen = process.argv.slice(2);
const unknown = chosen.filter((name) => !BENCHES.some((bench) => bench === name));
if (unknown.length > 0) {
  console.error(`No such bench: ${unknown.join(', ')}. Benches: ${BENCHES.join(', ')}`);
  process.exit(2);
}
let isGood = true;
for (const bench of chosen.length > 0 ? chosen : BENCHES) {
  console.log(`== ${bench}`);
  const { status } = spawnSync(process.execPath, [join(import.meta.dirname, `${bench}.ts`)], {
    stdio: 'inherit',
  });
  isGood &&= status === 0;
}
process.exit(isGood ? 0 : 1);
