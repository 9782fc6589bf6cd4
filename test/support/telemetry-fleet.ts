/**
 * Devices that measure and log, in a process of its own: numbered batches of both streams, a window of them under way,
 * sent again until acknowledged. What a batch holds follows from its number, so that it is the same each time.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { decodePayload, parseTopic } from '#contract';
import { type DeviceCredentials, type DeviceLink, openDeviceLink } from './device-link.ts';

export const FLEET_METRIC = 'fleet_check';
export const FLEET_SERVICE = 'fleet-check';
export const FLEET_STREAMS = ['metrics', 'logs'] as const;
export type FleetStream = (typeof FLEET_STREAMS)[number];

export interface FleetOptions {
  readonly port: number;
  readonly trustPem: string;
  readonly devices: readonly DeviceCredentials[];
  /** Of both streams together, over all devices. */
  readonly messagesPerSecond: number;
  readonly recordsPerBatch: number;
  /** Batches of one stream under way. */
  readonly window: number;
  /** 0: no heartbeats. */
  readonly heartbeatSeconds: number;
}

export interface StreamReading {
  readonly device: string;
  readonly stream: FleetStream;
  readonly produced: number;
  readonly acked: number;
}
export interface FleetReading {
  readonly streams: readonly StreamReading[];
  /** Publishes, the repeated ones among them. */
  readonly sent: number;
  /** Acks that took back what an earlier one had promised. */
  readonly retractions: number;
  readonly connected: number;
  readonly reconnects: number;
}

export interface TelemetryFleet {
  read(): Promise<FleetReading>;
  /** Makes no more batches. */
  finish(): Promise<void>;
  stop(): Promise<void>;
}

