/** The embedded server: it comes back, resumes, is opened by one supervisor only, and says clearly what is wrong. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { migrate, openDatabase, type PostgresServer, startPostgres } from '#db';
import { SILENT } from '../../../db/log.ts';
import { isRunning } from '../../../db/server/process-table.ts';
import { withClient } from '../../support/database-server.ts';
import { eventually } from './eventually.ts';

const settings = { fsync: 'off', shared_buffers: '16MB' };
let folder: string;
let dataDir: string;
/** A cluster made once: initdb takes seconds on a busy machine, a copy does not. */
let template: string;
const started: PostgresServer[] = [];
const children: ChildProcess[] = [];

beforeAll(async () => {
  template = mkdtempSync(join(tmpdir(), 'edge-launcher-template-'));
  const postgresBin = process.env.POSTGRES_BIN ?? null;
  const log = SILENT;
  const server = await startPostgres({ dataDir: join(template, 'postgres'), postgresBin, log, settings });
  await server.stop();
});
afterAll(() => rmSync(template, { recursive: true }));

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'edge-launcher-'));
  dataDir = join(folder, 'postgres');
});
afterEach(async () => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  for (const server of started.splice(0)) await server.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** With the owners of the files, which cpSync does not keep. */
function prepareCluster(): void {
  const copy = spawnSync('cp', ['-a', join(template, 'postgres'), dataDir]);
  expect(copy.status).toBe(0);
}

async function start(changes: Partial<Parameters<typeof startPostgres>[0]> = {}): Promise<PostgresServer> {
  const postgresBin = process.env.POSTGRES_BIN ?? null;
  const server = await startPostgres({ dataDir, postgresBin, log: SILENT, settings, ...changes });
  started.push(server);
  return server;
}
const ask = (url: string, text: string): Promise<unknown[]> =>
  withClient(url, async (client) => (await client.query(text)).rows);
const answers = (url: string): Promise<boolean> =>
  ask(url, 'SELECT 1').then(
    () => true,
    () => false,
  );

describe('the embedded PostgreSQL', () => {
  it('comes back by itself after kill -9, at the same address and with all committed data', async () => {
    prepareCluster();
    const ends: unknown[] = [];
    const server = await start({ onExit: (end) => ends.push(end) });
    await migrate(server.url, { timeseries: 'auto' });
    const database = await openDatabase({ url: server.url });
    const resyncs: number[] = [];
    const listening = await database.listen('edge_live', {
      onMessage: () => undefined,
      onResync: () => resyncs.push(Date.now()),
    });
    const { url, pid } = server;
    for (let round = 1; round <= 3; round += 1) {
      await database.organizations.create({ slug: `round-${round}`, name: 'kept' });
      process.kill(server.pid, 'SIGKILL');
      await eventually('the end of the server', () => ends.length === round);
      await eventually('an answer', () =>
        database.ping(1000).then(
          () => true,
          () => false,
        ),
      );
      expect(server.url).toBe(url);
      expect(await database.organizations.list(null, { limit: 10 })).toMatchObject({ total: round });
    }
    expect(server.pid).not.toBe(pid);
    expect(ends[0]).toEqual({ code: null, signal: 'SIGKILL' });
    await eventually('the listener', () => resyncs.length >= 2);
    await listening.stop();
    await database.close();
  });

  it('resumes with its data, password and port after an orderly stop', async () => {
    prepareCluster();
    const first = await start();
    await ask(first.url, 'CREATE TABLE kept AS SELECT 42 AS answer');
    const { pid } = first;
    await Promise.all([first.stop(), first.stop()]);
    expect(isRunning(pid)).toBe(false);
    const second = await start();
    expect(second.url).toBe(first.url);
    expect(await ask(second.url, 'SELECT answer FROM kept')).toEqual([{ answer: 42 }]);
  });

  it('listens on loopback with a password that only the owner can read', async () => {
    prepareCluster();
    const server = await start();
    expect(statSync(join(dataDir, 'password')).mode & 0o777).toBe(0o600);
    const wrong = new URL(server.url);
    wrong.password = 'guess';
    await expect(ask(wrong.href, 'SELECT 1')).rejects.toMatchObject({ code: '28P01' });
    expect(await ask(server.url, 'SHOW listen_addresses')).toEqual([{ listen_addresses: '127.0.0.1' }]);
  });

  it('refuses a second supervisor while the first lives, and lets it in afterwards', async () => {
    prepareCluster();
    const first = await start();
    await expect(start()).rejects.toThrow(/is in use by process \d+; stop that one first/);
    expect(await answers(first.url)).toBe(true);
    await first.stop();
    await start();
  });

  it('takes over from a supervisor that was killed, whose server still runs', async () => {
    prepareCluster();
    const launcher = JSON.stringify(join(import.meta.dirname, '../../../db/server/launcher.ts'));
    const script = `import { startPostgres } from ${launcher};
      const ignore = () => undefined;
      const log = { debug: ignore, info: ignore, warn: ignore, error: ignore };
      const [dataDir, postgresBin] = process.argv.slice(1);
      const settings = { fsync: 'off', shared_buffers: '16MB' };
      const { pid, url } = await startPostgres({ dataDir, postgresBin: postgresBin || null, log, settings });
      console.log(JSON.stringify({ pid, url }));`;
    const bin = process.env.POSTGRES_BIN ?? '';
    const child = spawn(process.execPath, ['--input-type=module', '-e', script, dataDir, bin], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    children.push(child);
    const [line] = await once(createInterface({ input: child.stdout }), 'line');
    const orphan: { pid: number; url: string } = JSON.parse(line);
    await ask(orphan.url, 'CREATE TABLE kept AS SELECT 1 AS one');
    child.kill('SIGKILL');
    await once(child, 'exit');
    expect(isRunning(orphan.pid)).toBe(true);
    const server = await start();
    expect(isRunning(orphan.pid)).toBe(false);
    expect(await ask(server.url, 'SELECT one FROM kept')).toEqual([{ one: 1 }]);
  });

  it.runIf(process.getuid?.() === 0)(
    'runs as another user when started by root, also below closed folders',
    async () => {
      const closed = join(folder, 'closed');
      mkdirSync(join(closed, 'inner'), { recursive: true });
      chmodSync(closed, 0o700);
      // Somebody else's: ours would be opened for search.
      chownSync(closed, 12_345, 12_345);
      const server = await start({ dataDir: join(closed, 'inner', 'postgres') });
      expect(statSync(`/proc/${server.pid}`).uid).not.toBe(0);
      const place = readFileSync(join(closed, 'inner', 'postgres', 'moved-to'), 'utf8').trim();
      expect(statSync(closed).mode & 0o777).toBe(0o700);
      await server.stop();
      expect(existsSync(join(place, 'pgdata', 'PG_VERSION'))).toBe(true);
      rmSync(place, { recursive: true });
      await expect(start({ dataDir: join(closed, 'inner', 'postgres') })).rejects.toThrow(
        /which is gone; put it back/,
      );
    },
  );
});

describe('a start that cannot succeed', () => {
  it('says that the database was made by another version', async () => {
    prepareCluster();
    writeFileSync(join(dataDir, 'pgdata', 'PG_VERSION'), '9\n');
    await expect(start()).rejects.toThrow(
      /^The database was made by PostgreSQL 9, but the programs here are version [\d.]+; set POSTGRES_BIN/,
    );
  });

  it('says that the folder holds something else', async () => {
    mkdirSync(join(dataDir, 'pgdata'), { recursive: true });
    writeFileSync(join(dataDir, 'pgdata', 'holiday.jpg'), 'x');
    await expect(start()).rejects.toThrow(/holds no PostgreSQL database .* restore it from a backup/);
    expect(existsSync(join(dataDir, 'supervisor.lock'))).toBe(false);
  });

  it('says that the cluster is damaged, with the server’s own words', async () => {
    prepareCluster();
    rmSync(join(dataDir, 'pgdata', 'global', 'pg_control'));
    await expect(start()).rejects.toThrow(
      /^PostgreSQL does not start in .*pg_control.*restore the folder from a backup/,
    );
  });

  it('says that the password was lost', async () => {
    prepareCluster();
    rmSync(join(dataDir, 'password'));
    await expect(start()).rejects.toThrow(/password file .* is missing; restore it/);
  });

  it('says that the data folder cannot be made', async () => {
    writeFileSync(join(folder, 'file'), '');
    await expect(start({ dataDir: join(folder, 'file', 'postgres') })).rejects.toThrow(
      /cannot be made .*--data-dir/,
    );
  });

  it('says that POSTGRES_BIN holds no programs', async () => {
    await expect(start({ postgresBin: folder })).rejects.toThrow(
      /^POSTGRES_BIN: .* holds no postgres and initdb/,
    );
  });

  it('makes a cluster again whose first making was interrupted', async () => {
    mkdirSync(join(dataDir, 'pgdata.new'), { recursive: true });
    writeFileSync(join(dataDir, 'pgdata.new', 'PG_VERSION'), '18\n');
    writeFileSync(join(dataDir, 'supervisor.lock'), '{"pid":999999999,"startedAt":"1"}');
    expect(await answers((await start()).url)).toBe(true);
  });
});
