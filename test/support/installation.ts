/** PostgreSQL, broker and control plane as processes under the real supervisor, for bars and benches. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { type Authority, openAuthority } from '#certs';
import { type Database, migrate, openDatabase, startPostgres } from '#db';
import { type SupervisedChild, superviseChild } from '../../control-plane/supervisor/child.ts';
import { NURSERY } from '../../control-plane/supervisor/programs.ts';
import type { BrokerProcessConfig } from './broker-process.ts';
import type { ControlPlaneProcessConfig } from './control-plane-process.ts';
import { consoleLog } from './process-report.ts';

export type Part = 'broker' | 'control-plane' | 'postgres';

export interface Installation {
  /** Of this process, beside the control plane's own. */
  readonly database: Database;
  readonly databaseUrl: string;
  readonly authority: Authority;
  readonly authorityDir: string;
  readonly mqttPort: number;
  /** undefined between two lives. */
  pid(part: Part): number | undefined;
  /** SIGKILL; the supervisor (for PostgreSQL its launcher) starts it again. */
  kill(part: Part): void;
  /** A process that was started after the last `kill` says that it is ready. */
  untilBack(part: Part, timeoutMs: number): Promise<void>;
  stop(): Promise<void>;
}

export interface InstallationOptions {
  readonly dir: string;
  /** An outside broker on this port takes the place of ours. */
  readonly mqttPort?: number;
  /** A migrated, empty database in the place of an embedded PostgreSQL of its own. */
  readonly databaseUrl?: string;
  /** Log lines of the children; default: none. */
  readonly onLine?: (name: string, line: string) => void;
}

interface Supervised {
  readonly child: SupervisedChild;
  readyPid(): number | undefined;
}

export async function startInstallation(options: InstallationOptions): Promise<Installation> {
  const authorityDir = join(options.dir, 'authority');
  const authority = await openAuthority({ dir: authorityDir });
  const postgres =
    options.databaseUrl === undefined
      ? await startOwnPostgres(join(options.dir, 'postgres'))
      : { url: options.databaseUrl, pid: undefined, stop: async () => undefined };
  const database = await openDatabase({ url: postgres.url });
  const mqttPort = options.mqttPort ?? (await freePort());
  const killed = new Map<Part, number | undefined>();

  const supervise = (name: string, script: string, config: object): Supervised => {
    const file = join(options.dir, `${name}.json`);
    writeFileSync(file, JSON.stringify(config), { mode: 0o600 });
    let readyPid: number | undefined;
    const child = superviseChild({
      name,
      args: [NURSERY, join(import.meta.dirname, script), file],
      env: process.env,
      cwd: options.dir,
      onLine: (line) => options.onLine?.(name, line),
      onChange: (change) => {
        readyPid = change.state === 'ready' ? change.pid : undefined;
      },
    });
    return { child, readyPid: () => readyPid };
  };
  const broker =
    options.mqttPort === undefined
      ? supervise('broker', 'broker-process.ts', {
          authorityDir,
          port: mqttPort,
        } satisfies BrokerProcessConfig)
      : null;
  await broker?.child.ready();
  const controlPlane = supervise('control-plane', 'control-plane-process.ts', {
    databaseUrl: postgres.url,
    authorityDir,
    mqttUrl: `mqtts://127.0.0.1:${mqttPort}`,
  } satisfies ControlPlaneProcessConfig);
  await controlPlane.child.ready();

  const pid = (part: Part): number | undefined => {
    if (part === 'postgres') return postgres.pid;
    return part === 'broker' ? broker?.child.pid() : controlPlane.child.pid();
  };
  const isBack = async (part: Part): Promise<boolean> => {
    if (part === 'postgres') {
      return (
        postgres.pid !== killed.get(part) &&
        (await database.ping(1000).then(
          () => true,
          () => false,
        ))
      );
    }
    const readyPid = part === 'broker' ? broker?.readyPid() : controlPlane.readyPid();
    return readyPid !== undefined && readyPid !== killed.get(part);
  };

  return {
    database,
    databaseUrl: postgres.url,
    authority,
    authorityDir,
    mqttPort,
    pid,
    kill(part) {
      const victim = pid(part);
      if (victim === undefined || victim <= 0) throw new Error(`${part} does not run`);
      killed.set(part, victim);
      process.kill(victim, 'SIGKILL');
    },
    async untilBack(part, timeoutMs) {
      const deadline = Date.now() + timeoutMs;
      while (!(await isBack(part))) {
        if (Date.now() > deadline) throw new Error(`${part} is not back after ${timeoutMs} ms`);
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    },
    async stop() {
      await controlPlane.child.stop();
      await broker?.child.stop();
      await database.close();
      await postgres.stop();
    },
  };
}

async function startOwnPostgres(dataDir: string) {
  mkdirSync(dataDir, { recursive: true });
  const postgres = await startPostgres({
    dataDir,
    postgresBin: process.env.POSTGRES_BIN ?? null,
    log: { ...consoleLog, warn: () => undefined },
  });
  await migrate(postgres.url, { timeseries: 'plain' });
  return postgres;
}

/** Free a moment ago, on loopback. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}
