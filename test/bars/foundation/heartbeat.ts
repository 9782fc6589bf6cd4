/** Bar: publish → committed row → ack p95 < 100 ms at 1,000 simulated devices, mosquitto's numbers beside ours. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

const bench = join(import.meta.dirname, '../../bench/heartbeat.ts');
const isLong = process.argv.includes('--long');
const { status } = spawnSync(process.execPath, [bench, ...(isLong ? [] : ['--quick'])], { stdio: 'inherit' });
process.exit(status ?? 1);
