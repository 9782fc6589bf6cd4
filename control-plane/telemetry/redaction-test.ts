/** What rules would hide in a text, found out on a thread of its own: a slow rule costs its author, nobody else. */
import { Worker } from 'node:worker_threads';
import type { RedactionSettings } from '#contract';
import type { Hit } from '#contract/redaction';
import { createGate } from '../access/gate.ts';
import { AppError } from '../errors.ts';
import type { RuleFault } from './rule-fault.ts';
import { invalid } from './time-range.ts';

/** For one text; rules that need longer would slow down every device's lines. */
export const REDACTION_TEST_MS = 2000;
/** Reading the rules' code on a busy machine. */
const THREAD_START_MS = 20_000;
/** An author tries rule after rule. */
const LINGER_MS = 60_000;
const WAITING = 16;
const HEAP_MB = 64;

export interface RedactionTrial {
  readonly text: string;
  readonly hits: readonly Hit[];
  /** Time that the rules took, in µs. */
  readonly micros: number;
}
/** What the thread is asked, and answers; `ready` comes first and once. */
export interface RedactionWork {
  readonly settings: RedactionSettings;
  readonly text: string;
}
export type RedactionAnswer =
  | { readonly kind: 'ready' }
  | { readonly kind: 'done'; readonly trial: RedactionTrial }
  | { readonly kind: 'rule'; readonly fault: RuleFault };

/** @throws AppError 'request.invalid' naming the rule at fault, or `rules` where they take too long */
export type RedactionTester = (work: RedactionWork) => Promise<RedactionTrial>;

/** One thread, made with the first test and left when nobody tests; one test at a time. */
export function createRedactionTester(limitMs: number = REDACTION_TEST_MS): RedactionTester {
  const gate = createGate(1, WAITING);
  let thread: Worker | null = null;
  let linger: NodeJS.Timeout | undefined;

  async function drop(): Promise<void> {
    clearTimeout(linger);
    const ending = thread;
    thread = null;
    await ending?.terminate();
  }
  async function readyThread(): Promise<Worker> {
    clearTimeout(linger);
    if (thread !== null) return thread;
    const started = new Worker(new URL('./redaction-worker.ts', import.meta.url), {
      resourceLimits: { maxOldGenerationSizeMb: HEAP_MB },
    });
    started.unref();
    thread = started;
    await answerOf(started, THREAD_START_MS, () => new AppError('service.unavailable'));
    return started;
  }

  return (work) =>
    gate(async () => {
      try {
        const worker = await readyThread();
        worker.postMessage(work);
        const tooSlow = (): AppError => invalid('rules', `need more than ${limitMs} ms for this text`);
        const answer = await answerOf(worker, limitMs, tooSlow);
        linger = setTimeout(() => void drop(), LINGER_MS);
        linger.unref();
        return trialOf(answer);
      } catch (error) {
        if (!(error instanceof RuleRefusal)) await drop();
        throw error instanceof RuleRefusal ? error.cause : error;
      }
    });
}

/** The rule is at fault, and the thread is not. */
class RuleRefusal extends Error {}

function trialOf(answer: RedactionAnswer): RedactionTrial {
  if (answer.kind === 'done') return answer.trial;
  if (answer.kind === 'ready') throw new AppError('internal', { detail: 'the redaction thread began anew' });
  throw new RuleRefusal('rule', { cause: invalid(answer.fault.field, answer.fault.message) });
}

async function answerOf(worker: Worker, limitMs: number, late: () => AppError): Promise<RedactionAnswer> {
  const { promise, resolve, reject } = Promise.withResolvers<RedactionAnswer>();
  const deadline = setTimeout(() => reject(late()), limitMs);
  const failed = (cause: unknown): void => reject(new AppError('internal', { cause }));
  const ended = (): void => failed(new Error('the redaction thread ended'));
  worker.once('message', resolve).once('error', failed).once('exit', ended);
  try {
    return await promise;
  } finally {
    clearTimeout(deadline);
    worker.off('message', resolve).off('error', failed).off('exit', ended);
  }
}
