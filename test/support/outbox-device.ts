/** A simulated device with the outbox's promise: sealed batches, one at a time, sent again until acknowledged. */
import { type Ack, decodePayload, parseTopic } from '#contract';
import { type DeviceCredentials, type DeviceLink, openDeviceLink } from './device-link.ts';

/** An ack that did not come within this time is asked for by sending again. */
const RESEND_MS = 2000;
const RECONNECT_FIRST_MS = 1100;
const RECONNECT_SPREAD_MS = 900;

export interface OutboxDeviceOptions {
  readonly host: string;
  readonly port: number;
  readonly trustPem: string;
  readonly credentials: DeviceCredentials;
  readonly bootId: string;
  readonly recordsPerBatch: number;
  /** From one ack to the next batch, at least. */
  readonly intervalMs: number;
  readonly random: () => number;
}

export interface OutboxDevice {
  readonly deviceId: string;
  readonly bootId: string;
  /** Number of the newest batch made. */
  readonly sealedSeq: number;
  /** Highest number acknowledged. */
  readonly ackedSeq: number;
  /** Acks that took back what an earlier one had promised. */
  readonly retractions: number;
  /** Makes no more batches; resolves when the last one is acknowledged. */
  drain(timeoutMs: number): Promise<void>;
  stop(): Promise<void>;
}

export function startOutboxDevice(options: OutboxDeviceOptions): OutboxDevice {
  const { credentials, bootId, random } = options;
  let epoch = 0;
  let link: DeviceLink | null = null;
  let sealedSeq = 0;
  let ackedSeq = 0;
  let retractions = 0;
  let batch: object | null = null;
  let isDraining = false;
  let isStopped = false;
  let timer: NodeJS.Timeout | undefined;
  let reconnect: NodeJS.Timeout | undefined;
  const drained = Promise.withResolvers<void>();

  async function connect(): Promise<void> {
    if (isStopped) return;
    epoch += 1;
    try {
      const opened = await openDeviceLink({ ...options, epoch, onMessage, onClose: lost });
      if (isStopped) {
        opened.destroy();
        return;
      }
      link = opened;
      opened.publish('presence', { kind: 'hello', session_epoch: epoch });
      if (batch === null) plan(options.intervalMs * random());
      else send();
    } catch {
      // Refused or not there yet; the only thing a device can do is to come again.
      lost();
    }
  }

  function lost(): void {
    link = null;
    clearTimeout(timer);
    if (!isStopped)
      reconnect = setTimeout(() => void connect(), RECONNECT_FIRST_MS + random() * RECONNECT_SPREAD_MS);
  }

  function plan(delayMs: number): void {
    clearTimeout(timer);
    timer = setTimeout(seal, delayMs);
  }

  function seal(): void {
    if (isDraining || isStopped) return;
    sealedSeq += 1;
    const seq = sealedSeq;
    batch = {
      boot_id: bootId,
      seq,
      records: Array.from({ length: options.recordsPerBatch }, (_, index) => ({
        timestamp: new Date().toISOString(),
        metric_type: 'kill_nine',
        value: { boot: bootId, seq, index, percent: 42.5 },
      })),
    };
    send();
  }

  function send(): void {
    if (batch === null || link === null) return;
    link.publish('metrics', batch);
    clearTimeout(timer);
    timer = setTimeout(send, RESEND_MS);
  }

  function onMessage(topic: string, payload: Buffer): void {
    if (parseTopic(topic)?.channel !== 'ack') return;
    const decoded = decodePayload('ack', payload);
    if (decoded.ok && decoded.value.stream === 'metrics' && decoded.value.boot_id === bootId)
      acked(decoded.value);
  }

  function acked({ seq }: Ack): void {
    // The ack of an earlier sending may come after a later one; only a batch given up by us can be taken back.
    if (seq < ackedSeq) retractions += 1;
    if (seq <= ackedSeq) return;
    ackedSeq = seq;
    if (seq < sealedSeq) return;
    batch = null;
    if (isDraining) drained.resolve();
    else plan(options.intervalMs * (0.5 + random()));
  }

  void connect();
  return {
    deviceId: credentials.device,
    bootId,
    get sealedSeq() {
      return sealedSeq;
    },
    get ackedSeq() {
      return ackedSeq;
    },
    get retractions() {
      return retractions;
    },
    async drain(timeoutMs) {
      isDraining = true;
      if (batch === null) return;
      const timeout = setTimeout(
        () => drained.reject(new Error(`batch ${sealedSeq} of ${credentials.device} was never acknowledged`)),
        timeoutMs,
      );
      await drained.promise;
      clearTimeout(timeout);
    },
    async stop() {
      isStopped = true;
      clearTimeout(timer);
      clearTimeout(reconnect);
      link?.destroy();
    },
  };
}
