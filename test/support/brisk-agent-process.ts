/** A brisk agent as a process of its own: `node brisk-agent-process.ts STATE_DIR`. Keeps a power cut's promises. */
import { startBriskAgent } from './authority-world.ts';

await startBriskAgent(process.argv[2] ?? '', { heartbeatIntervalMs: 300, durability: 'power-cut' });
