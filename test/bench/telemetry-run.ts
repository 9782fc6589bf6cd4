/** One measured phase on the real parts: load process → broker → control plane → database, with CPU time by part. */
import { mkdirSync } from 'node:fs';
import type { Authority } from '#certs';
import { withClient } from '../support/database-server.ts';
import { type Installation, startInstallation } from '../support/installation.ts';
import { cpuSecondsOf, rssMbOf } from '../support/process-tree.ts';
import { type SeededDevice, seedFleet } from '../support/seeded-fleet.ts';
import type { BenchDatabase } from './bench-database.ts';
import { type BrokerFloor, measureMosquitto } from './broker-floor.ts';
import { type CopyFloor, measureCopy } from './copy-floor.ts';
import { runLoad } from './load.ts';
import type { LoadResult } from './telemetry-load.ts';

/** Devices are spread over so many organisations: the broker bounds each organisation's rate. */
const ORGANIZATIONS = 10;
/** Rows that are copied for the floor; enough for a steady figure. */
const FLOOR_ROWS = 500_000;
/** Longer than any hour that a run touches, so that its rollups can be made at once. */
const SETTLED_MS = 3 * 3_600_000;
const ROLLUP_CHUNK = 500;

export interface Phase {
  readonly name: string;
  readonly devices: number;
  readonly pointsPerMessage: number;
  readonly messagesPerSecond: number;
  /** Warm-up included. */
  readonly seconds: number;
  readonly warmupSeconds: number;
  readonly window: number;
  /** Also measure Mosquitto and psql with the same traffic and rows. */
  readonly withFloor: boolean;
}
/** CPU in µs per durable message. */
export interface CpuByPart {
  readonly broker: number;
  readonly controlPlane: number;
  readonly postgres: number;
}
export interface MemoryReading {
  readonly second: number;
  readonly brokerMb: number;
  readonly controlPlaneMb: number;
}
export interface PhaseResult {
  readonly phase: Phase;
  readonly load: LoadResult;
  /** Rows of device_metrics at the end; equals points of acknowledged batches or the run is worth nothing. */
  readonly rows: number;
  readonly messagesPerSecond: number;
  readonly pointsPerSecond: number;
  readonly cpu: CpuByPart;
  /** PostgreSQL's CPU for the rollups of these points, made afterwards in one go; µs per message. */
  readonly rollupMicros: number;
  readonly memory: readonly MemoryReading[];
  readonly floor: { readonly broker: BrokerFloor; readonly copy: CopyFloor } | null;
}

export async function runPhase(database: BenchDatabase, phase: Phase, dir: string): Promise<PhaseResult> {
  mkdirSync(dir, { recursive: true });
  const databaseUrl = await database.create();
  const installation = await startInstallation({ dir, databaseUrl });
  try {
    const devices = await seedAll(installation, phase.devices);
    const memory: MemoryReading[] = [];
    const read = () => cpuReadings(installation, database);
    let before = read();
    let after = before;
    let ackedBefore = 0;
    const { result } = await runLoad(
      {
        port: installation.mqttPort,
        trustPem: installation.authority.trustPem,
        devices,
        pointsPerMessage: phase.pointsPerMessage,
        messagesPerSecond: phase.messagesPerSecond,
        seconds: phase.seconds,
        warmupSeconds: phase.warmupSeconds,
        window: phase.window,
      },
      {
        onWarm: (acked) => {
          before = read();
          ackedBefore = acked;
        },
        onReading: () => memory.push(memoryOf(installation, memory.length + 1)),
        onEnd: () => {
          after = read();
        },
      },
    );
    const rows = await countRows(databaseUrl);
    const beforeRollups = cpuSecondsOf(database.postmasterPid);
    const later = new Date(Date.now() + SETTLED_MS);
    while ((await installation.database.series.refreshRollups(later, ROLLUP_CHUNK)) > 0);
    const rollupSeconds = cpuSecondsOf(database.postmasterPid) - beforeRollups;
    const measured = result.acked - ackedBefore;
    const seconds = result.secondsToLastAck - phase.warmupSeconds;
    const perMessage = (part: keyof CpuByPart): number => ((after[part] - before[part]) / measured) * 1e6;
    return {
      phase,
      load: result,
      rows,
      messagesPerSecond: measured / seconds,
      pointsPerSecond: (measured * phase.pointsPerMessage) / seconds,
      cpu: {
        broker: perMessage('broker'),
        controlPlane: perMessage('controlPlane'),
        postgres: perMessage('postgres'),
      },
      rollupMicros: (rollupSeconds / result.acked) * 1e6,
      memory,
      floor: phase.withFloor
        ? await measureFloor(installation.authority, devices, database, databaseUrl, phase, result, dir)
        : null,
    };
  } finally {
    await installation.stop();
  }
}

async function seedAll(installation: Installation, count: number): Promise<SeededDevice[]> {
  const { database, authority } = installation;
  const each = Math.ceil(count / ORGANIZATIONS);
  const fleets: SeededDevice[] = [];
  for (let index = 0; index < ORGANIZATIONS && fleets.length < count; index += 1) {
    const { devices } = await seedFleet({
      database,
      authority,
      slug: `bench-${index}`,
      count: Math.min(each, count - fleets.length),
    });
    fleets.push(...devices);
  }
  return fleets;
}

function cpuReadings(installation: Installation, database: BenchDatabase): CpuByPart {
  const ofPart = (part: 'broker' | 'control-plane'): number => {
    const pid = installation.pid(part);
    if (pid === undefined) throw new Error(`${part} does not run`);
    return cpuSecondsOf(pid);
  };
  return {
    broker: ofPart('broker'),
    controlPlane: ofPart('control-plane'),
    postgres: cpuSecondsOf(database.postmasterPid),
  };
}

const memoryOf = (installation: Installation, second: number): MemoryReading => ({
  second,
  brokerMb: rssMbOf(installation.pid('broker') ?? 0),
  controlPlaneMb: rssMbOf(installation.pid('control-plane') ?? 0),
});

async function countRows(url: string): Promise<number> {
  const { rows } = await withClient(url, (client) =>
    client.query<{ rows: number }>('SELECT count(*)::float8 AS rows FROM device_metrics'),
  );
  return rows[0]?.rows ?? 0;
}

async function measureFloor(
  authority: Authority,
  devices: readonly SeededDevice[],
  database: BenchDatabase,
  from: string,
  phase: Phase,
  load: LoadResult,
  dir: string,
) {
  const copy = measureCopy({
    from,
    into: await database.create(),
    dir,
    postmasterPid: database.postmasterPid,
    maxRows: FLOOR_ROWS,
  });
  const { pointsPerMessage, messagesPerSecond, seconds, warmupSeconds } = phase;
  const broker = await measureMosquitto({
    dir,
    authority,
    order: {
      trustPem: authority.trustPem,
      devices,
      pointsPerMessage,
      messagesPerSecond,
      seconds,
      warmupSeconds,
    },
    acksPerMessage: load.acks / load.sent,
  });
  return { broker, copy };
}
