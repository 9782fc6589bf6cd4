/** Log lines of a machine that does not exist: a few a minute, of several services and levels. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { LogLevel, LogRecord } from '#contract';
import { messageOf } from '../errors.ts';
import type { LogSource, LogSourceOptions } from '../log-source.ts';
import { createLogFeed } from '../logs/log-feed.ts';

/** Mean time between two lines; each gap is drawn anew, so that a fleet does not speak in step. */
const MEAN_GAP_MS = 15_000;
const MAX_GAP_MS = 60_000;

type Text = (number: (below: number) => number) => string;
interface Line {
  readonly service: string;
  readonly level: LogLevel;
  /** Of how often it is said beside the others. */
  readonly weight: number;
  readonly text: Text;
}

const LINES: readonly Line[] = [
  {
    service: 'vllm',
    level: 'info',
    weight: 12,
    text: (n) => `POST /v1/chat/completions 200, ${n(900) + 20} tokens in ${n(4000) + 100} ms`,
  },
  {
    service: 'vllm',
    level: 'debug',
    weight: 6,
    text: (n) => `KV cache usage ${n(90)} %, ${n(8)} requests running, ${n(4)} waiting`,
  },
  {
    service: 'vllm',
    level: 'warning',
    weight: 2,
    text: (n) => `KV cache is ${90 + n(10)} % full; preempting ${n(3) + 1} requests`,
  },
  {
    service: 'vllm',
    level: 'error',
    weight: 1,
    text: (n) => `CUDA out of memory: tried to allocate ${n(30) + 2} GiB`,
  },
  { service: 'open-webui', level: 'info', weight: 8, text: (n) => `GET /api/models 200 ${n(80) + 2} ms` },
  { service: 'open-webui', level: 'warning', weight: 1, text: (n) => `slow query: ${n(3000) + 500} ms` },
  {
    service: 'edge-gateway',
    level: 'info',
    weight: 6,
    text: (n) => `forwarded ${n(500) + 1} readings of ${n(40) + 1} sensors`,
  },
  {
    service: 'edge-gateway',
    level: 'error',
    weight: 1,
    text: (n) => `sensor ${n(40) + 1} did not answer within ${n(5) + 1} s`,
  },
  {
    service: 'postgresql',
    level: 'info',
    weight: 3,
    text: (n) => `checkpoint complete: wrote ${n(4000) + 10} buffers in ${n(30) + 1} s`,
  },
  { service: 'postgresql', level: 'critical', weight: 0.2, text: () => 'could not write WAL: no space left' },
];
const TOTAL_WEIGHT = LINES.reduce((sum, { weight }) => sum + weight, 0);

/** The lines take the way of real ones: redaction, level, buffer of last lines, outbox. */
export function startSimulatedLogs(
  { settings, sink, pressure, log, now }: LogSourceOptions,
  random: () => number,
): LogSource {
  const feed = createLogFeed({ settings, sink });
  const stopping = new AbortController();
  const { signal } = stopping;
  const loop = (async () => {
    while (!signal.aborted) {
      const gapMs = Math.min(MAX_GAP_MS, -Math.log(1 - random()) * MEAN_GAP_MS);
      await sleep(gapMs, undefined, { signal }).catch(() => undefined);
      if (signal.aborted || pressure() >= 1) continue;
      await feed
        .offer(makeLine(now(), random))
        .catch((error: unknown) => log.warn({ reason: messageOf(error) }, 'simulated line not taken'));
    }
  })();
  return {
    configure: feed.configure,
    tail: feed.tail,
    subscribe: feed.subscribe,
    async stop() {
      stopping.abort();
      await loop;
    },
  };
}

/** Pure but for its dice. */
export function makeLine(at: Date, random: () => number): LogRecord {
  const line = lineAt(random() * TOTAL_WEIGHT);
  const number = (below: number): number => Math.floor(random() * below);
  return {
    timestamp: at.toISOString(),
    log_level: line?.level ?? 'info',
    service_name: line?.service ?? 'vllm',
    message: line?.text(number) ?? '',
  };
}

/** The line whose share of the weights holds `roll`. */
function lineAt(roll: number): Line | undefined {
  let upTo = 0;
  for (const line of LINES) {
    upTo += line.weight;
    if (roll < upTo) return line;
  }
  return LINES[0];
}
