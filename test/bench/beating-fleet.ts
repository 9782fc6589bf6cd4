/** Simulated devices that only beat, and how long each beat takes from publish to ack. One process, lean sockets. */
import { decodePayload, parseTopic } from '#contract';
import { type DeviceCredentials, type DeviceLink, openDeviceLink } from '../support/device-link.ts';

/** Handshakes under way at once: they cost more CPU than all beats together. */
const PARALLEL_CONNECTS = 20;
/** Timer grain of the sender; beats of one slice go out together. */
const SLICE_MS = 5;
/** Beats still without an ack after this are counted as lost. */
export const LATEST_ACK_MS = 10_000;

export interface Measured {
  readonly sent: number;
  readonly acked: number;
  readonly seconds: number;
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
  readonly max: number;
}

export interface BeatingFleet {
  /** Beats spread evenly over all devices at this rate, for so long; then waits for the last acks. */
  run(beatsPerSecond: number, seconds: number): Promise<Measured>;
  /** Connections that broke by themselves. */
  readonly broken: number;
  stop(): void;
}

interface Beater {
  link: DeviceLink;
  seq: number;
  readonly sentAt: Map<number, number>;
}

export async function startBeatingFleet(options: {
  port: number;
  trustPem: string;
  devices: readonly DeviceCredentials[];
  epoch: number;
}): Promise<BeatingFleet> {
  const beaters: Beater[] = [];
  let latencies: number[] = [];
  let broken = 0;
  let isStopped = false;

  async function open(credentials: DeviceCredentials): Promise<void> {
    const sentAt = new Map<number, number>();
    const link = await openDeviceLink({
      host: '127.0.0.1',
      port: options.port,
      trustPem: options.trustPem,
      credentials,
      epoch: options.epoch,
      onMessage(topic, payload) {
        const heardAt = performance.now();
        if (parseTopic(topic)?.channel !== 'ack') return;
        const ack = decodePayload('ack', payload);
        if (!ack.ok || ack.value.stream !== 'heartbeat') return;
        const publishedAt = sentAt.get(ack.value.seq);
        if (publishedAt === undefined) return;
        sentAt.delete(ack.value.seq);
        latencies.push(heardAt - publishedAt);
      },
      onClose() {
        if (!isStopped) broken += 1;
      },
    });
    link.publish('presence', {
      kind: 'hello',
      session_epoch: options.epoch,
      certificate_serial: credentials.serial,
    });
    beaters.push({ link, seq: 0, sentAt });
  }

  const queue = [...options.devices];
  const connectAll = async (): Promise<void> => {
    for (let next = queue.pop(); next !== undefined; next = queue.pop()) await open(next);
  };
  await Promise.all(Array.from({ length: PARALLEL_CONNECTS }, connectAll));

  function beat(beater: Beater): void {
    beater.seq += 1;
    beater.sentAt.set(beater.seq, performance.now());
    beater.link.publish('heartbeat', heartbeatOf(options.epoch, beater.seq));
  }

  return {
    async run(beatsPerSecond, seconds) {
      latencies = [];
      for (const beater of beaters) beater.sentAt.clear();
      const total = Math.round(beatsPerSecond * seconds);
      const startedAt = performance.now();
      let sent = 0;
      await new Promise<void>((resolve) => {
        const timer = setInterval(() => {
          const due = Math.min(total, Math.floor(((performance.now() - startedAt) / 1000) * beatsPerSecond));
          for (; sent < due; sent += 1) {
            const beater = beaters[sent % beaters.length];
            if (beater !== undefined) beat(beater);
          }
          if (sent < total) return;
          clearInterval(timer);
          resolve();
        }, SLICE_MS);
      });
      const deadline = performance.now() + LATEST_ACK_MS;
      while (latencies.length < sent && performance.now() < deadline) {
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      const sorted = latencies.toSorted((left, right) => left - right);
      const at = (share: number): number =>
        sorted[Math.min(sorted.length - 1, Math.ceil(sorted.length * share) - 1)] ?? Number.NaN;
      return {
        sent,
        acked: sorted.length,
        seconds,
        p50: at(0.5),
        p95: at(0.95),
        p99: at(0.99),
        max: at(1),
      };
    },
    get broken() {
      return broken;
    },
    stop() {
      isStopped = true;
      for (const { link } of beaters) link.destroy();
    },
  };
}

/** About 450 bytes, as the agent of a small machine sends them. */
const heartbeatOf = (epoch: number, seq: number): object => ({
  status: 'online',
  uptime: 86_400 + seq,
  services: [
    { name: 'vllm', status: 'running', kind: 'docker', restarts: 0 },
    { name: 'open-webui', status: 'running', kind: 'docker', restarts: 1 },
  ],
  metrics: { cpu_percent: 45.2, memory_percent: 67.8, disk_percent: 32.1 },
  firmware_version: '2.1.0',
  agent_version: '0.1.0',
  sent_at: new Date().toISOString(),
  session_epoch: epoch,
  seq,
  config: { version: 0 },
  outbox: { records: 0, bytes: 0, dropped: 0 },
});
