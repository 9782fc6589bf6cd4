/**
 * Bar F1: a device that was offline for 24 hours replays what it held, through the real broker and control plane into
 * PostgreSQL: in order, with its own timestamps, exactly once, while its heartbeats and new measurements go on, and
 * with at most 200 messages a second. The 24 hours pass on a simulated clock; everything after is real.
 * `node test/bars/telemetry/offline-replay.ts [--hours 24] [--long]`; --long: a week.
 */
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import pg from 'pg';
import {
  commonNameOf,
  DEFAULT_TELEMETRY,
  decodePayload,
  EVENT_SERVICE,
  fleetFilter,
  parseTopic,
  STREAMS,
  type Stream,
} from '#contract';
import { type Running, startAgent } from '../../../agent/agent.ts';
import { machineClock } from '../../../agent/clock.ts';
import { metricRecords } from '../../../agent/collectors/sample.ts';
import { writeFirstPair } from '../../../agent/credentials.ts';
import { eventRecord } from '../../../agent/events.ts';
import { simulatedCollectors } from '../../../agent/fleet/simulated.ts';
import { makeLine, startSimulatedLogs } from '../../../agent/fleet/simulated-logs.ts';
import { type Identity, STATE_FILES } from '../../../agent/identity.ts';
import { createLog } from '../../../agent/log.ts';
import { openOutbox } from '../../../agent/outbox/outbox.ts';
import { openStateFolder } from '../../../agent/state.ts';
import { runBar } from '../../support/bar.ts';
import { type Installation, startInstallation } from '../../support/installation.ts';
import { connectRaw } from '../../support/raw-mqtt-client.ts';
import { type SeededDevice, seedFleet } from '../../support/seeded-fleet.ts';
import { seededRandom } from '../../support/seeded-random.ts';

const { values } = parseArgs({
  options: { hours: { type: 'string' }, long: { type: 'boolean', default: false } },
});
/** A week is what the outbox keeps; an hour less, for time goes on meanwhile. */
const HOURS = Number(values.hours ?? (values.long ? 167 : 24));
const SAMPLE_EVERY_MS = 30_000;
const BEAT_MS = 1000;
const MAX_MESSAGES_PER_SECOND = 200;
const GIVE_UP_MS = values.long ? 900_000 : 120_000;

interface Message {
  readonly atMs: number;
  readonly channel: string;
  readonly bootId: string;
  readonly seq: number;
  readonly isBacklog: boolean;
}

const TABLES: Readonly<Record<Stream, string>> = {
  metrics: 'device_metrics',
  logs: 'device_logs',
  // Stored as log lines of the agent.
  events: 'device_logs',
};

const dir = mkdtempSync(join(tmpdir(), 'offline-replay-'));
let installation: Installation | undefined;
let agent: Running | undefined;
await runBar(async () => {
  try {
    installation = await startInstallation({ dir });
    return await measure(installation);
  } finally {
    await agent?.stop();
    await installation?.stop();
    rmSync(dir, { recursive: true, force: true });
  }
});

