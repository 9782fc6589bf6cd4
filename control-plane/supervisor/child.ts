/** Keeps one child process running: ready handshake, restart with backoff, ordered stop. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { Type } from 'typebox';
import { decodeValue } from '#contract';
import { countEnds, restartDelayMs } from './backoff.ts';
import { StartError } from './start-error.ts';

/** From the order to stop until SIGKILL. */
export const STOP_DEADLINE_MS = 10_000;
/** From spawn until the child must have said that it is ready. */
export const READY_DEADLINE_MS = 60_000;
/** A child that never became ready is given up after so many ends. */
export const MAX_ENDS_BEFORE_READY = 4;
/** Lines of standard error kept for the sentence when a child does not come up. */
const KEPT_ERROR_LINES = 20;

const ReportMessage = Type.Union([
  Type.Object({ type: Type.Literal('ready') }),
  Type.Object({ type: Type.Literal('fatal'), message: Type.String() }),
]);

export interface ChildSpec {
  readonly name: string;
  /** Arguments of this Node: flags, script, script's arguments. */
  readonly args: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  readonly cwd: string;
  readonly stopDeadlineMs?: number;
  readonly readyDeadlineMs?: number;
  readonly onLine: (line: string, stream: 'stdout' | 'stderr') => void;
  readonly onChange: (change: ChildChange) => void;
}

export type ChildChange =
  | { readonly state: 'started'; readonly pid: number }
  | { readonly state: 'ready'; readonly pid: number }
  | {
      readonly state: 'ended';
      readonly pid: number;
      readonly how: string;
      /** null: it was told to, or is given up. */
      readonly restartInMs: number | null;
    };

export interface SupervisedChild {
  readonly name: string;
  /** First ready. @throws StartError when the child says what is wrong, or ends again and again. */
  ready(): Promise<void>;
  /** undefined between two lives. */
  pid(): number | undefined;
  /** Ends it for good; idempotent. After the deadline its whole process group is killed. */
  stop(): Promise<void>;
  /** SIGKILL now, without waiting. */
  kill(): void;
}

export function superviseChild(spec: ChildSpec): SupervisedChild {
  let child: ChildProcess | undefined;
  let restartTimer: NodeJS.Timeout | undefined;
  let endsInARow = 0;
  let wasReady = false;
  let stopping: Promise<void> | undefined;
  const first = Promise.withResolvers<void>();
  // Whoever stops before asking for ready() must not meet an unhandled rejection.
  first.promise.catch(() => undefined);

  function launch(): void {
    restartTimer = undefined;
    const startedAt = performance.now();
    const errorLines: string[] = [];
    let fatal: string | undefined;
    // Its own process group: Ctrl-C of the terminal reaches the supervisor alone, and a kill reaches grandchildren.
    const launched = spawn(process.execPath, spec.args, {
      cwd: spec.cwd,
      env: spec.env,
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    child = launched;
    const pid = launched.pid ?? -1;
    const deadline = setTimeout(() => killGroup(launched), spec.readyDeadlineMs ?? READY_DEADLINE_MS);
    spec.onChange({ state: 'started', pid });

    readLines(launched, 'stdout', (line) => spec.onLine(line, 'stdout'));
    readLines(launched, 'stderr', (line) => {
      if (errorLines.push(line) > KEPT_ERROR_LINES) errorLines.shift();
      spec.onLine(line, 'stderr');
    });
    launched.on('message', (message) => {
      const decoded = decodeValue(ReportMessage, message);
      if (!decoded.ok) return;
      if (decoded.value.type === 'fatal') {
        fatal = decoded.value.message;
        return;
      }
      clearTimeout(deadline);
      wasReady = true;
      spec.onChange({ state: 'ready', pid });
      first.resolve();
    });
    // A failed spawn emits `error` and no `exit`; `close` comes after the last line of output.
    launched.once('error', (error) => errorLines.push(error.message));
    // What a dead child leaves of its group would hold its pipes open, and hold ports against its successor.
    launched.once('exit', () => killGroup(launched));
    launched.once('close', (code, signal) => {
      clearTimeout(deadline);
      child = undefined;
      endsInARow = countEnds(endsInARow, performance.now() - startedAt);
      const how = describeEnd(code, signal);
      const givenUp = !wasReady && (fatal !== undefined || endsInARow >= MAX_ENDS_BEFORE_READY);
      const restartInMs = stopping !== undefined || givenUp ? null : restartDelayMs(endsInARow);
      spec.onChange({ state: 'ended', pid, how, restartInMs });
      if (givenUp) {
        first.reject(
          new StartError(fatal ?? `The ${spec.name} does not start (${how}): ${lastWords(errorLines)}`),
        );
      }
      if (restartInMs !== null) restartTimer = setTimeout(launch, restartInMs);
    });
  }

  async function stop(): Promise<void> {
    clearTimeout(restartTimer);
    const running = child;
    if (running === undefined) return;
    const closed = new Promise<void>((resolve) => running.once('close', () => resolve()));
    const deadline = setTimeout(() => killGroup(running), spec.stopDeadlineMs ?? STOP_DEADLINE_MS);
    // The channel is gone when the child is about to end by itself; then `close` follows.
    if (running.connected) running.send({ type: 'stop' }, (error) => error !== null && killGroup(running));
    await closed;
    clearTimeout(deadline);
  }

  launch();
  return {
    name: spec.name,
    ready: () => first.promise,
    pid: () => child?.pid,
    stop: () => {
      stopping ??= Promise.resolve().then(stop);
      return stopping;
    },
    kill: () => {
      clearTimeout(restartTimer);
      stopping ??= Promise.resolve();
      if (child !== undefined) killGroup(child);
    },
  };
}

function readLines(child: ChildProcess, stream: 'stdout' | 'stderr', onLine: (line: string) => void): void {
  const input = child[stream];
  if (input === null) return;
  createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY }).on('line', onLine);
}

function killGroup(child: ChildProcess): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, 'SIGKILL');
  } catch (error) {
    // Gone already: what was wanted.
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
  }
}

function describeEnd(code: number | null, signal: NodeJS.Signals | null): string {
  return signal === null ? `exit code ${code ?? 'unknown'}` : signal;
}

function lastWords(lines: readonly string[]): string {
  // Of a stack trace, the line that names the error says most.
  const named = lines.find((line) => /^\w*Error\b/.test(line));
  return named ?? lines.at(-1) ?? 'it said nothing';
}
