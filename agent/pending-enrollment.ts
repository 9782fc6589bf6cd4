/**
 * A registration that waits for people: what is needed to ask again is kept, so that it goes on after a restart, and
 * asked for at the pace that the server says.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { type Static, Type } from 'typebox';
import { DEVICE_TYPES, type RegisterBody, type RegisterReply } from '#web-api';
import { ApiError, type DeviceApi } from './device-api.ts';
import { AgentError, messageOf } from './errors.ts';
import { HttpsError } from './https.ts';
import { STATE_FILES } from './identity.ts';
import type { Log } from './log.ts';
import type { StateFolder } from './state.ts';

/** Where the server does not say. */
const PENDING_MS = 30_000;
/** After a rejection, and after an answer that only people can change. */
const REFUSED_MS = 3_600_000;
const UNREACHED_MS = 60_000;
/** On top of each wait: devices that were switched on together do not ask together. */
const JITTER = 0.5;

const Text = Type.String({ minLength: 1 });

/** With the token, hence in a file of mode 0600 that goes with the end of the enrolment. */
export const PendingEnrollment = Type.Object({
  cloud_url: Text,
  https_ca: Type.Union([Text, Type.Null()]),
  token: Text,
  device_name: Text,
  may_rename: Type.Boolean(),
  device_type: Type.Enum([...DEVICE_TYPES]),
  hardware_id: Text,
  firmware_version: Text,
});
export type PendingEnrollment = Static<typeof PendingEnrollment>;

/** @throws AgentError `state` */
export const readPending = (folder: StateFolder): Promise<PendingEnrollment | null> =>
  folder.readJson(STATE_FILES.enrollment, PendingEnrollment);

/** What an answer of the server means for whoever waits. Pure. */
export function waitAfter(error: unknown, random: () => number): { waitMs: number; isPending: boolean } {
  const isPending = error instanceof ApiError && error.code === 'enrollment.pending';
  const saidMs = error instanceof ApiError ? error.retryAfterMs : 0;
  const usualMs = isPending ? PENDING_MS : isPassing(error) ? UNREACHED_MS : REFUSED_MS;
  const baseMs = saidMs > 0 ? saidMs : usualMs;
  return { waitMs: Math.round(baseMs * (1 + random() * JITTER)), isPending };
}

/** No reply, a busy server and a limit pass by themselves. */
const isPassing = (error: unknown): boolean =>
  error instanceof HttpsError
    ? !error.isTrust
    : error instanceof ApiError && (error.status === 429 || error.status >= 500);

export interface AskOptions {
  readonly log: Log;
  readonly random: () => number;
  /** Ends the waiting. */
  readonly signal?: AbortSignal;
  /** Only a decision is waited for; every other answer that does not pass by itself is thrown. */
  readonly isStrict: boolean;
  /** Waits no longer than this; null = for as long as it takes. */
  readonly forMs: number | null;
  readonly now: () => Date;
}

/**
 * Asks until the server gives a certificate.
 * @throws AgentError 'pending' when the time is over or the signal came; what the server said, where `isStrict`.
 */
export async function askUntilDecided(
  api: Pick<DeviceApi, 'register'>,
  body: RegisterBody,
  { log, random, signal, isStrict, forMs, now }: AskOptions,
): Promise<RegisterReply> {
  const endsAtMs = forMs === null ? Number.POSITIVE_INFINITY : now().getTime() + forMs;
  let said: string | null = null;
  for (;;) {
    try {
      return await api.register(body);
    } catch (error) {
      const { waitMs, isPending } = waitAfter(error, random);
      if (isStrict && !isPending && !isPassing(error)) throw error;
      const reason = messageOf(error);
      // The same answer is said once, not each half minute for days.
      if (reason !== said) log.warn({ reason, waitMs }, 'not enrolled yet; asking again');
      said = reason;
      if (now().getTime() + waitMs > endsAtMs) throw stillPending();
      await sleep(waitMs, undefined, signal === undefined ? {} : { signal }).catch(() => undefined);
      if (signal?.aborted) throw stillPending();
    }
  }
}

const stillPending = (): AgentError =>
  new AgentError(
    'pending',
    'The registration waits for a decision. Approve it in the console; `edge-agent run` goes on asking, also after a restart.',
  );
