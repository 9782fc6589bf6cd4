/** This machine's own device: enrolled once through the same door as every other, then seen beating. */
import { existsSync, readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Database } from '#db';
import { createLocalToken } from '../enrollment/system-token.ts';
import { runOnce } from './run-once.ts';

const ENROLL_DEADLINE_MS = 60_000;
export const FIRST_HEARTBEAT_DEADLINE_MS = 30_000;
const POLL_MS = 100;

export interface LocalAgentDeps {
  readonly root: string;
  readonly database: Database;
  readonly organizationId: string;
  /** The database was made in this start: a state folder from before belongs to a lost one. */
  readonly isNewInstallation: boolean;
  readonly stateDir: string;
  readonly cloudUrl: string;
  readonly caFile: string;
  readonly signal: AbortSignal;
  readonly onLine: (line: string, stream: 'stdout' | 'stderr') => void;
}

export type Enrolled = { readonly deviceId: string } | { readonly problem: string };

/** Enrols where that was not done before; a problem is said, and is no reason not to start. */
export async function ensureEnrolled(deps: LocalAgentDeps): Promise<Enrolled> {
  const { database, stateDir } = deps;
  let deviceId = readDeviceId(stateDir);
  if (deviceId !== null && deps.isNewInstallation) {
    renameSync(stateDir, `${stateDir}.of-lost-database-${process.pid}`);
    deviceId = null;
  }
  if (deviceId !== null) {
    if ((await database.devices.find(null, deviceId)) !== null) return { deviceId };
    return {
      problem: `This machine's own device was deleted; to enrol it again, remove ${stateDir} and start once more.`,
    };
  }
  const { token } = await createLocalToken(database, deps.organizationId, {
    name: 'This machine',
    maxUses: 1,
  });
  const end = await runOnce({
    args: [
      ...['agent/main.ts', 'enroll', '--cloud-url', deps.cloudUrl],
      ...['--ca-file', deps.caFile, '--state-dir', stateDir, '--log-format', 'json'],
    ],
    cwd: deps.root,
    // By environment: the command line of a process is for everybody to read.
    env: { ...process.env, EDGE_AGENT_TOKEN: token },
    deadlineMs: ENROLL_DEADLINE_MS,
    signal: deps.signal,
    onLine: deps.onLine,
  });
  const enrolled = readDeviceId(stateDir);
  if (end.code === 0 && enrolled !== null) return { deviceId: enrolled };
  return {
    problem: `This machine's own agent could not be enrolled: ${end.lastWords.replace(/^edge-agent: /, '')}`,
  };
}

/** @returns false when none was committed in time. */
export async function waitForHeartbeat(
  database: Database,
  deviceId: string,
  since: Date,
  signal: AbortSignal,
): Promise<boolean> {
  const deadline = performance.now() + FIRST_HEARTBEAT_DEADLINE_MS;
  const device = await database.devices.find(null, deviceId);
  if (device === null) return false;
  while (performance.now() < deadline) {
    const snapshot = await database.presence.snapshot(device.orgId, deviceId);
    if (snapshot?.lastHeartbeatAt != null && snapshot.lastHeartbeatAt >= since) return true;
    await sleep(POLL_MS, undefined, { signal });
  }
  return false;
}

/** The agent writes this file last, when it is wholly enrolled. */
function readDeviceId(stateDir: string): string | null {
  if (!existsSync(join(stateDir, 'identity.json'))) return null;
  const file = join(stateDir, 'device_id');
  return existsSync(file) ? readFileSync(file, 'utf8').trim() : null;
}
