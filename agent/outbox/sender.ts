/**
 * Sends the outbox: six lanes, each one batch at a time, again and again until the control plane acknowledges it. Lanes
 * of what is new never wait for those of the backlog, which share one rate.
 */
import { type Ack, type Sealed, STREAMS, type Stream } from '#contract';
import type { Log } from '../log.ts';
import type { BatchOf } from './body.ts';
import { LANES, type Lane } from './lanes.ts';
import type { Outbox } from './outbox.ts';

/** Without an acknowledgement a batch is sent again after this long. */
export const RESEND_AFTER_MS = 10_000;
/**
 * Shortest time between two batches of a live lane, and between two of all backlog lanes together: 20 a second, so that
 * a backlog of days crowds out neither live data nor another device. All lanes together stay under 100 messages a second.
 */
export const BATCH_INTERVAL_MS = 50;
/** A cursor that cannot be met must be said this often in a row; a single late acknowledgement is no proof. */
const RENUMBER_AFTER = 2;

export interface SenderOptions {
  readonly outbox: Outbox;
  readonly log: Log;
  readonly resendAfterMs?: number | undefined;
  /** Resolves once the broker answered, or never will. */
  readonly publish: <S extends Stream>(stream: S, batch: Sealed<BatchOf[S]>) => Promise<unknown>;
}

export interface Sender {
  /** A session is there: what is held is backlog, and whatever was on its way is sent again. */
  start(): void;
  /** The session is gone. */
  pause(): void;
  /** Something was appended. */
  wake(stream: Stream): void;
  acknowledged(stream: Stream, ack: Ack): void;
}

/** Lets one batch pass in each interval. */
interface Pace {
  /** Until the next one may pass; 0 = now. */
  waitMs(): number;
  passed(): void;
}

function createPace(): Pace {
  let freeAtMs = 0;
  return {
    waitMs: () => Math.max(0, Math.ceil(freeAtMs - performance.now())),
    passed: () => {
      freeAtMs = performance.now() + BATCH_INTERVAL_MS;
    },
  };
}

interface SendingLane {
  start(): void;
  pause(): void;
  wake(): void;
  /** Goes on after the acknowledgement, at the earliest after `retryAfterMs`. */
  goOn(retryAfterMs: number): void;
  misses: number;
}

export function createSender(options: SenderOptions): Sender {
  const { outbox, log } = options;
  const backlogPace = createPace();
  const lanes = new Map(
    STREAMS.flatMap((stream) =>
      LANES.map((lane) => {
        const pace = lane === 'live' ? createPace() : backlogPace;
        return [`${stream} ${lane}`, sendingLane(options, stream, lane, pace)] as const;
      }),
    ),
  );

  return {
    start() {
      outbox.startSession();
      for (const lane of lanes.values()) lane.start();
    },
    pause() {
      for (const lane of lanes.values()) lane.pause();
    },
    wake: (stream) => lanes.get(`${stream} live`)?.wake(),
    acknowledged(stream, ack) {
      const { lane: name, decision } = outbox.acknowledge(stream, ack);
      const lane = lanes.get(`${stream} ${name}`);
      if (decision === 'ignore' || lane === undefined) return;
      lane.misses = decision === 'renumber' ? lane.misses + 1 : 0;
      if (lane.misses >= RENUMBER_AFTER) {
        lane.misses = 0;
        outbox.renumber(stream, name);
        log.warn(
          { stream, lane: name, ackedSeq: ack.seq },
          'the server lacks batches that it had; numbering starts anew',
        );
        // What had been on its way may now belong to the other lane.
        lanes.get(`${stream} ${name === 'live' ? 'backlog' : 'live'}`)?.wake();
      }
      // A plain `resend` keeps its timer: it may be the echo of the batch before.
      if (decision === 'resend' && ack.retry_after_ms === undefined) return;
      lane.goOn(ack.retry_after_ms ?? 0);
    },
  };
}

function sendingLane<S extends Stream>(
  { outbox, publish, resendAfterMs = RESEND_AFTER_MS }: SenderOptions,
  stream: S,
  lane: Lane,
  pace: Pace,
): SendingLane {
  let isOnline = false;
  /** A timer runs: for the next batch or for sending the same one again. */
  let isBusy = false;
  /** Publishes that the broker has not answered; a second one would only pile up behind the first. */
  let unanswered: symbol | null = null;
  let timer: NodeJS.Timeout | undefined;

  const schedule = (ms: number): void => {
    clearTimeout(timer);
    isBusy = true;
    timer = setTimeout(send, ms);
  };
  const send = (): void => {
    if (!isOnline) return;
    const waitMs = unanswered === null ? pace.waitMs() : resendAfterMs;
    if (waitMs > 0) {
      schedule(waitMs);
      return;
    }
    const batch = outbox.next(stream, lane);
    isBusy = batch !== null;
    if (batch === null) return;
    pace.passed();
    const mine = Symbol(stream);
    unanswered = mine;
    const answered = (): void => {
      if (unanswered === mine) unanswered = null;
    };
    publish(stream, batch).then(answered, answered);
    schedule(resendAfterMs);
  };

  return {
    misses: 0,
    start() {
      isOnline = true;
      unanswered = null;
      schedule(0);
    },
    pause() {
      isOnline = false;
      isBusy = false;
      clearTimeout(timer);
    },
    wake() {
      if (isOnline && !isBusy) schedule(BATCH_INTERVAL_MS);
    },
    goOn(retryAfterMs) {
      if (!isOnline) return;
      // The acknowledgement is the better answer, and may come before the broker's.
      unanswered = null;
      schedule(Math.max(BATCH_INTERVAL_MS, retryAfterMs));
    },
  };
}
