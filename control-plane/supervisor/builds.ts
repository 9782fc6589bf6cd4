/** The two things that are built on the machine: the console, and the package for other machines' agents. */
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { processIdentity } from './process-identity.ts';
import { runOnce } from './run-once.ts';
import { markSources } from './source-mark.ts';
import { StartError } from './start-error.ts';

const BUILD_DEADLINE_MS = 300_000;
const MARK_FILE = '.source-mark';
/** Starts that may get in each other's way at the same moment. */
const MAX_SWAPS = 5;

export interface BuildDeps {
  readonly root: string;
  readonly onLine: (role: string, line: string, stream: 'stdout' | 'stderr') => void;
  readonly signal: AbortSignal;
}

interface Build {
  readonly what: 'console' | 'agent';
  /** As people call it. */
  readonly title: string;
  readonly outDir: string;
  readonly sources: readonly string[];
  /** A file that only a finished build has. */
  readonly proof: string;
}

/** web/client/dist in the checkout, shared by all data folders. @returns the folder */
export async function buildConsole(deps: BuildDeps): Promise<string> {
  const outDir = join(deps.root, 'web/client/dist');
  const build: Build = {
    what: 'console',
    title: 'console',
    outDir,
    sources: ['web/client', 'web/api', 'broker/contract', 'package-lock.json'],
    proof: 'index.html',
  };
  const mark = markOf(deps, build);
  if (isCurrent(build, mark)) return outDir;
  // Built aside and swapped: a failed build leaves the old console in service. Git ignores the inner folder's name.
  const workshop = join(dirname(outDir), `.build-console-${process.pid}`);
  const draft = join(workshop, 'dist');
  removeAbandoned(dirname(outDir));
  mkdirSync(draft, { recursive: true });
  try {
    await runBuild(deps, { ...build, outDir: draft }, mark);
    putInPlace(draft, outDir);
  } finally {
    rmSync(workshop, { recursive: true, force: true });
  }
  return outDir;
}

/** Another start may put its own build there between the two steps; that one is as good as ours, so once more wins. */
function putInPlace(draft: string, outDir: string): void {
  for (let triesLeft = MAX_SWAPS; ; triesLeft -= 1) {
    rmSync(outDir, { recursive: true, force: true });
    try {
      renameSync(draft, outDir);
      return;
    } catch (error) {
      const isTaken =
        error instanceof Error && 'code' in error && ['ENOTEMPTY', 'EEXIST'].includes(String(error.code));
      if (!isTaken || triesLeft <= 1) throw error;
    }
  }
}

/** Into the data folder, from which it is served under /downloads; it replaces its files one by one, each whole. */
export async function buildAgentPackage(deps: BuildDeps, downloadsDir: string): Promise<string> {
  const build: Build = {
    what: 'agent',
    title: 'agent package',
    outDir: downloadsDir,
    sources: ['agent', 'certs', 'web/api', 'broker/contract', 'package.json', 'package-lock.json'],
    proof: 'edge-agent-latest.tar.gz',
  };
  const mark = markOf(deps, build);
  if (!isCurrent(build, mark)) {
    mkdirSync(downloadsDir, { recursive: true, mode: 0o700 });
    await runBuild(deps, build, mark);
  }
  return downloadsDir;
}

/** The version of Node belongs to it: its program is part of the agent's package. */
const markOf = (deps: BuildDeps, { sources }: Build): string =>
  `${process.version} ${markSources(deps.root, sources)}`;

function isCurrent({ outDir, proof }: Build, mark: string): boolean {
  const file = join(outDir, MARK_FILE);
  return existsSync(join(outDir, proof)) && existsSync(file) && readFileSync(file, 'utf8') === mark;
}

async function runBuild(deps: BuildDeps, { what, title, outDir, proof }: Build, mark: string): Promise<void> {
  const end = await runOnce({
    args: [join(import.meta.dirname, 'build-step.ts'), what, outDir],
    cwd: deps.root,
    env: { ...process.env, NODE_ENV: 'production' },
    deadlineMs: BUILD_DEADLINE_MS,
    signal: deps.signal,
    onLine: (line, stream) => deps.onLine(`build-${what}`, line, stream),
  });
  if (end.code !== 0 || !existsSync(join(outDir, proof))) {
    throw new StartError(
      `The ${title} cannot be built: ${end.lastWords}. ` +
        `Run \`npm ci\` again and start once more; the log build-${what}.log has the whole output.`,
    );
  }
  writeFileSync(join(outDir, MARK_FILE), mark);
}

/** What is left of builds that were killed. */
function removeAbandoned(folder: string): void {
  for (const name of readdirSync(folder)) {
    const [, pid] = /^\.build-console-(\d+)$/.exec(name) ?? [];
    if (pid !== undefined && processIdentity(Number(pid)) === null)
      rmSync(join(folder, name), { recursive: true });
  }
}
