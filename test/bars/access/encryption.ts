/**
 * Bar J2: sealed data that was changed, swapped or replayed never opens; keys of both kinds are rotated under load while
 * the rotating process is killed at random points, and every row opens and equals; a dump and a copy of the stopped
 * database and data folder hold nothing in the clear; what a destroyed key sealed cannot be read.
 * `node test/bars/access/encryption.ts [--kills 6] [--seed 1] [--long]`; --long: 30 kills, more rows.
 */
import { spawn } from 'node:child_process';
import { randomBytes, randomUUID } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import pg from 'pg';
import { openDatabase } from '#db';
import { sealConfiguration } from '../../../control-plane/secrets/configuration-body.ts';
import type { Encryption } from '../../../control-plane/secrets/encryption.ts';
import { SILENT } from '../../../db/log.ts';
import { migrate } from '../../../db/migrate.ts';
import { startPostgres } from '../../../db/server/launcher.ts';
import { runBar } from '../../support/bar.ts';
import { openTestEncryption } from '../../support/encryption.ts';
import { seededRandom } from '../../support/seeded-random.ts';

const { values } = parseArgs({
  options: {
    kills: { type: 'string' },
    seed: { type: 'string', default: '1' },
    long: { type: 'boolean', default: false },
  },
});
const kills = Number(values.kills ?? (values.long ? 30 : 6));
const rowsPerOrg = values.long ? 400 : 40;
const MUTATIONS = values.long ? 20_000 : 2000;
/** A rotation of these rows takes about as long: kills fall before, in and after it. */
const KILL_WITHIN_MS = values.long ? 3000 : 1200;
const WRITES_PER_ROUND = 10;
const random = seededRandom(Number(values.seed));
const CANARY = `canary-${randomBytes(8).toString('hex')}`;
/** In the clear on purpose: a search that does not find it finds nothing. */
const CONTROL = `control-${randomBytes(8).toString('hex')}`;
/** As anything that writes text might have left it. */
const SPELLINGS = (word: string): Buffer[] => [
  Buffer.from(word),
  Buffer.from(word, 'utf16le'),
  Buffer.from(Buffer.from(word).toString('hex')),
  ...[0, 1, 2].map((shift) =>
    Buffer.from(
      Buffer.from('x'.repeat(shift) + word)
        .toString('base64')
        .slice(4, -4),
    ),
  ),
];

interface Row {
  readonly kind: 'secret' | 'configuration';
  readonly orgId: string;
  readonly objectId: string;
  readonly version: number;
  value: string;
}

/** How many pieces hold the canary in any spelling, and how many the control. */
class Found {
  clear = 0;
  control = 0;
  add(bytes: Buffer): void {
    if (SPELLINGS(CANARY).some((spelling) => bytes.includes(spelling))) this.clear += 1;
    if (bytes.includes(CONTROL)) this.control += 1;
  }
  toString(): string {
    return `${this.clear} with a canary, ${this.control} with the control`;
  }
}

