/** Tells the brokers which certificates are revoked and which organisations suspended: each at once, and all after every reconnect. */
import { randomUUID } from 'node:crypto';
import { Type } from 'typebox';
import {
  decodeValue,
  MAX_SERIALS_PER_MESSAGE,
  MAX_SUSPENDED_PER_MESSAGE,
  ORG_SLUG,
  type Revocations,
} from '#contract';
import type { Database } from '#db';
import type { Logger } from '../log.ts';

const Notice = Type.Object({
  serials: Type.Array(Type.String({ pattern: '^[0-9a-f]{2,40}$' })),
  /** Suspended now. */
  suspended_orgs: Type.Optional(Type.Array(Type.String({ pattern: ORG_SLUG.source }))),
  /** Something was taken back, which only the whole list can say. */
  refresh: Type.Optional(Type.Boolean()),
});
/** What brokers must refuse. */
export interface Refused {
  readonly serials: readonly string[];
  readonly suspendedOrgs: readonly string[];
}
const RETRY_MS = 1000;
/** Serials that wait to be told; beyond it the next message is a whole snapshot. */
const MAX_WAITING = 50_000;

export interface RevocationPublisher {
  /** The link to the broker is up (again): a new broker knows nothing, so send everything. */
  sendSnapshot(): void;
  stop(): Promise<void>;
}

export interface RevocationPublisherDeps {
  readonly database: Pick<Database, 'listen' | 'certificates' | 'organizations'>;
  /** False where it could not be handed over; the snapshot after the next connect makes up for it. */
  readonly publish: (message: Revocations) => boolean;
  readonly log: Logger;
  readonly now: () => Date;
  readonly newGeneration?: () => string;
}

export async function startRevocationPublisher(deps: RevocationPublisherDeps): Promise<RevocationPublisher> {
  const { database, publish, log, now, newGeneration = randomUUID } = deps;
  let waiting: string[] = [];
  let waitingOrgs: string[] = [];
  let isSnapshotDue = false;
  let isStopped = false;
  let pumping: Promise<void> | null = null;
  let retry: NodeJS.Timeout | null = null;

  const hasNews = (): boolean => waiting.length > 0 || waitingOrgs.length > 0;

  function wake(): void {
    if (isStopped || pumping !== null) return;
    pumping = pump().finally(() => {
      pumping = null;
      if (!isStopped && retry === null && (hasNews() || isSnapshotDue)) wake();
    });
  }

  /** One at a time: a snapshot read before a revocation must not be sent after the word of it. */
  async function pump(): Promise<void> {
    while (!isStopped && (hasNews() || isSnapshotDue)) {
      const news: Refused = { serials: waiting, suspendedOrgs: waitingOrgs };
      waiting = [];
      waitingOrgs = [];
      for (const message of messagesOf('added', newGeneration(), news)) publish(message);
      if (!isSnapshotDue) continue;
      isSnapshotDue = false;
      try {
        const revoked = await database.certificates.revoked(now());
        const suspendedOrgs = await database.organizations.suspendedSlugs();
        const all: Refused = { serials: revoked.map(({ serial }) => serial), suspendedOrgs };
        const messages = messagesOf('snapshot', newGeneration(), all);
        const sent = messages.every(publish);
        log.info(
          { serials: all.serials.length, suspendedOrgs: suspendedOrgs.length, sent },
          'revocation snapshot',
        );
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
      waitingOrgs.push(...(decoded.value.suspended_orgs ?? []));
      if (decoded.value.refresh === true) isSnapshotDue = true;
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

/** Parts of bounded size; a snapshot has at least one, an empty addition none. Pure. */
export function messagesOf(
  kind: Revocations['kind'],
  generation: string,
  { serials, suspendedOrgs }: Refused,
): Revocations[] {
  const needed = Math.max(
    Math.ceil(serials.length / MAX_SERIALS_PER_MESSAGE),
    Math.ceil(suspendedOrgs.length / MAX_SUSPENDED_PER_MESSAGE),
  );
  if (kind === 'added' && needed === 0) return [];
  const parts = Math.max(1, needed);
  return Array.from({ length: parts }, (_, index) => ({
    kind,
    generation,
    part: index + 1,
    parts,
    serials: serials.slice(index * MAX_SERIALS_PER_MESSAGE, (index + 1) * MAX_SERIALS_PER_MESSAGE),
    suspended_orgs: suspendedOrgs.slice(
      index * MAX_SUSPENDED_PER_MESSAGE,
      (index + 1) * MAX_SUSPENDED_PER_MESSAGE,
    ),
  }));
}
