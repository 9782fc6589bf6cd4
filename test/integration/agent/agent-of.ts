/** Enrols and starts agents against a cloud, quick in everything that is slow in real life. */
import { join } from 'node:path';
import { DEFAULT_TELEMETRY, type TelemetrySettings } from '#contract';
import { type AgentOptions, type Running, startAgent } from '../../../agent/agent.ts';
import { enroll } from '../../../agent/enroll.ts';
import { simulatedCollectors } from '../../../agent/fleet/simulated.ts';
import { startSimulatedLogs } from '../../../agent/fleet/simulated-logs.ts';
import { openStateFolder } from '../../../agent/state.ts';
import { silentLog } from '../../unit/agent/silent-log.ts';
import type { ContractCloud } from './contract-cloud.ts';

/** As shipped, but with the shortest interval that there is. */
export const QUICK_TELEMETRY: TelemetrySettings = {
  ...DEFAULT_TELEMETRY,
  metrics: { interval_seconds: 1, aggregate_seconds: 0 },
};

let machines = 0;

/** Returns its state folder. */
export async function enrollMachine(cloud: ContractCloud, name = `machine-${++machines}`): Promise<string> {
  const stateDir = join(cloud.dir, 'agents', name);
  await enroll({
    folder: await openStateFolder(stateDir),
    token: cloud.token,
    cloudUrl: cloud.url,
    caPem: cloud.caPem,
    name,
    mayRename: false,
    type: 'custom',
    hardwareId: `hw-${name}`,
    firmwareVersion: '2.1.0',
    log: silentLog(),
    now: () => new Date(),
    random: () => 0.1,
  });
  return stateDir;
}

export const startQuickAgent = (stateDir: string, more: Partial<AgentOptions> = {}): Promise<Running> =>
  startAgent({
    stateDir,
    log: silentLog(),
    collectors: simulatedCollectors({ index: 1, name: 'm', now: () => new Date(), random: Math.random }),
    startLogs: (logs) => startSimulatedLogs(logs, () => 0.01),
    telemetryConfig: { metrics: { socket: false }, logs: {} },
    telemetryDefaults: QUICK_TELEMETRY,
    heartbeatIntervalMs: 300,
    backoff: { firstMs: 200, capMs: 1500, unreachedCapMs: 1500 },
    resendAfterMs: 400,
    ...more,
  });
