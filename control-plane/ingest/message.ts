/** What ingest takes in, and the one way from bytes to it; MQTT and HTTPS meet here. Pure. */
import { type ChannelName, decodePayload, type Heartbeat, type PresenceMessage } from '#contract';
import { type BatchContent, decodeBatch } from './decode-batch.ts';
import type { Rejection } from './reasons.ts';

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

export type HeartbeatMessage = Received & {
  readonly kind: 'heartbeat';
  readonly via: 'mqtt' | 'https';
  readonly heartbeat: Heartbeat;
  /** Of the proven certificate, or what the beat claims; activated only where it belongs to the device. */
  readonly certificateSerial: string | null;
};
export type PresenceChangeMessage = Received & {
  readonly kind: 'presence';
  readonly presence: PresenceMessage;
};
/** What presence is decided from. */
export type SignMessage = HeartbeatMessage | PresenceChangeMessage;
export type BatchMessage = Received & {
  readonly kind: 'batch';
  readonly content: BatchContent;
  /** Of the payload. */
  readonly bytes: number;
};
export type IngestMessage = SignMessage | BatchMessage;

export type DecodedMessage =
  | { readonly ok: true; readonly message: IngestMessage }
  | { readonly ok: false; readonly code: Rejection; readonly reason: string };

/** Most bytes of a payload that are kept in a dead letter. */
export const SAMPLE_BYTES = 2048;

/** Decodes what a device said on heartbeat, presence, metrics, logs or events; every other channel is not ok. */
export function decodeMessage(
  channel: ChannelName,
  address: Address,
  payload: Uint8Array,
  receivedAt: Date,
): DecodedMessage {
  switch (channel) {
    case 'metrics':
    case 'logs':
    case 'events': {
      const decoded = decodeBatch(channel, payload);
      if (!decoded.ok) return decoded;
      const { content } = decoded;
      return { ok: true, message: { kind: 'batch', address, receivedAt, content, bytes: payload.length } };
    }
    case 'heartbeat': {
      const decoded = decodePayload('heartbeat', payload);
      if (!decoded.ok) return { ok: false, code: 'record', reason: decoded.reason };
      const heartbeat = decoded.value;
      const certificateSerial = heartbeat.certificate_serial ?? null;
      return {
        ok: true,
        message: { kind: 'heartbeat', via: 'mqtt', address, receivedAt, heartbeat, certificateSerial },
      };
    }
    case 'presence': {
      const decoded = decodePayload('presence', payload);
      if (!decoded.ok) return { ok: false, code: 'record', reason: decoded.reason };
      return { ok: true, message: { kind: 'presence', address, receivedAt, presence: decoded.value } };
    }
    default:
      return { ok: false, code: 'envelope', reason: `channel ${channel} is not for ingest` };
  }
}

/** Payload bytes that count as one row: an ordinary record in JSON, a short log line. */
export const BYTES_PER_ROW = 512;

/** Cost of a message in a batch: its rows, or its bytes where these are many; in rows. */
export const weightOf = (message: IngestMessage): number =>
  message.kind === 'batch'
    ? Math.max(1, message.content.records.length, Math.ceil(message.bytes / BYTES_PER_ROW))
    : 1;