await runBar(async () => {
  const dir = mkdtempSync(join(tmpdir(), 'encryption-bar-'));
  const dataDir = join(dir, 'postgres');
  const keys = join(dir, 'keys');
  const server = await startPostgres({ dataDir, postgresBin: null, log: SILENT });
  let isServing = true;
  try {
    await migrate(server.url, { timeseries: 'plain' });
    const database = await openDatabase({ url: server.url });
    const sql = new pg.Pool({ connectionString: server.url, max: 4 });
    // A server that is stopped under it must not hide the error that stopped it.
    sql.on('error', (error) => console.error(error.message));
    const encryption = await openTestEncryption(database, keys, { retireAfterMs: 0 });
    const orgs = [await newOrg(), await newOrg(), await newOrg()];
    const rows = await seed(orgs);
    const accepted = await mutate(encryption, rows);
    console.log(`${MUTATIONS} mutations: ${accepted} accepted`);
    const { wrong, killed } = await rotateUnderFire(rows, orgs);
    console.log(`${killed} kills: ${wrong} rows lost or wrong`);
    const left = await finish(encryption, rows, orgs);
    const dumped = await dump();
    await encryption.stop();
    await sql.end();
    await database.close();
    await server.stop();
    isServing = false;
    const copied = filesHolding(dir);
    console.log(`dump: ${dumped}; files: ${copied}`);
    const clear = dumped.clear + copied.clear;
    const seesControl = dumped.control > 0 && copied.control > 0;
    const unreadable = await destroyOne(rows, orgs);
    const holds =
      accepted === 0 &&
      wrong === 0 &&
      killed >= kills &&
      left === 0 &&
      clear === 0 &&
      seesControl &&
      unreadable;
    return {
      name: 'encryption',
      figure:
        `${accepted} of ${MUTATIONS} mutations accepted, ${wrong} rows lost in ${killed} kills, ${left} left on old keys, ` +
        `${clear} in the clear, destroyed key ${unreadable ? 'unreadable' : 'READABLE'}`,
      limit: `0, 0 in ${kills}, 0, 0, unreadable`,
      holds,
    };

    async function newOrg(): Promise<string> {
      const slug = `o${randomUUID().slice(0, 12)}`;
      return (await database.organizations.create({ slug, name: slug })).id;
    }

    async function seed(orgIds: readonly string[]): Promise<Row[]> {
      const made: Row[] = [];
      for (const orgId of orgIds) {
        const device = await database.devices.create(orgId, {
          ...{ name: CONTROL, type: 'gateway', hardwareId: randomUUID() },
        });
        for (let index = 1; index <= rowsPerOrg; index += 1) {
          const value = `${CANARY} ${orgId} ${index}`;
          made.push(
            index % 4 === 0
              ? await addConfiguration({
                  kind: 'configuration',
                  orgId,
                  objectId: device.id,
                  version: index,
                  value,
                })
              : await addSecret(orgId, value),
          );
        }
      }
      return made;
    }

    async function addSecret(orgId: string, value: string): Promise<Row> {
      const { id, version } = await database.secrets.put(orgId, {
        ...{ name: `s${randomUUID()}`, provider: 'builtin', path: null, field: null, updatedBy: CONTROL },
      });
      const row: Row = { kind: 'secret', orgId, objectId: id, version, value };
      const sealed = await encryption.secretBox.seal({ orgId }, contextOf(row), Buffer.from(value));
      await database.secrets.addVersion(orgId, { secretId: id, version, sealed, createdBy: 'bar' });
      return row;
    }

    async function addConfiguration(row: Row): Promise<Row> {
      const { orgId, objectId: deviceId, version, value } = row;
      const sealed = await sealConfiguration(encryption.secretBox, { orgId, deviceId, version }, { value });
      await sql.query(
        `INSERT INTO device_configurations (device_id, config_version, config_data, is_active) VALUES ($1, $2, $3, false)`,
        [deviceId, version, JSON.stringify(sealed)],
      );
      return row;
    }

    /** Rotations of both kinds in turn; the process is killed, everything is read, and the next one takes over. */
    async function rotateUnderFire(all: Row[], orgIds: readonly string[]) {
      let lost = 0;
      let count = 0;
      for (let round = 0; count < kills && round < kills * 3; round += 1) {
        const kind = round % 2 === 0 ? 'data' : 'master';
        const load = startLoad(all, orgIds);
        const finished = await rotateAndKill([server.url, keys, kind, ...orgIds], random() * KILL_WITHIN_MS);
        if (!finished) count += 1;
        lost += await load.stop();
        const bad = await countWrong(encryption, all);
        lost += bad;
        console.log(
          `round ${round + 1}: ${kind} key, ${finished ? 'finished first' : 'killed'}, ${all.length} rows, ${bad} wrong`,
        );
      }
      return { wrong: lost, killed: count };
    }

    /** Writes new secrets and reads old ones all the time. @returns how many reads were wrong */
    function startLoad(all: Row[], orgIds: readonly string[]): { stop(): Promise<number> } {
      let isOn = true;
      let wrong = 0;
      const work = (async () => {
        for (let written = 0; isOn; written += 1) {
          const orgId = orgIds[Math.floor(random() * orgIds.length)] ?? '';
          // Reads go on to the end; writes are bounded, for every row is read again after every kill.
          if (written < WRITES_PER_ROUND) all.push(await addSecret(orgId, `${CANARY} ${randomUUID()}`));
          const row = all[Math.floor(random() * all.length)];
          if (row !== undefined && (await read(encryption, row)) !== row.value) wrong += 1;
        }
      })();
      return {
        async stop() {
          isOn = false;
          await work;
          return wrong;
        },
      };
    }

    /** To the end, with nobody killed. @returns rows and keys that are still where they should have left */
    async function finish(by: Encryption, all: readonly Row[], orgIds: readonly string[]): Promise<number> {
      await rotateAndKill([server.url, keys, 'master', ...orgIds], null);
      await rotateAndKill([server.url, keys, 'data', ...orgIds], null);
      let left = (await database.dataKeys.master()).keysLeft;
      for (const orgId of orgIds) {
        by.keyring.forget(orgId);
        for (const { id, state } of await database.dataKeys.list(orgId, 1000)) {
          if (state !== 'active') left += await database.sealedRows.count(id);
          if (state === 'retiring') left += 1;
        }
      }
      return left + (await countWrong(by, all));
    }

    async function read(by: Encryption, row: Row): Promise<string | null> {
      const sealed = await sealedOf(row);
      const bytes = await by.secretBox.open({ orgId: row.orgId }, contextOf(row), sealed);
      const text = Buffer.from(bytes).toString();
      return row.kind === 'secret' ? text : (JSON.parse(text) as { value: string }).value;
    }

    async function sealedOf({ kind, orgId, objectId, version }: Row): Promise<string> {
      if (kind === 'secret') return (await database.secrets.sealedValue(orgId, objectId, version)) ?? '';
      const { rows: found } = await sql.query<{ config_data: string }>(
        'SELECT config_data FROM device_configurations WHERE device_id = $1 AND config_version = $2',
        [objectId, version],
      );
      return found[0]?.config_data ?? '';
    }

    async function countWrong(by: Encryption, all: readonly Row[]): Promise<number> {
      let wrong = 0;
      const queue = all.values();
      const work = async () => {
        for (const row of queue) {
          if ((await read(by, row).catch(() => null)) !== row.value) wrong += 1;
        }
      };
      await Promise.all([work(), work(), work(), work()]);
      return wrong;
    }

    /** @returns how many changed, swapped, truncated or replayed texts opened */
    async function mutate(by: Encryption, all: readonly Row[]): Promise<number> {
      const sealed = await Promise.all(all.map(sealedOf));
      let accepted = 0;
      for (let index = 0; index < MUTATIONS; index += 1) {
        const at = Math.floor(random() * all.length);
        const [row, text = ''] = [all[at], sealed[at]];
        const other = Math.floor(random() * all.length);
        if (row === undefined || other === at) continue;
        const [scope, context, changed] = mutation(row, text, sealed[other] ?? '', index);
        if (changed === text && scope.orgId === row.orgId && context === undefined) continue;
        const opened = await by.secretBox.open(scope, context ?? contextOf(row), changed).then(
          () => true,
          () => false,
        );
        if (opened) accepted += 1;
      }
      return accepted;
    }

    /** Every row of every table, as pg_dump would write it. */
    async function dump(): Promise<Found> {
      const { rows: tables } = await sql.query<{ name: string }>(
        `SELECT quote_ident(schemaname) || '.' || quote_ident(tablename) AS name FROM pg_tables
         WHERE schemaname NOT IN ('pg_catalog', 'information_schema')`,
      );
      const found = new Found();
      for (const { name } of tables) {
        const { rows: all } = await sql.query<{ line: string }>(`SELECT t::text AS line FROM ${name} t`);
        found.add(Buffer.from(all.map(({ line }) => line).join('\n')));
      }
      return found;
    }

    async function destroyOne(all: readonly Row[], [gone = '']: readonly string[]): Promise<boolean> {
      const again = await startPostgres({ dataDir, postgresBin: null, log: SILENT });
      const reopened = await openDatabase({ url: again.url });
      const fresh = await openTestEncryption(reopened, keys);
      try {
        await fresh.destroyKeys(gone);
        let ok = true;
        for (const row of all.filter(({ kind }) => kind === 'secret')) {
          const sealed = (await reopened.secrets.sealedValue(row.orgId, row.objectId, row.version)) ?? '';
          const result = await fresh.secretBox.open({ orgId: row.orgId }, contextOf(row), sealed).then(
            (bytes) => Buffer.from(bytes).toString(),
            (error: unknown) => String(error instanceof Error && 'code' in error ? error.code : error),
          );
          ok &&= result === (row.orgId === gone ? 'encryption.destroyed' : row.value);
        }
        return ok;
      } finally {
        await fresh.stop();
        await reopened.close();
        await again.stop();
      }
    }
  } finally {
    if (isServing) await server.stop();
    rmSync(dir, { recursive: true, force: true });
  }
});

