/** Looks at one device live: the device streams only while this is open. Opened again after a loss. */
import { decodeLiveUpdate, type LiveUpdate, type WatchState } from './live-update.ts';

/** First and longest wait before the stream is opened again. */
const RETRY_FIRST_MS = 1000;
const RETRY_LONGEST_MS = 15_000;
const KINDS = ['logs', 'metrics', 'state'] as const;

/** `lost`: the server does not answer, or has too many viewers of this device. */
export type StreamState = WatchState | 'lost';

export interface DeviceStream {
  stop(): void;
}

export function openDeviceStream(input: {
  readonly address: string;
  readonly open: (address: string) => EventSource;
  readonly random: () => number;
  readonly onState: (state: StreamState) => void;
  readonly onUpdate: (update: Exclude<LiveUpdate, { kind: 'state' }>) => void;
}): DeviceStream {
  let source: EventSource | null = null;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let failures = 0;
  let isStopped = false;

  function open() {
    const opened = input.open(input.address);
    source = opened;
    for (const kind of KINDS) {
      opened.addEventListener(kind, (message: Event) => {
        const update = message instanceof MessageEvent ? decodeLiveUpdate(String(message.data)) : null;
        if (update === null || source !== opened) return;
        failures = 0;
        if (update.kind === 'state') input.onState(update.state);
        else input.onUpdate(update);
      });
    }
    opened.addEventListener('error', () => {
      if (source === opened) fail();
    });
  }

  function fail() {
    source?.close();
    source = null;
    failures += 1;
    input.onState('lost');
    const ceilingMs = Math.min(RETRY_LONGEST_MS, RETRY_FIRST_MS * 2 ** Math.min(failures, 10));
    timer = setTimeout(open, RETRY_FIRST_MS / 2 + input.random() * ceilingMs);
  }

  input.onState('waiting');
  open();
  return {
    stop() {
      if (isStopped) return;
      isStopped = true;
      clearTimeout(timer);
      source?.close();
      source = null;
    },
  };
}
