/** Loaded with --import into programs that know nothing of a supervisor: its stop becomes their SIGTERM. */
import { attachLeash, report } from './leash.ts';

attachLeash(() => process.kill(process.pid, 'SIGTERM'));
void report({ type: 'ready' });
