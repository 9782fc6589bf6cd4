/** Runs a program that prints lines until it is stopped, and reads no faster than the lines are taken. */
import { type ChildProcess, spawn } from 'node:child_process';
import type { Readable } from 'node:stream';
import { createLineSplitter, type SplitLine } from './line-splitter.ts';

/** A program that does not end by itself is killed. */
const STOP_MS = 2000;
const MAX_PROBLEM_BYTES = 1000;

/** What the tools need to find their daemon; nothing else of the agent's environment goes to them. */
const ENVIRONMENT = ['PATH', 'HOME', 'XDG_RUNTIME_DIR', 'DOCKER_HOST', 'DOCKER_CONTEXT', 'CONTAINER_HOST'];

export interface FollowedProgram {
  readonly file: string;
  readonly args: readonly string[];
  readonly maxLineBytes: number;
  readonly onLines: (lines: readonly SplitLine[]) => Promise<void>;
  /** Default: kept as the problem of a failed program. */
  readonly onErrorLines?: (lines: readonly SplitLine[]) => Promise<void>;
  /** Before each reading. */
  readonly ready: () => Promise<void>;
  readonly signal: AbortSignal;
}

/** Resolves when the program ended and its last line was taken: null when it went well or was stopped, else why not. */
export async function followProgram(program: FollowedProgram): Promise<string | null> {
  const { file, args, maxLineBytes, onLines, onErrorLines, ready, signal } = program;
  if (signal.aborted) return null;
  const child = spawn(file, [...args], { stdio: ['ignore', 'pipe', 'pipe'], env: environment() });
  const ended = endOf(child);
  const stop = (): void => stopChild(child);
  signal.addEventListener('abort', stop, { once: true });
  let problem = '';
  try {
    const keepProblem = async (lines: readonly SplitLine[]): Promise<void> => {
      for (const { bytes } of lines) problem = `${problem}${bytes}\n`.slice(-MAX_PROBLEM_BYTES);
    };
    await Promise.all([
      readLines(child.stdout, maxLineBytes, ready, onLines),
      readLines(child.stderr, maxLineBytes, ready, onErrorLines ?? keepProblem),
    ]);
    const end = await ended;
    return end === null || signal.aborted
      ? null
      : `${file} ${end}${problem === '' ? '' : `: ${problem.trim()}`}`;
  } catch (error) {
    stopChild(child);
    await ended;
    if (signal.aborted) return null;
    throw error;
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

async function readLines(
  stream: Readable,
  maxLineBytes: number,
  ready: () => Promise<void>,
  onLines: (lines: readonly SplitLine[]) => Promise<void>,
): Promise<void> {
  const splitter = createLineSplitter(maxLineBytes);
  for await (const chunk of stream) {
    await ready();
    const lines = splitter.push(chunk as Buffer);
    if (lines.length > 0) await onLines(lines);
  }
  const rest = splitter.rest();
  if (rest !== null) await onLines([rest]);
}

/** Null for exit code 0. */
const endOf = (child: ChildProcess): Promise<string | null> =>
  new Promise((resolve) => {
    child.once('error', (error) => resolve(`cannot be run: ${error.message}`));
    child.once('close', (code, signal) =>
      resolve(code === 0 ? null : `ended with ${code === null ? `signal ${signal}` : `code ${code}`}`),
    );
  });

function stopChild(child: ChildProcess): void {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), STOP_MS);
  child.once('close', () => clearTimeout(timer));
}

const environment = (): NodeJS.ProcessEnv => ({
  LC_ALL: 'C.UTF-8',
  ...Object.fromEntries(
    ENVIRONMENT.flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name]]])),
  ),
});
