/** Every message that the broker hands to the control plane, to the part that deals with it. */
import type { Authority } from '#certs';
import { decodeSystemPayload, parseSystemTopic, parseTopic } from '#contract';
import type { Database } from '#db';
import { createRenewalDesk } from '../credentials/renewal-desk.ts';
import type { Logger } from '../log.ts';
import type { DeadLetterBox } from './dead-letters.ts';
import type { Ingest } from './ingest.ts';
import { decodeMessage } from './message.ts';
import { noRejections, type RejectionCounts } from './reasons.ts';

/** Renewals and refusal reports in work at once; more are refused or dropped, and counted. */
const MAX_ASIDE = 50;
/** Topics remembered as they were read; a device has six. */
const MAX_TOPICS = 60_000;

export interface InboxDeps {
  readonly database: Database;
  readonly authority: Authority;
  readonly deviceCertificateDays: number;
  readonly ingest: Ingest;
  readonly deadLetters: DeadLetterBox;
  readonly publish: (topic: string, payload: string) => boolean;
  readonly log: Logger;
  readonly now: () => Date;
}

export interface Inbox {
  /** Null where the next message may be read at once, else resolves when it may. Never rejects. */
  take(topic: string, payload: Uint8Array): Promise<void> | null;
  /** Messages of which nothing was understood, by reason. */
  readonly undecodable: Readonly<RejectionCounts>;
  /** Reports and requests dropped because too many were in work. */
  readonly droppedAside: number;
  /** Messages for which the queue had no room; they are not acknowledged. */
  readonly overflow: number;
  /** Resolves when all that was taken aside is settled. */
  idle(): Promise<void>;
}

type Topic = ReturnType<typeof parseTopic>;

export function createInbox(deps: InboxDeps): Inbox {
  const { database, ingest, log, now } = deps;
  const renewals = createRenewalDesk(deps);
  const open = new Set<Promise<void>>();
  const topics = new Map<string, Topic>();
  const undecodable = noRejections();
  let droppedAside = 0;
  let overflow = 0;

  /** Devices say much on few topics. */
  function topicOf(text: string): Topic {
    let topic = topics.get(text);
    if (topic === undefined) {
      topic = parseTopic(text);
      if (topics.size >= MAX_TOPICS) topics.clear();
      topics.set(text, topic);
    }
    return topic;
  }

  function take(topic: string, payload: Uint8Array): Promise<void> | null {
    const parsed = topicOf(topic);
    if (parsed === null) takeSystem(topic, payload);
    else if (parsed.channel === 'certificate/request') {
      if (!runAside(() => renewals.answer(parsed, payload))) renewals.refuse(parsed, payload, 'rate.limited');
    } else takeRecord(topic, parsed, payload);
    return ingest.whenReady();
  }

  function takeRecord(topic: string, parsed: NonNullable<Topic>, payload: Uint8Array): void {
    const receivedAt = now();
    const decoded = decodeMessage(parsed.channel, parsed, payload, receivedAt);
    if (decoded.ok) {
      if (!ingest.offer(decoded.message)) overflow += 1;
      return;
    }
    putAside(topic, parsed, decoded.reason, payload, receivedAt);
    undecodable[decoded.code] += 1;
  }

  function takeSystem(topic: string, payload: Uint8Array): void {
    const system = parseSystemTopic(topic);
    if (system === 'refusals') runAside(() => storeRefusals(payload));
    else if (system === null) {
      undecodable.envelope += 1;
      putAside(topic, null, 'no topic of a device', payload, now());
    }
  }

  function putAside(
    topic: string,
    parsed: Topic,
    reason: string,
    sample: Uint8Array,
    receivedAt: Date,
  ): void {
    const orgSlug = parsed?.org ?? null;
    const device = parsed?.device ?? null;
    const channel = parsed?.channel ?? null;
    deps.deadLetters.put({ orgSlug, device, channel, topic, reason, sample, receivedAt });
  }

  function runAside(work: () => Promise<void>): boolean {
    if (open.size >= MAX_ASIDE) {
      droppedAside += 1;
      return false;
    }
    const run = async (): Promise<void> => {
      try {
        await work();
      } catch (error) {
        log.warn({ err: error }, 'message not dealt with');
      }
    };
    const tracked = run().finally(() => open.delete(tracked));
    open.add(tracked);
    return true;
  }

  async function storeRefusals(payload: Uint8Array): Promise<void> {
    const decoded = decodeSystemPayload('refusals', payload);
    if (decoded.ok) await database.refusals.append(decoded.value, now());
    else log.warn({ reason: decoded.reason }, 'refusal report not understood');
  }

  return {
    take,
    undecodable,
    get droppedAside() {
      return droppedAside;
    },
    get overflow() {
      return overflow;
    },
    async idle() {
      await Promise.all(open);
    },
  };
}
