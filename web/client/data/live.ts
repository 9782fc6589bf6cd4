/** The stream of live changes: opens, opens again after a loss, and says when what was shown may be out of date. */
import type { LiveEvent } from '#web-api';
import { createStore, type Readable } from '../state/store.ts';
import { decodeLiveEvent } from './live-event.ts';

const EVENTS_PATH = '/api/v1/admin/edge/events';
const EVENT_KINDS = [
  'device.changed',
  'device.created',
  'device.deleted',
  'devices.seen',
  'access.changed',
  'token.used',
  'approval.changed',
] as const;
/** First and longest wait before the stream is opened again. */
const RETRY_FIRST_MS = 500;
const RETRY_LONGEST_MS = 15_000;

export type LinkState = 'idle' | 'connecting' | 'connected' | 'lost';

export interface Live {
  readonly link: Readable<LinkState>;
  start(): void;
  stop(): void;
  /** Try again now, e.g. when the browser says that it is online. */
  retry(): void;
  /** Gives the connection up while nobody looks: over HTTP/1.1 a browser has only six for all tabs of a host. */
  pause(): void;
  /** Opens again after `pause`, and says that changes may have been missed. */
  resume(): void;
  onEvent(listener: (event: LiveEvent) => void): () => void;
  /** Called after a lost stream is back: changes may have been missed. */
  onResumed(listener: () => void): () => void;
}

export interface LiveDependencies {
  readonly open: (address: string) => EventSource;
  readonly random: () => number;
  /** Called after each failed attempt; a session that is over shows itself there. */
  readonly onFailed: () => void;
}

export function createLive(dependencies: LiveDependencies): Live {
  const link = createStore<LinkState>('idle');
  const listeners = new Set<(event: LiveEvent) => void>();
  const resumed = new Set<() => void>();
  let source: EventSource | null = null;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let failures = 0;
  let hasMissed = false;
  let isPaused = false;

  function open() {
    clearTimeout(timer);
    source?.close();
    if (link.get() === 'idle') link.set('connecting');
    const opened = dependencies.open(EVENTS_PATH);
    source = opened;
    opened.addEventListener('open', () => {
      const mayBeStale = hasMissed;
      hasMissed = false;
      failures = 0;
      link.set('connected');
      if (mayBeStale) for (const listener of resumed) listener();
    });
    opened.addEventListener('error', () => {
      if (source === opened) fail();
    });
    for (const kind of EVENT_KINDS) {
      opened.addEventListener(kind, (message: Event) => {
        const event = message instanceof MessageEvent ? decodeLiveEvent(String(message.data)) : null;
        if (event !== null) for (const listener of listeners) listener(event);
      });
    }
  }

  function fail() {
    source?.close();
    source = null;
    failures += 1;
    hasMissed = true;
    link.set('lost');
    dependencies.onFailed();
    const ceilingMs = Math.min(RETRY_LONGEST_MS, RETRY_FIRST_MS * 2 ** Math.min(failures - 1, 10));
    timer = setTimeout(open, RETRY_FIRST_MS / 2 + dependencies.random() * ceilingMs);
  }

  return {
    link,
    start() {
      if (link.get() === 'idle') open();
    },
    stop() {
      clearTimeout(timer);
      source?.close();
      source = null;
      failures = 0;
      hasMissed = false;
      isPaused = false;
      link.set('idle');
    },
    retry() {
      if (link.get() === 'lost' && !isPaused) open();
    },
    pause() {
      if (link.get() === 'idle') return;
      clearTimeout(timer);
      source?.close();
      source = null;
      hasMissed = true;
      isPaused = true;
    },
    resume() {
      if (!isPaused) return;
      isPaused = false;
      open();
    },
    onEvent: (listener) => subscribe(listeners, listener),
    onResumed: (listener) => subscribe(resumed, listener),
  };
}

function subscribe<T>(set: Set<T>, listener: T): () => void {
  set.add(listener);
  return () => set.delete(listener);
}
