/** Tells the brokers which certificates are revoked: each at once, and the whole list after every reconnect. */
import { randomUUID } from 'node:crypto';
import { Type } from 'typebox';
import { decodeValue, MAX_SERIALS_PER_MESSAGE, type Revocations } from '#contract';
import type { Database } from '#db';
import type { Logger } from '../log.ts';

const Notice = Type.Object({ serials: Type.Array(Type.String({ pattern: '^[0-9a-f]{2,40}$' })) });
const RETRY_MS = 1000;
/** Serials that wait to be told; beyond it the next message is a whole snapshot. */
const MAX_WAITING = 50_000;

export interface RevocationPublisher {
  /** The link to the broker is up (again): a new broker knows nothing, so send everything. */
  sendSnapshot(): void;
  stop(): Promise<void>;
}

export interface RevocationPublisherDeps {
  readonly database: Pick<Database, 'listen' | 'certificates'>;
  /** False where it could not be handed over; the snapshot after the next connect makes up for it. */
  readonly publish: (message: Revocations) => boolean;
  readonly log: Logger;
  readonly now: () => Date;
  readonly newGeneration?: () => string;
}

export async function startRevocationPublisher(deps: RevocationPublisherDeps): Promise<RevocationPublisher> {
  const { database, publish, log, now, newGeneration = randomUUID } = deps;
  let waiting: string[] = [];
  let isSnapshotDue = false;
  let isStopped = false;
  let pumping: Promise<void> | null = null;
  let retry: NodeJS.Timeout | null = null;

  function wake(): void {
    if (isStopped || pumping !== null) return;
    pumping = pump().finally(() => {
      pumping = null;
      if (!isStopped && retry === null && (waiting.length > 0 || isSnapshotDue)) wake();
    });
  }

  /** One at a time: a snapshot read before a revocation must not be sent after the word of it. */
  async function pump(): Promise<void> {
    while (!isStopped && (waiting.length > 0 || isSnapshotDue)) {
      const serials = waiting;
      waiting = [];
      for (const message of messagesOf('added', newGeneration(), serials)) publish(message);
      if (!isSnapshotDue) continue;
      isSnapshotDue = false;
      try {
        const revoked = await database.certificates.revoked(now());
        const all = revoked.map(({ serial }) => serial);
        const messages = messagesOf('snapshot', newGeneration(), all);
        const sent = messages.every(publish);
        log.info({ serials: all.length, sent }, 'revocation snapshot');
      } catch (error) {
        log.warn({ err: error }, 'revocations not read; trying again');
        isSnapshotDue = true;
        retry = setTimeout(() => {
          retry = null;
          wake();
        }, RETRY_MS);
        return;
      }
    }
  }

  function sendSnapshot(): void {
    isSnapshotDue = true;
    wake();
  }

  const listening = await database.listen('edge_revocations', {
    onMessage(payload) {
      const decoded = decodeValue(Notice, payload);
      if (!decoded.ok || waiting.length + decoded.value.serials.length > MAX_WAITING) {
        // Something was revoked, though we cannot tell what: the table can.
        log.error({ reason: decoded.ok ? 'too many' : decoded.reason }, 'notice of revocation not used');
        sendSnapshot();
        return;
      }
      waiting.push(...decoded.value.serials);
      wake();
    },
    onResync: sendSnapshot,
  });

  return {
    sendSnapshot,
    async stop() {
      isStopped = true;
      if (retry !== null) clearTimeout(retry);
      await listening.stop();
      await pumping;
    },
  };
}

/** Parts of at most MAX_SERIALS_PER_MESSAGE; a snapshot has at least one, an empty addition none. Pure. */
export function messagesOf(
  kind: Revocations['kind'],
  generation: string,
  serials: readonly string[],
): Revocations[] {
  if (kind === 'added' && serials.length === 0) return [];
  const parts = Math.max(1, Math.ceil(serials.length / MAX_SERIALS_PER_MESSAGE));
  return Array.from({ length: parts }, (_, index) => ({
    kind,
    generation,
    part: index + 1,
    parts,
    serials: serials.slice(index * MAX_SERIALS_PER_MESSAGE, (index + 1) * MAX_SERIALS_PER_MESSAGE),
  }));
}
