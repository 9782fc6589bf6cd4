/**
 * Devices that send batches of measurements at a steady rate, in a process of their own: `fork(…)`, one LoadOrder by
 * message, LoadReading about once a second, then LoadResult. MQTT by mqtt-packet over TLS sockets.
 */
import { randomUUID } from 'node:crypto';
import { decodePayload, parseTopic } from '#contract';
import { type DeviceCredentials, type DeviceLink, openDeviceLink } from '../support/device-link.ts';
import { batchText } from './metric-batches.ts';

export interface LoadOrder {
  readonly port: number;
  readonly trustPem: string;
  readonly devices: readonly DeviceCredentials[];
  readonly pointsPerMessage: number;
  /** Over all devices. */
  readonly messagesPerSecond: number;
  /** Warm-up included. */
  readonly seconds: number;
  /** From here on times are taken: until then the parts translate themselves into machine code. */
  readonly warmupSeconds: number;
  /** Unacknowledged batches of one device; a device whose window is full leaves its turn out. Null: acks are not waited for. */
  readonly window: number | null;
}
export interface LoadReading {
  readonly kind: 'reading';
  readonly sent: number;
  readonly acked: number;
}
export interface LoadResult {
  readonly kind: 'result';
  readonly sent: number;
  readonly acked: number;
  /** Messages of the channel `ack`, each of which may cover several batches. */
  readonly acks: number;
  /** Turns that were left out because a window was full. */
  readonly heldBack: number;
  readonly broken: number;
  /** From the first publish to the last. */
  readonly seconds: number;
  /** From the first publish to the last ack. */
  readonly secondsToLastAck: number;
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
  readonly max: number;
}
export type LoadMessage =
  | { readonly kind: 'connected' }
  | (Omit<LoadReading, 'kind'> & { readonly kind: 'warm' })
  | LoadReading
  | LoadResult;

const PARALLEL_CONNECTS = 20;
const SLICE_MS = 5;
const READING_MS = 1000;
/** Batches still without an ack after this are lost. */
const LATEST_ACK_MS = 30_000;

interface Sender {
  readonly link: DeviceLink;
  readonly index: number;
  readonly bootId: string;
  seq: number;
  acked: number;
  /** Time of publish of acked + 1 … seq. */
  sentAt: number[];
}

process.once('message', (order: LoadOrder) => void run(order).then(() => process.exit(0)));
process.on('disconnect', () => process.exit(1));

async function run(order: LoadOrder): Promise<void> {
  let latencies: number[] = [];
  let acked = 0;
  let acks = 0;
  let broken = 0;
  let isStopped = false;
  let lastAckAt = 0;
  const senders: Sender[] = [];

  async function open(credentials: DeviceCredentials, index: number): Promise<void> {
    const link = await openDeviceLink({
      host: '127.0.0.1',
      port: order.port,
      trustPem: order.trustPem,
      credentials,
      epoch: 1,
      onMessage(topic, payload) {
        if (parseTopic(topic)?.channel !== 'ack') return;
        const ack = decodePayload('ack', payload);
        if (!ack.ok || ack.value.stream !== 'metrics' || ack.value.boot_id !== sender.bootId) return;
        const now = performance.now();
        acks += 1;
        lastAckAt = now;
        const count = ack.value.seq - sender.acked;
        if (count <= 0) return;
        for (const at of sender.sentAt.splice(0, count)) latencies.push(now - at);
        acked += count;
        sender.acked = ack.value.seq;
      },
      onClose() {
        if (!isStopped) broken += 1;
      },
    });
    const sender: Sender = { link, index, bootId: randomUUID(), seq: 0, acked: 0, sentAt: [] };
    link.publish('presence', { kind: 'hello', session_epoch: 1, certificate_serial: credentials.serial });
    senders.push(sender);
  }
  const queue = order.devices.map((credentials, index) => ({ credentials, index }));
  await Promise.all(
    Array.from({ length: PARALLEL_CONNECTS }, async () => {
      for (let next = queue.pop(); next !== undefined; next = queue.pop()) {
        await open(next.credentials, next.index);
      }
    }),
  );
  tell({ kind: 'connected' });
  await new Promise<void>((resolve) => process.once('message', () => resolve()));

  let sent = 0;
  let turns = 0;
  let heldBack = 0;
  const total = Math.round(order.messagesPerSecond * order.seconds);
  const startedAt = performance.now();
  lastAckAt = startedAt;
  const reading = setInterval(() => tell({ kind: 'reading', sent, acked }), READING_MS);

  const warmup = setTimeout(() => {
    latencies = [];
    tell({ kind: 'warm', sent, acked });
  }, order.warmupSeconds * 1000);

  function publish(sender: Sender, timestamp: string): void {
    sender.seq += 1;
    if (order.window !== null) sender.sentAt.push(performance.now());
    sender.link.publishText(
      'metrics',
      batchText(sender.bootId, sender.seq, order.pointsPerMessage, sender.index, timestamp),
    );
    sent += 1;
  }
  await new Promise<void>((resolve) => {
    const timer = setInterval(() => {
      const elapsed = (performance.now() - startedAt) / 1000;
      const due = Math.min(total, Math.floor(elapsed * order.messagesPerSecond));
      const timestamp = new Date().toISOString();
      for (; turns < due; turns += 1) {
        const sender = senders[turns % senders.length];
        if (sender === undefined) continue;
        if (order.window !== null && sender.seq - sender.acked >= order.window) heldBack += 1;
        else publish(sender, timestamp);
      }
      if (turns < total) return;
      clearInterval(timer);
      resolve();
    }, SLICE_MS);
  });
  const seconds = (performance.now() - startedAt) / 1000;
  const deadline = performance.now() + LATEST_ACK_MS;
  while (order.window !== null && acked < sent && performance.now() < deadline) {
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  clearInterval(reading);
  clearTimeout(warmup);
  isStopped = true;
  const sorted = Float64Array.from(latencies).sort();
  const at = (share: number): number =>
    sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(sorted.length * share) - 1))] ?? 0;
  tell({
    kind: 'result',
    sent,
    acked,
    acks,
    heldBack,
    broken,
    seconds,
    secondsToLastAck: (lastAckAt - startedAt) / 1000,
    p50: at(0.5),
    p95: at(0.95),
    p99: at(0.99),
    max: at(1),
  });
  // Its readers take the CPU time first; their word ends this process and, with it, its sockets.
  await new Promise<void>((resolve) => process.once('message', () => resolve()));
  for (const { link } of senders) link.destroy();
}

function tell(message: LoadMessage): void {
  process.send?.(message);
}