async function measure(running: Installation) {
  const { database, authority } = running;
  const [device] = (await seedFleet({ database, authority, slug: 'replay', count: 1 })).devices;
  if (device === undefined) throw new Error('no device');
  const stateDir = join(dir, 'agent');
  await writeIdentity(stateDir, running, device);
  const offlineUntilMs = Date.now();
  const held = passTimeOffline(stateDir, offlineUntilMs);
  console.log(`${HOURS} h offline: ${STREAMS.map((name) => `${held[name].length} ${name}`).join(', ')}`);

  const messages: Message[] = [];
  const observer = await observe(running, messages);
  const begunAt = performance.now();
  agent = await startAgent({
    stateDir,
    log: createLog({ format: 'json', level: 'error', now: () => new Date(), write: console.log }),
    collectors: simulatedCollectors({ index: 1, name: 'replay', now: () => new Date(), random: Math.random }),
    heartbeatIntervalMs: BEAT_MS,
    telemetryConfig: { metrics: { socket: false }, logs: {} },
    telemetryDefaults: { ...DEFAULT_TELEMETRY, metrics: { interval_seconds: 1, aggregate_seconds: 0 } },
    startLogs: (options) => startSimulatedLogs(options, Math.random),
  });
  const streams = await storedStreams(running);
  const isDone = (): boolean =>
    streams.every((stream) => {
      const oldest = agent?.status().outbox.by_class?.[stream]?.oldest_at;
      return oldest === undefined || Date.parse(oldest) > offlineUntilMs;
    });
  while (!isDone() && performance.now() - begunAt < GIVE_UP_MS) await sleep(50);
  const tookS = (performance.now() - begunAt) / 1000;
  const beats = messages.filter(({ channel }) => channel === 'heartbeat').length;
  observer.destroy();
  if (!isDone()) throw new Error(`the backlog is not empty after ${Math.round(tookS)} s`);

  let missing = 0;
  let doubled = 0;
  let stored = 0;
  for (const stream of streams) {
    const found = await stampsIn(running.databaseUrl, stream, device.device, offlineUntilMs);
    stored += found.length;
    const { lacking, extra } = compare(held[stream], found);
    missing += lacking;
    doubled += extra;
  }
  const peak = peakPerSecond(messages);
  const disorder = countDisorder(messages);
  // Each beat is a second: one less for the first and one for what is cut off at the end.
  const missedBeats = Math.max(0, Math.floor(tookS * (BEAT_MS / 1000)) - 2 - beats);
  const live = messages.filter(({ channel, isBacklog }) => channel === 'metrics' && !isBacklog).length;
  console.log(
    `${stored} records of ${streams.join(' and ')} in ${tookS.toFixed(1)} s; ${beats} beats and ${live} live batches meanwhile`,
  );
  return {
    name: 'offline-replay',
    figure: `${missing} missing, ${doubled} doubled or altered, ${disorder} out of order, ${missedBeats} beats missed, peak ${peak} msg/s`,
    limit: `0, 0, 0, 0, ${MAX_MESSAGES_PER_SECOND} msg/s`,
    holds:
      missing === 0 &&
      doubled === 0 &&
      disorder === 0 &&
      missedBeats === 0 &&
      stored > 1000 &&
      live > 0 &&
      peak <= MAX_MESSAGES_PER_SECOND,
  };
}

/** What the agent would have recorded, by its own code; returns the timestamps of each class in order. */
function passTimeOffline(stateDir: string, untilMs: number): Record<Stream, string[]> {
  const clock = machineClock(() => new Date());
  let atMs = untilMs - HOURS * 3_600_000;
  const outbox = openOutbox({
    file: join(stateDir, STATE_FILES.outbox),
    log: createLog({ format: 'json', level: 'warn', now: () => new Date(), write: console.log }),
    clock: () => {
      const { wallMs, monoMs, osBoot } = clock();
      return { wallMs: atMs, monoMs: monoMs - (wallMs - atMs), osBoot };
    },
    newId: randomUUID,
    durability: 'process',
  });
  const random = seededRandom(1);
  const stamps: Record<Stream, string[]> = { events: [], logs: [], metrics: [] };
  const started = eventRecord({ kind: 'agent.started', level: 'info', message: 'offline' }, new Date(atMs));
  outbox.append('events', [started]);
  stamps.events.push(started.timestamp);
  for (; atMs < untilMs; atMs += SAMPLE_EVERY_MS) {
    const records = metricRecords({
      takenAt: new Date(atMs),
      uptimeSeconds: 1,
      cpu: { percent: random() * 100, cores: 4, load1: 1 },
      memory: { totalBytes: 8e9, usedBytes: random() * 8e9, swapTotalBytes: 0, swapUsedBytes: 0 },
      disk: { mount: '/', totalBytes: 1e11, usedBytes: 5e10, percent: 50 },
      network: [{ name: 'eth0', receivedBytesPerSecond: 1, sentBytesPerSecond: 1, errors: 0 }],
      gpus: [],
    });
    outbox.append('metrics', records);
    stamps.metrics.push(...records.map(({ timestamp }) => timestamp));
    const lines = [0, 1].map((step) => makeLine(new Date(atMs + step), random));
    outbox.append('logs', lines);
    stamps.logs.push(...lines.map(({ timestamp }) => timestamp));
  }
  outbox.close();
  return stamps;
}

