/** Migrations: by several processes at once, twice, over changed files, and onto a newer database. */
import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { cpSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { getTableColumns, getTableName, is } from 'drizzle-orm';
import { PgTable } from 'drizzle-orm/pg-core';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { migrate } from '#db';
import * as authorities from '../../../db/schema/authorities.ts';
import * as credentials from '../../../db/schema/credentials.ts';
import * as devices from '../../../db/schema/devices.ts';
import * as enrollment from '../../../db/schema/enrollment.ts';
import * as groups from '../../../db/schema/groups.ts';
import * as people from '../../../db/schema/people.ts';
import * as records from '../../../db/schema/records.ts';
import * as secrets from '../../../db/schema/secrets.ts';
import * as telemetry from '../../../db/schema/telemetry.ts';
import * as timeSeries from '../../../db/schema/time-series.ts';
import { ADMIN_URL, withClient, withDatabase } from '../../support/database-server.ts';

const MIGRATIONS = join(import.meta.dirname, '../../../db/migrations');
const names = readdirSync(MIGRATIONS).sort();
const adminUrl = process.env[ADMIN_URL] ?? '';
const timescale = process.env.TIMESERIES === 'timescale';
let name: string;
let url: string;
let folder: string;

beforeEach(async () => {
  name = `edge_test_migrate_${randomUUID().slice(0, 8)}`;
  url = withDatabase(adminUrl, name);
  await withClient(adminUrl, (client) => client.query(`CREATE DATABASE ${name} TEMPLATE template0`));
  folder = mkdtempSync(join(tmpdir(), 'edge-migrations-'));
  cpSync(MIGRATIONS, folder, { recursive: true });
});
afterEach(async () => {
  rmSync(folder, { recursive: true });
  await withClient(adminUrl, (client) => client.query(`DROP DATABASE ${name} WITH (FORCE)`));
});

/** Their stores are SQL written by hand, whose own tests read and write every column. */
const BY_HAND: ReadonlySet<string> = new Set([
  'encryption_master',
  'organization_keys',
  'organization_security',
  'provider_logout_tokens',
  'provider_sessions',
  'provider_sign_ins',
  'secret_versions',
]);

describe('migrate', () => {
  it('applies all files once, and nothing the second time', async () => {
    const first = await migrate(url, { timeseries: 'auto' });
    expect(first.applied).toEqual(names);
    expect(first.timeseries).toBe(timescale ? 'timescale-apache' : 'plain');
    expect(await migrate(url, { timeseries: 'auto' })).toEqual({ ...first, applied: [] });
  });

  it('is done by one of three processes, while the others wait and find it done', async () => {
    const script = `import { migrate } from ${JSON.stringify(join(import.meta.dirname, '../../../db/migrate.ts'))};
      console.log(JSON.stringify(await migrate(process.argv[1], { timeseries: 'auto' })));`;
    const run = promisify(execFile);
    const processes = [1, 2, 3].map(() => run(process.execPath, ['--input-type=module', '-e', script, url]));
    const applied = (await Promise.all(processes)).map(({ stdout }) => JSON.parse(stdout).applied.length);
    expect(applied.toSorted()).toEqual([0, 0, names.length]);
  });

  it('refuses a file that has changed since it was applied', async () => {
    await migrate(url, { timeseries: 'auto', folder });
    writeFileSync(join(folder, names[1] ?? ''), '-- edited\n');
    await expect(migrate(url, { timeseries: 'auto', folder })).rejects.toThrow(
      `Migration ${names[1]} has changed`,
    );
  });

  it('refuses a database that is newer than the program', async () => {
    writeFileSync(join(folder, '9999_from_the_future.sql'), 'SELECT 1;\n');
    await migrate(url, { timeseries: 'auto', folder });
    await expect(migrate(url, { timeseries: 'auto' })).rejects.toThrow(
      'The database is newer than this program (it has migration 9999_from_the_future.sql)',
    );
  });

  it('leaves nothing of a file that fails, keeps the files before, and goes on when it is repaired', async () => {
    const broken = join(folder, '9999_broken.sql');
    writeFileSync(broken, 'CREATE TABLE half (id int);\nSELECT 1 / 0;\n');
    await expect(migrate(url, { timeseries: 'auto', folder })).rejects.toThrow(
      '9999_broken.sql failed: division',
    );
    const { rows } = await withClient(url, (client) =>
      client.query(`SELECT to_regclass('half') AS half, to_regclass('edge_devices')::text AS devices`),
    );
    expect(rows).toEqual([{ half: null, devices: 'edge_devices' }]);
    writeFileSync(broken, 'CREATE TABLE half (id int);\n');
    expect(await migrate(url, { timeseries: 'auto', folder })).toMatchObject({
      applied: ['9999_broken.sql'],
    });
  });

  it('makes the tables that the schema describes, column by column', async () => {
    await migrate(url, { timeseries: 'auto' });
    const described = [
      authorities,
      groups,
      secrets,
      people,
      credentials,
      devices,
      timeSeries,
      telemetry,
      enrollment,
      records,
    ]
      .flatMap((file): unknown[] => Object.values(file))
      .filter((value) => is(value, PgTable))
      .flatMap((table) =>
        Object.values(getTableColumns(table)).map(
          (column) => `${getTableName(table)}.${column.name}${column.notNull ? ' not null' : ''}`,
        ),
      );
    const { rows } = await withClient(url, (client) =>
      client.query<{ line: string }>(
        `SELECT table_name || '.' || column_name || CASE is_nullable WHEN 'NO' THEN ' not null' ELSE '' END AS line
         FROM information_schema.columns
         WHERE table_schema = 'public' AND table_name !~ '_(default|\\d{4}_\\d{2}(_\\d{2}.*)?)$' AND table_name <> 'schema_migrations'`,
      ),
    );
    const made = rows.map(({ line }) => line).filter((line) => !BY_HAND.has(line.split('.')[0] ?? ''));
    expect(described.toSorted()).toEqual(made.toSorted());
  });
});

describe('the request for time-series storage', () => {
  it.runIf(!timescale)('for TimescaleDB is refused where there is none', async () => {
    await expect(migrate(url, { timeseries: 'timescale' })).rejects.toThrow(
      'TIMESERIES=timescale: this PostgreSQL server has no TimescaleDB; install TimescaleDB on the server or use TIMESERIES=auto.',
    );
  });

  it.runIf(timescale)('may be for native partitions beside TimescaleDB, for good', async () => {
    expect(await migrate(url, { timeseries: 'plain' })).toMatchObject({ timeseries: 'plain' });
    expect(await migrate(url, { timeseries: 'auto' })).toMatchObject({ timeseries: 'plain' });
    await expect(migrate(url, { timeseries: 'timescale' })).rejects.toThrow('were made as native partitions');
  });

  it.runIf(timescale)('for native partitions is refused where there are hypertables', async () => {
    await migrate(url, { timeseries: 'timescale' });
    await expect(migrate(url, { timeseries: 'plain' })).rejects.toThrow('were made as hypertables');
  });
});