/** Cluster, write-ahead log and key folder, file by file. */
function filesHolding(dir: string): Found {
  const found = new Found();
  for (const entry of readdirSync(dir, { recursive: true, withFileTypes: true })) {
    if (entry.isFile()) found.add(readFileSync(join(entry.parentPath, entry.name)));
  }
  return found;
}

function contextOf({ kind, objectId, version }: Pick<Row, 'kind' | 'objectId' | 'version'>) {
  return { object: `${kind}:${objectId}`, version };
}

/** One of seven ways to lie about a sealed text. */
function mutation(
  row: Row,
  text: string,
  other: string,
  index: number,
): [{ orgId: string | null }, { object: string; version: number } | undefined, string] {
  const scope = { orgId: row.orgId };
  const at = Math.floor(random() * text.length);
  const parts = text.split('.');
  const foreign = other.split('.');
  const part = Math.floor(random() * 5);
  switch (index % 7) {
    case 0:
      return [scope, undefined, `${text.slice(0, at)}${text[at] === 'A' ? 'B' : 'A'}${text.slice(at + 1)}`];
    case 1:
      return [scope, undefined, text.slice(0, at)];
    case 2:
      return [scope, undefined, other];
    case 3:
      return [{ orgId: index % 2 === 0 ? null : randomUUID() }, undefined, text];
    case 4:
      return [scope, { ...contextOf(row), version: row.version + 1 }, text];
    case 5:
      return [scope, { ...contextOf(row), object: `${row.kind}:${randomUUID()}` }, text];
    default:
      return [
        scope,
        undefined,
        parts.map((own, which) => (which === part ? (foreign[which] ?? own) : own)).join('.'),
      ];
  }
}

/** @param killAfterMs after it has begun; null = not at all. @returns whether it finished */
async function rotateAndKill(args: readonly string[], killAfterMs: number | null): Promise<boolean> {
  const script = join(import.meta.dirname, '../../support/rotation-process.ts');
  const child = spawn(process.execPath, [script, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  let isDone = false;
  createInterface({ input: child.stdout }).on('line', (line) => {
    if (line === 'begin' && killAfterMs !== null) setTimeout(() => child.kill('SIGKILL'), killAfterMs);
    if (line === 'done') isDone = true;
  });
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  if (code !== 0 && code !== null) throw new Error(`the rotating process ended with ${code}`);
  return isDone;
}
