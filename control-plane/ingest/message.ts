/** What ingest takes in, and the one way from bytes to it; MQTT and HTTPS meet here. Pure. */
import { Type } from 'typebox';
import {
  decodePayload,
  decodeValue,
  type Heartbeat,
  type MetricRecord,
  MetricsBatch,
  type PresenceMessage,
  parseTopic,
} from '#contract';

/** A device's place: organisation slug and device UUID, from certificate or topic, never from a payload. */
export interface Address {
  readonly org: string;
  readonly device: string;
}

interface Received {
  readonly address: Address;
  /** Our clock; presence and last_seen follow it, never the device's. */
  readonly receivedAt: Date;
}

export type IngestMessage =
  | (Received & {
      readonly kind: 'heartbeat';
      readonly via: 'mqtt' | 'https';
      readonly heartbeat: Heartbeat;
      /** Of the proven certificate, or what the beat claims; activated only where it belongs to the device. */
      readonly certificateSerial: string | null;
    })
  | (Received & { readonly kind: 'presence'; readonly presence: PresenceMessage })
  | (Received & {
      readonly kind: 'metrics';
      /** Null: unnumbered, stored at least once. */
      readonly batch: BatchNumber | null;
      readonly records: readonly MetricRecord[];
    })
  /** A numbered batch whose content cannot be stored, now or ever; it must not block those behind it. */
  | (Received & {
      readonly kind: 'unusable';
      readonly batch: BatchNumber;
      readonly reason: string;
      readonly sample: Uint8Array;
    });

export interface BatchNumber {
  readonly bootId: string;
  readonly seq: number;
}

export type DecodedMessage =
  | { readonly ok: true; readonly message: IngestMessage }
  | {
      readonly ok: false;
      readonly address: Address | null;
      readonly channel: string | null;
      readonly reason: string;
    };

/** Most bytes of a payload that are kept in a dead letter. */
export const SAMPLE_BYTES = 2048;

const Numbered = Type.Object({
  boot_id: MetricsBatch.properties.boot_id,
  seq: MetricsBatch.properties.seq,
});

/** Decodes a device's message on heartbeat, presence or metrics; every other topic is not ok. */
export function decodeMessage(topic: string, payload: Uint8Array, receivedAt: Date): DecodedMessage {
  const parsed = parseTopic(topic);
  if (parsed === null) return { ok: false, address: null, channel: null, reason: 'no topic of a device' };
  const { channel } = parsed;
  const address = { org: parsed.org, device: parsed.device };
  const fail = (reason: string): DecodedMessage => ({ ok: false, address, channel, reason });
  switch (channel) {
    case 'heartbeat': {
      const decoded = decodePayload('heartbeat', payload);
      if (!decoded.ok) return fail(decoded.reason);
      const certificateSerial = decoded.value.certificate_serial ?? null;
      const heartbeat = decoded.value;
      const message = {
        kind: 'heartbeat',
        via: 'mqtt',
        address,
        receivedAt,
        heartbeat,
        certificateSerial,
      } as const;
      return { ok: true, message };
    }
    case 'presence': {
      const decoded = decodePayload('presence', payload);
      if (!decoded.ok) return fail(decoded.reason);
      return { ok: true, message: { kind: 'presence', address, receivedAt, presence: decoded.value } };
    }
    case 'metrics': {
      const decoded = decodePayload('metrics', payload);
      if (decoded.ok) {
        const { boot_id: bootId, seq, records } = decoded.value;
        return {
          ok: true,
          message: { kind: 'metrics', address, receivedAt, batch: { bootId, seq }, records },
        };
      }
      const batch = numberOf(payload);
      if (batch === null) return fail(decoded.reason);
      const sample = payload.subarray(0, SAMPLE_BYTES);
      return {
        ok: true,
        message: { kind: 'unusable', address, receivedAt, batch, reason: decoded.reason, sample },
      };
    }
    default:
      return fail(`channel ${channel} is not for ingest`);
  }
}

/** The numbers of a batch that fails its schema; null where not even they can be read. */
function numberOf(payload: Uint8Array): BatchNumber | null {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(payload));
  } catch {
    return null; // The caller reports the decoder's own reason.
  }
  if (typeof value !== 'object' || value === null) return null;
  const { boot_id, seq } = value as { boot_id?: unknown; seq?: unknown };
  const decoded = decodeValue(Numbered, { boot_id, seq });
  return decoded.ok ? { bootId: decoded.value.boot_id, seq: decoded.value.seq } : null;
}

/** Cost of a message in a batch: its rows. */
export const weightOf = (message: IngestMessage): number =>
  message.kind === 'metrics' ? message.records.length : 1;