/** Resolves when every device is connected. */
export async function startTelemetryFleet(options: FleetOptions): Promise<TelemetryFleet> {
  const child = fork(import.meta.filename, [], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  const ended = once(child, 'exit').then(([code]): never => {
    throw new Error(`the fleet's process ended with ${code}`);
  });
  ended.catch(() => undefined); // Only whoever asks wants to know.
  let answered = Promise.withResolvers<unknown>();
  child.on('message', (answer) => answered.resolve(answer));
  const ask = async <T>(word: unknown): Promise<T> => {
    answered = Promise.withResolvers();
    child.send(word as object);
    return (await Promise.race([answered.promise, ended])) as T;
  };
  await ask(options);
  return {
    read: () => ask<FleetReading>('read'),
    async finish() {
      await ask('finish');
    },
    async stop() {
      child.disconnect();
      if (child.exitCode === null) await once(child, 'exit');
    },
  };
}

/** Asks until `holds`. @throws Error after `limitMs`, saying `what` */
export async function untilFleet(
  fleet: TelemetryFleet,
  what: string,
  limitMs: number,
  holds: (reading: FleetReading) => boolean,
): Promise<FleetReading> {
  const deadline = Date.now() + limitMs;
  for (;;) {
    const reading = await fleet.read();
    if (holds(reading)) return reading;
    if (Date.now() > deadline) {
      const behind = reading.streams.filter(({ produced, acked }) => acked < produced).length;
      throw new Error(
        `${what}: not after ${limitMs} ms; ${behind} streams wait, ${reading.connected} connected`,
      );
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

export const allAcked = ({ streams }: FleetReading): boolean =>
  streams.every(({ produced, acked }) => acked === produced);

/** An ack that did not come within this time is asked for by sending again. */
const RESEND_MS = 3000;
/** Timer grain of the makers. */
const TICK_MS = 50;
const RECONNECT_MS = 1100;
const PARALLEL_CONNECTS = 20;
export const FLEET_BOOT = 'fleet-boot-1';

interface Stream {
  readonly name: FleetStream;
  produced: number;
  sent: number;
  acked: number;
  progressAt: number;
}

if (process.argv[1] === import.meta.filename && process.send !== undefined) {
  process.once('message', (options) => void runChild(options as FleetOptions));
}

async function runChild(options: FleetOptions): Promise<void> {
  const counts = { sent: 0, retractions: 0, connected: 0, reconnects: 0, isFinished: false };
  const devices = options.devices.map((credentials) => createDevice(options, credentials, counts));
  const queue = [...devices];
  await Promise.all(
    Array.from({ length: PARALLEL_CONNECTS }, async () => {
      for (let next = queue.pop(); next !== undefined; next = queue.pop()) await next.connect();
    }),
  );
  const startedAt = Date.now();
  const perStream = options.messagesPerSecond / (options.devices.length * FLEET_STREAMS.length);
  setInterval(() => {
    const due = Math.floor(((Date.now() - startedAt) / 1000) * perStream);
    for (const device of devices) device.tick(counts.isFinished ? null : due);
  }, TICK_MS);
  process.on('message', (word) => {
    if (word === 'finish') {
      counts.isFinished = true;
      process.send?.('finished');
      return;
    }
    const { sent, retractions, connected, reconnects } = counts;
    const streams = devices.flatMap((device) => device.read());
    process.send?.({ streams, sent, retractions, connected, reconnects } satisfies FleetReading);
  });
  process.on('disconnect', () => process.exit(0));
  process.send?.('connected');
}

function createDevice(
  options: FleetOptions,
  credentials: DeviceCredentials,
  counts: { sent: number; retractions: number; connected: number; reconnects: number },
) {
  const streams: Stream[] = FLEET_STREAMS.map((name) => ({
    name,
    produced: 0,
    sent: 0,
    acked: 0,
    progressAt: 0,
  }));
  let link: DeviceLink | null = null;
  let epoch = 0;
  let beats = 0;
  let nextBeatAt = Date.now() + Math.random() * options.heartbeatSeconds * 1000;

  async function connect(): Promise<void> {
    epoch += 1;
    try {
      link = await openDeviceLink({
        host: '127.0.0.1',
        port: options.port,
        trustPem: options.trustPem,
        credentials,
        epoch,
        onMessage,
        onClose: lost,
      });
    } catch {
      // Refused or not there yet; a device can only come again.
      await new Promise((resolve) => setTimeout(resolve, RECONNECT_MS * (1 + Math.random())));
      return connect();
    }
    counts.connected += 1;
    link.publish('presence', { kind: 'hello', session_epoch: epoch });
    if (options.heartbeatSeconds > 0) beat();
    for (const stream of streams) stream.sent = stream.acked;
  }

  function lost(): void {
    link = null;
    counts.connected -= 1;
    counts.reconnects += 1;
    setTimeout(() => void connect(), RECONNECT_MS * (1 + Math.random()));
  }

  function beat(): void {
    beats += 1;
    nextBeatAt = Date.now() + options.heartbeatSeconds * 1000 * (0.9 + Math.random() * 0.2);
    link?.publish('heartbeat', { status: 'online', uptime: 60, session_epoch: epoch, seq: beats });
  }

  function pump(stream: Stream): void {
    while (link !== null && stream.sent < stream.produced && stream.sent - stream.acked < options.window) {
      if (stream.sent === stream.acked) stream.progressAt = Date.now();
      stream.sent += 1;
      counts.sent += 1;
      link.publish(stream.name, batchOf(stream.name, stream.sent, options.recordsPerBatch));
    }
  }

  function onMessage(topic: string, payload: Buffer): void {
    if (parseTopic(topic)?.channel !== 'ack') return;
    const decoded = decodePayload('ack', payload);
    const stream = decoded.ok ? streams.find(({ name }) => name === decoded.value.stream) : undefined;
    if (!decoded.ok || stream === undefined) return;
    const { seq } = decoded.value;
    if (seq < stream.acked) counts.retractions += 1;
    if (seq <= stream.acked) return;
    stream.acked = seq;
    stream.sent = Math.max(stream.sent, seq);
    stream.progressAt = Date.now();
    pump(stream);
  }

  return {
    connect,
    /** `due`: batches made since the start; null = no more. */
    tick(due: number | null): void {
      if (link !== null && options.heartbeatSeconds > 0 && Date.now() >= nextBeatAt) beat();
      for (const stream of streams) {
        if (due !== null) stream.produced = Math.max(stream.produced, due);
        const isStuck = stream.sent > stream.acked && Date.now() - stream.progressAt > RESEND_MS;
        if (isStuck) stream.sent = stream.acked;
        pump(stream);
      }
    },
    read: (): StreamReading[] =>
      streams.map(({ name, produced, acked }) => ({
        device: credentials.device,
        stream: name,
        produced,
        acked,
      })),
  };
}

function batchOf(stream: FleetStream, seq: number, size: number): object {
  const timestamp = new Date().toISOString();
  return {
    boot_id: FLEET_BOOT,
    seq,
    records: Array.from({ length: size }, (_, index) =>
      stream === 'metrics'
        ? { timestamp, metric_type: FLEET_METRIC, value: { seq, index, percent: 42.5 } }
        : {
            timestamp,
            log_level: 'info',
            service_name: FLEET_SERVICE,
            message: `line ${index} of batch ${seq}`,
            metadata: { seq, index },
          },
    ),
  };
}
