/** A client on a thread of its own: so many requests a second over kept connections; tells what came back, and when. */
import { Agent, get } from 'node:http';
import { parentPort, Worker, workerData } from 'node:worker_threads';

export interface PacedRun {
  readonly url: string;
  /** Used in turn, so that no single person's limit is met. */
  readonly cookies: readonly string[];
  readonly perSecond: number;
  readonly forMs: number;
}
export interface PacedResult {
  /** Fewer than asked for where the server did not answer fast enough. */
  readonly sent: number;
  /** Until the last answer. */
  readonly tookMs: number;
  readonly statuses: Readonly<Record<string, number>>;
  /** Of answers with status 200. */
  readonly latenciesMs: readonly number[];
  /** Answers 429 without a whole number of seconds in Retry-After. */
  readonly withoutRetryAfter: number;
}

/** Requests under way; beyond it the pace waits, so that no backlog outlives the run. */
const MAX_PENDING = 64;
/** Ticks of the pace: finer ones cost more than they bring. */
const TICK_MS = 10;

export function runPaced(run: PacedRun): Promise<PacedResult> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL(import.meta.url), { workerData: run });
    worker.once('message', resolve);
    worker.once('error', reject);
  });
}

async function pace({ url, cookies, perSecond, forMs }: PacedRun): Promise<PacedResult> {
  const agent = new Agent({ keepAlive: true, maxSockets: 64 });
  const statuses: Record<string, number> = {};
  const latenciesMs: number[] = [];
  let withoutRetryAfter = 0;
  let sent = 0;
  let pending = 0;
  const ask = (): Promise<void> =>
    new Promise((done, fail) => {
      const startedAt = performance.now();
      const headers = { cookie: cookies[sent % cookies.length] ?? '' };
      sent += 1;
      pending += 1;
      get(url, { agent, headers }, (response) => {
        const status = response.statusCode ?? 0;
        response.resume().once('end', () => {
          statuses[status] = (statuses[status] ?? 0) + 1;
          if (status === 200) latenciesMs.push(performance.now() - startedAt);
          if (status === 429 && !/^[1-9]\d*$/.test(response.headers['retry-after'] ?? '')) {
            withoutRetryAfter += 1;
          }
          pending -= 1;
          done();
        });
      }).once('error', fail);
    });
  const startedAt = performance.now();
  const answers = new Set<Promise<void>>();
  let skipped = 0;
  for (;;) {
    const elapsed = performance.now() - startedAt;
    if (elapsed >= forMs) break;
    const due = Math.floor((elapsed / 1000) * perSecond) - sent - skipped;
    const room = Math.min(due, MAX_PENDING - pending);
    skipped += Math.max(0, due - room);
    for (let index = 0; index < room; index += 1) {
      const answer = ask().finally(() => answers.delete(answer));
      answers.add(answer);
    }
    await new Promise((resolve) => setTimeout(resolve, TICK_MS));
  }
  await Promise.all(answers);
  const tookMs = performance.now() - startedAt;
  agent.destroy();
  return { sent, tookMs, statuses, latenciesMs, withoutRetryAfter };
}

if (
  parentPort !== null &&
  typeof workerData === 'object' &&
  workerData !== null &&
  'perSecond' in workerData
) {
  parentPort.postMessage(await pace(workerData as PacedRun));
}
