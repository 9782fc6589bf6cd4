/** Runs a program of ours to its end. */
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

export interface OnceSpec {
  readonly args: readonly string[];
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
  /** Then it is killed. */
  readonly deadlineMs: number;
  readonly signal: AbortSignal;
  readonly onLine: (line: string, stream: 'stdout' | 'stderr') => void;
}

export interface OnceEnd {
  /** null: it was killed. */
  readonly code: number | null;
  /** The last line on standard error, or on standard output where there is none. */
  readonly lastWords: string;
}

/** @throws the signal's reason when it is aborted. */
export async function runOnce(spec: OnceSpec): Promise<OnceEnd> {
  spec.signal.throwIfAborted();
  const child = spawn(process.execPath, spec.args, {
    cwd: spec.cwd,
    env: spec.env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const last = { stdout: '', stderr: '' };
  for (const stream of ['stdout', 'stderr'] as const) {
    createInterface({ input: child[stream] }).on('line', (line) => {
      if (line.trim() !== '') last[stream] = line.trim();
      spec.onLine(line, stream);
    });
  }
  const kill = (): void => void child.kill('SIGKILL');
  const deadline = setTimeout(kill, spec.deadlineMs);
  spec.signal.addEventListener('abort', kill);
  try {
    const code = await new Promise<number | null>((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (exitCode) => resolve(exitCode));
    });
    spec.signal.throwIfAborted();
    return { code, lastWords: last.stderr || last.stdout || 'it said nothing' };
  } finally {
    clearTimeout(deadline);
    spec.signal.removeEventListener('abort', kill);
  }
}
