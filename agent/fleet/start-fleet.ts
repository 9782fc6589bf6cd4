/** Many real agents in one process: real enrolment, links and outboxes, only the machines are made up. */
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { TelemetrySettings } from '#contract';
import { type Running, startAgent } from '../agent.ts';
import { enroll } from '../enroll.ts';
import { messageOf } from '../errors.ts';
import { Identity, STATE_FILES } from '../identity.ts';
import { type Log, withFields } from '../log.ts';
import { openStateFolder } from '../state.ts';
import { AGENT_VERSION } from '../version.ts';
import { SIMULATED_SERVICES, simulatedCollectors } from './simulated.ts';
import { startSimulatedLogs } from './simulated-logs.ts';

/** Enrolments at a time. */
const PARALLEL_ENROLMENTS = 8;
/** Starts are spread over one heartbeat, but never over more than this. */
const MAX_SPREAD_MS = 30_000;
/** The syncs of a thousand devices on one disk would hold up the one thread that they share. */
const DURABILITY = 'process';
/** A thousand sockets would serve nobody. */
const SIMULATED_TELEMETRY = { metrics: { socket: false }, logs: {} } as const;
const TYPES = ['uc1-pro', 'gateway', 'custom'] as const;

export interface FleetOptions {
  readonly devices: number;
  readonly token: string;
  readonly cloudUrl: string;
  readonly caPem: string | null;
  readonly stateDir: string;
  readonly heartbeatSeconds: number;
  readonly namePrefix: string;
  readonly log: Log;
  readonly now?: () => Date;
  readonly random?: () => number;
  /** In use until the organisation says something else; default: as shipped. */
  readonly telemetryDefaults?: TelemetrySettings;
  /** Starts of the agents are spread over this; default: one heartbeat, at most 30 s. */
  readonly spreadMs?: number;
}

export interface Fleet {
  /** Resolves once every device is enrolled and started, or has failed to. */
  readonly started: Promise<void>;
  readonly agents: readonly Running[];
  /** Goodbyes of all, in parallel. */
  stop(): Promise<void>;
}

export async function startFleet(options: FleetOptions): Promise<Fleet> {
  const { log, now = () => new Date(), random = Math.random } = options;
  const spreadMs = options.spreadMs ?? Math.min(options.heartbeatSeconds * 1000, MAX_SPREAD_MS);
  const agents: Running[] = [];
  const stopping = new AbortController();
  await openStateFolder(options.stateDir);

  const begunAtMs = performance.now();
  const starts: Promise<void>[] = [];

  const prepareDevice = async (index: number): Promise<void> => {
    const name = `${options.namePrefix}-${String(index + 1).padStart(4, '0')}`;
    const deviceLog = withFields(log, { device: name });
    const folder = await openStateFolder(join(options.stateDir, name), { durability: DURABILITY });
    if ((await folder.readJson(STATE_FILES.identity, Identity)) === null) {
      await enroll({
        folder,
        token: options.token,
        cloudUrl: options.cloudUrl,
        caPem: options.caPem,
        name,
        mayRename: true,
        type: TYPES[index % TYPES.length] ?? 'custom',
        hardwareId: await simulatedHardwareId(folder),
        firmwareVersion: AGENT_VERSION,
        log: deviceLog,
        now,
        random,
      });
    }
    // Not awaited here: waiting for its place in the spread must not hold up other enrolments.
    starts.push(
      startDevice(index, name, folder.dir, deviceLog).catch((error: unknown) =>
        deviceLog.error({ reason: messageOf(error) }, 'device could not be started'),
      ),
    );
  };
  const startDevice = async (
    index: number,
    name: string,
    stateDir: string,
    deviceLog: Log,
  ): Promise<void> => {
    const waitMs = begunAtMs + (index / options.devices) * spreadMs - performance.now();
    await sleep(Math.max(0, waitMs), undefined, { signal: stopping.signal }).catch(() => undefined);
    if (stopping.signal.aborted) return;
    agents.push(
      await startAgent({
        stateDir,
        log: deviceLog,
        now,
        random,
        collectors: simulatedCollectors({ index, name, now, random }),
        watchedServices: SIMULATED_SERVICES,
        heartbeatIntervalMs: options.heartbeatSeconds * 1000,
        durability: DURABILITY,
        telemetryConfig: SIMULATED_TELEMETRY,
        ...(options.telemetryDefaults === undefined ? {} : { telemetryDefaults: options.telemetryDefaults }),
        startLogs: (logs) => startSimulatedLogs(logs, random),
      }),
    );
  };

  const started = inParallel(options.devices, async (index) => {
    if (stopping.signal.aborted) return;
    await prepareDevice(index).catch((error: unknown) =>
      log.error({ index, reason: messageOf(error) }, 'device could not be enrolled'),
    );
  })
    .then(() => Promise.all(starts))
    .then(() => log.info({ devices: agents.length, asked: options.devices }, 'fleet started'));

  return {
    started,
    agents,
    async stop() {
      stopping.abort();
      await started;
      await Promise.all(agents.map((agent) => agent.stop()));
      log.info({ devices: agents.length }, 'fleet stopped');
    },
  };
}

/** Kept, so that an enrolment whose reply was lost is repeated as the same machine. */
async function simulatedHardwareId(folder: Awaited<ReturnType<typeof openStateFolder>>): Promise<string> {
  const kept = (await folder.read(STATE_FILES.hardwareId))?.trim();
  if (kept !== undefined) return kept;
  const made = `sim-${randomUUID()}`;
  await folder.write(STATE_FILES.hardwareId, `${made}\n`);
  return made;
}

async function inParallel(count: number, work: (index: number) => Promise<void>): Promise<void> {
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < count) {
      const index = next;
      next += 1;
      await work(index);
    }
  };
  await Promise.all(Array.from({ length: Math.min(PARALLEL_ENROLMENTS, count) }, worker));
}