async function writeIdentity(stateDir: string, running: Installation, device: SeededDevice): Promise<void> {
  const folder = await openStateFolder(stateDir);
  await folder.writeJson(STATE_FILES.identity, {
    device_id: device.device,
    device_name: 'replay',
    organization_slug: device.org,
    client_id: commonNameOf({ kind: 'device', org: device.org, device: device.device }),
    mqtt_url: `mqtts://localhost:${running.mqttPort}`,
    cloud_url: 'https://localhost:1',
    ca_certificate: running.authority.rootPem,
    https_ca: null,
    firmware_version: '1.0.0',
    heartbeat_interval_seconds: 30,
  } satisfies Identity);
  await writeFirstPair(folder, { private_key: device.privateKeyPem, certificate_chain: device.chainPem });
}

/** Listens beside the control plane to what the device says. */
async function observe(running: Installation, messages: Message[]) {
  const keys = await running.authority.serviceCertificate('observer');
  const client = await connectRaw({
    host: '127.0.0.1',
    port: running.mqttPort,
    servername: 'localhost',
    ca: running.authority.rootPem,
    key: keys.keyPem,
    cert: keys.chainPem,
  });
  const code = await client.connect({ clientId: 'service/observer' });
  if (code !== 0) throw new Error(`CONNACK ${code} for the observer`);
  await client.subscribe(...(['heartbeat', 'presence', ...STREAMS] as const).map(fleetFilter));
  let done = 0;
  client.socket.on('data', () => {
    for (; done < client.packets.length; done += 1) {
      const packet = client.packets[done];
      if (packet?.cmd !== 'publish') continue;
      const channel = parseTopic(packet.topic)?.channel ?? '';
      const stream = STREAMS.find((name) => name === channel);
      const decoded = stream === undefined ? null : decodePayload(stream, Buffer.from(packet.payload));
      const batch = decoded?.ok === true ? decoded.value : null;
      messages.push({
        atMs: performance.now(),
        channel,
        bootId: batch?.boot_id ?? '',
        seq: batch?.seq ?? 0,
        isBacklog: batch?.backfill === true,
      });
    }
  });
  return client;
}

/** The classes that this installation stores. */
async function storedStreams(running: Installation): Promise<Stream[]> {
  const client = new pg.Client({ connectionString: running.databaseUrl });
  await client.connect();
  const { rows } = await client.query<{ name: string }>(
    "SELECT table_name AS name FROM information_schema.tables WHERE table_schema = 'public'",
  );
  await client.end();
  const tables = new Set(rows.map(({ name }) => name));
  return STREAMS.filter((stream) => tables.has(TABLES[stream]));
}

/** Timestamps of the device's rows of the offline time. */
async function stampsIn(url: string, stream: Stream, device: string, untilMs: number): Promise<string[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  const own =
    stream === 'metrics' ? '' : `AND service_name ${stream === 'logs' ? '<>' : '='} '${EVENT_SERVICE}'`;
  const { rows } = await client.query<{ at: Date }>(
    `SELECT timestamp AS at FROM ${TABLES[stream]} WHERE device_id = $1 AND timestamp < $2 ${own}`,
    [device, new Date(untilMs)],
  );
  await client.end();
  return rows.map(({ at }) => at.toISOString());
}

/** Both as multisets. */
function compare(expected: readonly string[], found: readonly string[]): { lacking: number; extra: number } {
  const counts = new Map<string, number>();
  for (const stamp of expected) counts.set(stamp, (counts.get(stamp) ?? 0) + 1);
  for (const stamp of found) counts.set(stamp, (counts.get(stamp) ?? 0) - 1);
  const rest = [...counts.values()];
  return {
    lacking: rest.reduce((sum, count) => sum + Math.max(0, count), 0),
    extra: rest.reduce((sum, count) => sum + Math.max(0, -count), 0),
  };
}

/** Batches of one numbering that came before one with a smaller number; a repetition of the newest is none. */
function countDisorder(messages: readonly Message[]): number {
  const newest = new Map<string, number>();
  let count = 0;
  for (const { bootId, seq } of messages) {
    if (bootId === '') continue;
    const before = newest.get(bootId) ?? 0;
    if (seq !== before && seq !== before + 1) count += 1;
    newest.set(bootId, Math.max(before, seq));
  }
  return count;
}

/** Of any second, whenever it begins. */
function peakPerSecond(messages: readonly Message[]): number {
  let peak = 0;
  let first = 0;
  for (const [index, { atMs }] of messages.entries()) {
    while ((messages[first]?.atMs ?? atMs) < atMs - 1000) first += 1;
    peak = Math.max(peak, index - first + 1);
  }
  return peak;
}
