/** Every message that the broker hands to the control plane, to the part that deals with it. */

import type { Authority } from '#certs';
import {
  type Ack,
  type CertificateIssued,
  decodePayload,
  decodeSystemPayload,
  parseSystemTopic,
  parseTopic,
  topicFor,
} from '#contract';
import type { Database } from '#db';
import type { AckTokens } from '../credentials/ack-tokens.ts';
import { renewCertificate } from '../credentials/renewal.ts';
import { AppError } from '../errors.ts';
import type { Logger } from '../log.ts';
import type { DeadLetterBox } from './dead-letters.ts';
import type { Ingest } from './ingest.ts';
import { type Address, decodeMessage, type IngestMessage } from './message.ts';
import type { Outcome } from './plan.ts';

/** Renewals and refusal reports in work at once; more are refused or dropped, and counted. */
const MAX_ASIDE = 50;

export interface InboxDeps {
  readonly database: Database;
  readonly authority: Authority;
  readonly deviceCertificateDays: number;
  readonly ingest: Ingest;
  readonly deadLetters: DeadLetterBox;
  readonly tokens: AckTokens;
  readonly publish: (topic: string, payload: string) => boolean;
  readonly log: Logger;
  readonly now: () => Date;
}

export interface Inbox {
  /** Null where the next message may be read at once, else resolves when it may. Never rejects. */
  take(topic: string, payload: Uint8Array): Promise<void> | null;
  /** Messages that were not understood. */
  readonly undecodable: number;
  /** Reports and requests dropped because too many were in work. */
  readonly droppedAside: number;
  /** Resolves when all that was taken is settled. */
  idle(): Promise<void>;
}

export function createInbox(deps: InboxDeps): Inbox {
  const { database, ingest, tokens, publish, log, now } = deps;
  const open = new Set<Promise<void>>();
  let aside = 0;
  let undecodable = 0;
  let droppedAside = 0;

  function track(work: Promise<void>): void {
    const tracked = work.finally(() => open.delete(tracked));
    open.add(tracked);
  }

  function take(topic: string, payload: Uint8Array): Promise<void> | null {
    const system = parseSystemTopic(topic);
    const parsed = parseTopic(topic);
    if (system !== null) {
      if (system === 'refusals') runAside(() => storeRefusals(payload));
    } else if (parsed?.channel === 'certificate/request') {
      const isTaken = runAside(() => renew(parsed, payload));
      if (!isTaken) refuseRenewal(parsed, payload, 'rate.limited');
    } else {
      const receivedAt = now();
      const decoded = decodeMessage(topic, payload, receivedAt);
      if (decoded.ok) {
        track(handle(decoded.message));
      } else {
        undecodable += 1;
        const { address, channel, reason } = decoded;
        const orgSlug = address?.org ?? null;
        const device = address?.device ?? null;
        deps.deadLetters.put({ orgSlug, device, channel, topic, reason, sample: payload, receivedAt });
      }
    }
    return ingest.whenReady();
  }

  async function handle(message: IngestMessage): Promise<void> {
    try {
      const outcome = await ingest.submit(message);
      if (outcome.ack === null) return;
      const due = message.kind === 'heartbeat' && outcome.deviceId !== null;
      const isTokenDue = due && tokens.isDue(outcome.deviceId, message.heartbeat);
      const token = isTokenDue ? await makeToken(message, outcome) : null;
      const ack: Ack = { ...outcome.ack, ...token };
      publish(topicFor('ack', message.address), JSON.stringify(ack));
    } catch (error) {
      // Not committed, so not acknowledged: the device sends it again.
      log.debug({ err: error, ...message.address }, 'message not committed');
    }
  }

  /** The ack is the promise that matters; without a token it still goes out. */
  async function makeToken(message: Extract<IngestMessage, { kind: 'heartbeat' }>, outcome: Outcome) {
    const { deviceId, orgId } = outcome;
    if (deviceId === null || orgId === null) return null;
    try {
      return await tokens.make({ deviceId, orgId, org: message.address.org }, message.heartbeat);
    } catch (error) {
      log.warn({ err: error, ...message.address }, 'no token for the ack');
      return null;
    }
  }

  function runAside(work: () => Promise<void>): boolean {
    if (aside >= MAX_ASIDE) {
      droppedAside += 1;
      return false;
    }
    aside += 1;
    const run = async (): Promise<void> => {
      try {
        await work();
      } catch (error) {
        log.warn({ err: error }, 'message not dealt with');
      } finally {
        aside -= 1;
      }
    };
    track(run());
    return true;
  }

  async function storeRefusals(payload: Uint8Array): Promise<void> {
    const decoded = decodeSystemPayload('refusals', payload);
    if (decoded.ok) await database.refusals.append(decoded.value, now());
    else log.warn({ reason: decoded.reason }, 'refusal report not understood');
  }

  async function renew({ org, device }: Address, payload: Uint8Array): Promise<void> {
    const decoded = decodePayload('certificate/request', payload);
    if (!decoded.ok) {
      undecodable += 1;
      return;
    }
    const { request_id, csr } = decoded.value;
    try {
      const request = { org, deviceId: device, csrPem: csr, ipAddress: null };
      const renewed = await renewCertificate(deps, request);
      reply(
        { org, device },
        {
          request_id,
          certificate_chain: renewed.chainPem,
          expires_at: renewed.expiresAt.toISOString(),
        },
      );
    } catch (error) {
      if (!(error instanceof AppError)) log.error({ err: error, org, device }, 'renewal failed');
      reply({ org, device }, { request_id, error: error instanceof AppError ? error.code : 'internal' });
    }
  }

  function refuseRenewal(address: Address, payload: Uint8Array, error: string): void {
    const decoded = decodePayload('certificate/request', payload);
    if (decoded.ok) reply(address, { request_id: decoded.value.request_id, error });
  }

  function reply({ org, device }: Address, message: CertificateIssued): void {
    publish(topicFor('certificate/issued', { org, device }), JSON.stringify(message));
  }

  return {
    take,
    get undecodable() {
      return undecodable;
    },
    get droppedAside() {
      return droppedAside;
    },
    async idle() {
      await Promise.all(open);
    },
  };
}
