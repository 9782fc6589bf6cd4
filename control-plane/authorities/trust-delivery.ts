/** Tells devices over their authenticated link which roots to trust, as long as their facts name others. */
import { createHash, X509Certificate } from 'node:crypto';
import type { Authority } from '#certs';
import { type CertificateIssued, type Heartbeat, topicFor } from '#contract';
import type { Address } from '../ingest/message.ts';
import { rootMarkOf } from './plan.ts';

/** A device that cannot take them up must not be told with every beat. */
export const TRUST_INTERVAL_MS = 60_000;
/** Devices remembered for that; more are told again sooner. */
const MAX_REMEMBERED = 20_000;
/** Stands where a request has its id: nobody asked. */
export const TRUST_REQUEST_ID = 'trust';
const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----\n?/g;

export interface TrustDelivery {
  /** The message to send now, or null. Pure but for its memory. */
  due(deviceId: string, heartbeat: Heartbeat): CertificateIssued | null;
}

export function createTrustDelivery(authority: Pick<Authority, 'rootPem'>, now: () => Date): TrustDelivery {
  /** What the device last said that it trusts: facts come with the first beat of a session and when they change. */
  const said = new Map<string, string>();
  const told = new Map<string, number>();
  let known = { pem: '', marks: '' };

  const wantedMarks = (pem: string): string => {
    if (known.pem !== pem) known = { pem, marks: marksOf(pem) };
    return known.marks;
  };

  return {
    due(deviceId, { facts }) {
      const fact = facts?.trusted_roots;
      if (typeof fact === 'string') remember(said, deviceId, fact);
      const trusted = said.get(deviceId);
      // Never said: an agent that knows nothing of changing roots.
      if (trusted === undefined) return null;
      const { rootPem } = authority;
      if (sameMarks(trusted, wantedMarks(rootPem))) {
        told.delete(deviceId);
        return null;
      }
      const at = now().getTime();
      if (at - (told.get(deviceId) ?? Number.NEGATIVE_INFINITY) < TRUST_INTERVAL_MS) return null;
      remember(told, deviceId, at);
      return { request_id: TRUST_REQUEST_ID, trusted_roots: rootPem };
    },
  };
}

/** Topic and payload by which they go down. */
export const trustMessage = (address: Address, message: CertificateIssued): [string, string] => [
  topicFor('certificate/issued', address),
  JSON.stringify(message),
];

/** The roots of a bundle as devices name them. Pure. */
export function marksOf(bundlePem: string): string {
  const marks = (bundlePem.match(CERTIFICATE) ?? []).map((pem) =>
    rootMarkOf(createHash('sha256').update(new X509Certificate(pem).raw).digest('hex')),
  );
  return marks.join(' ');
}

const sameMarks = (left: string, right: string): boolean =>
  left.split(' ').sort().join(' ') === right.split(' ').sort().join(' ');

function remember<T>(memory: Map<string, T>, deviceId: string, value: T): void {
  if (memory.size >= MAX_REMEMBERED && !memory.has(deviceId)) memory.clear();
  memory.set(deviceId, value);
}
