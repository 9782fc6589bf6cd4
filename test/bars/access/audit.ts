/**
 * Bar: 2,000 audited writes by eight clients of a process that is killed with -9 three times on the way leave one row
 * each in chains that hold; 200 changes made to a chain with every right on the database are found, each by itself.
 * `--long`: 10,000 writes, six kills, 1,000 changes; `--writes=N`.
 */
import { spawn } from 'node:child_process';
import { randomBytes, randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import pg from 'pg';
import { openAuthority } from '#certs';
import type { Database } from '#db';
import { openSession } from '../../../control-plane/access/sessions.ts';
import { openCheckpointSigner } from '../../../control-plane/audit/checkpoint-key.ts';
import { signHeads } from '../../../control-plane/audit/checkpoints.ts';
import { verifyChains } from '../../../control-plane/audit/verify.ts';
import { SILENT } from '../../../db/log.ts';
import { createAuditStore } from '../../../db/stores/audit.ts';
import { queriesIn } from '../../../db/stores/queries.ts';
import { tamperings } from '../../support/audit-tampering.ts';
import type { AuditWriterConfig } from '../../support/audit-writer.ts';
import { runBar } from '../../support/bar.ts';
import { createTestDatabase } from '../../support/database.ts';
import { startTestServer } from '../../support/database-server.ts';
import { seededRandom } from '../../support/seeded-random.ts';

const isLong = process.argv.includes('--long');
const WRITES = Number(
  process.argv.find((one) => one.startsWith('--writes='))?.slice(9) ?? (isLong ? 10_000 : 2000),
);
const CHANGES = isLong ? 1000 : 200;
const CLIENTS = 8;
const ORGANIZATIONS = 4;
const KILLS = isLong ? 6 : 3;
/** Of one process, unless it is killed before: some end by themselves. */
const RUN = Math.ceil(WRITES / (KILLS + 1));
const RATE_WRITES = isLong ? 2000 : 500;
const random = seededRandom(7);

await runBar(async () => {
  const server = await startTestServer();
  const test = await createTestDatabase();
  const dir = mkdtempSync(join(tmpdir(), 'audit-bar-'));
  const sql = new pg.Client({ connectionString: test.url });
  await sql.connect();
  try {
    const { database } = test;
    await openAuthority({ dir });
    const orgIds: string[] = [];
    for (let index = 0; index < ORGANIZATIONS; index += 1) {
      orgIds.push((await database.organizations.create({ slug: `org-${index}`, name: 'x' })).id);
    }
    await compareRates(database, orgIds);
    const sessionToken = await systemAdmin(database);
    const faults = await writeAndKill({ databaseUrl: test.url, dir, sessionToken, orgIds, clients: CLIENTS });
    const signer = await openCheckpointSigner({ dir });
    await signHeads(database, signer, SILENT, new Date());
    const startedAt = performance.now();
    const { proofs } = await verifyChains(database.audit, null, null, Number.MAX_SAFE_INTEGER, signer.trusts);
    const seconds = (performance.now() - startedAt) / 1000;
    const checked = proofs.reduce((sum, proof) => sum + proof.rows_checked, 0);
    console.log(`${checked} rows in ${proofs.length} chains verified in ${seconds.toFixed(1)} s`);
    faults.push(
      ...proofs.filter(({ status }) => status !== 'ok').map((proof) => `broken: ${JSON.stringify(proof)}`),
    );
    const missed = await tamper(orgIds[0] ?? '', signer.trusts);
    for (const line of [...faults, ...missed].slice(0, 20)) console.log(line);
    return {
      name: 'access-audit',
      figure: `${faults.length} faults of ${WRITES} writes, ${CHANGES - missed.length} of ${CHANGES} changes found`,
      limit: `0 faults, ${CHANGES} found`,
      holds: faults.length === 0 && missed.length === 0,
    };
  } finally {
    await sql.end();
    await test.drop();
    await server.stop();
    rmSync(dir, { recursive: true, force: true });
  }

  /** @returns what is wrong, a line each */
  async function writeAndKill(config: Omit<AuditWriterConfig, 'from' | 'to'>): Promise<string[]> {
    const answered = new Set<number>();
    let from = 0;
    let kills = 0;
    const startedAt = performance.now();
    while (answered.size < WRITES) {
      const most = Math.min(RUN, WRITES - answered.size);
      const killAfter = kills < KILLS ? 1 + Math.floor(random() * (most - 1)) : null;
      if (killAfter !== null) kills += 1;
      await runWriter({ ...config, from, to: from + most }, answered, killAfter);
      from += most;
      console.log(`${answered.size} of ${WRITES} answered${killAfter === null ? '' : ', killed'}`);
    }
    const seconds = (performance.now() - startedAt) / 1000;
    console.log(`${answered.size} writes answered, ${kills} processes killed, ${seconds.toFixed(0)} s`);
    const { rows } = await sql.query<{ name: string; tokens: string; rows: string }>(
      `SELECT coalesce(t.name, a.name) AS name, coalesce(t.n, 0) AS tokens, coalesce(a.n, 0) AS rows
       FROM (SELECT name, count(*) AS n FROM registration_tokens GROUP BY name) t
       FULL JOIN (SELECT detail ->> 'name' AS name, count(*) AS n FROM audit_log
                  WHERE action = 'token.create' GROUP BY 1) a ON a.name = t.name`,
    );
    const done = new Set(rows.map(({ name }) => name));
    console.log(`${rows.length - answered.size} writes done whose answer was lost with the process`);
    return [
      ...rows
        .filter((row) => row.tokens !== '1' || row.rows !== '1')
        .map((row) => `${row.name}: ${row.tokens} tokens, ${row.rows} rows`),
      ...[...answered]
        .filter((number) => !done.has(`write-${number}`))
        .map((number) => `write-${number} is gone`),
    ];
  }

  async function runWriter(
    config: AuditWriterConfig,
    answered: Set<number>,
    killAfter: number | null,
  ): Promise<void> {
    const file = join(dir, 'writer.json');
    writeFileSync(file, JSON.stringify(config));
    const script = join(import.meta.dirname, '../../support/audit-writer.ts');
    const child = spawn(process.execPath, [script, file], { stdio: ['ignore', 'pipe', 'inherit'] });
    let count = 0;
    createInterface({ input: child.stdout }).on('line', (line) => {
      answered.add(Number(line));
      count += 1;
      if (count === killAfter) child.kill('SIGKILL');
    });
    const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
    if (code !== 0 && (killAfter === null || count < killAfter))
      throw new Error(`the writer ended with ${code}`);
  }

  /** Each in a transaction that is rolled back. @returns those that nobody noticed */
  async function tamper(orgId: string, trusts: Parameters<typeof verifyChains>[4]): Promise<string[]> {
    // The changed connection alone sees what was changed.
    const pool = new pg.Pool({ connectionString: test.url, max: 1 });
    pool.on('error', () => undefined);
    const client = await pool.connect();
    client.on('error', () => undefined);
    const audit = createAuditStore(queriesIn(client, null));
    const { rows } = await client.query<{ n: number }>(
      'SELECT max(chain_position)::int AS n FROM audit_log WHERE organization_id = $1',
      [orgId],
    );
    const missed: string[] = [];
    for (const { name, sql: change } of tamperings(orgId, rows[0]?.n ?? 0, CHANGES, random)) {
      await client.query('BEGIN');
      for (const table of ['audit_log', 'audit_chains', 'audit_checkpoints']) {
        await client.query(`ALTER TABLE ${table} DISABLE TRIGGER ALL`);
      }
      await client.query(change).catch((error: Error) => {
        throw new Error(`${name}: ${error.message}`, { cause: error });
      });
      const { proofs } = await verifyChains(audit, orgId, null, Number.MAX_SAFE_INTEGER, trusts);
      if (!proofs.some(({ status }) => status === 'broken')) missed.push(`not noticed: ${name}: ${change}`);
      await client.query('ROLLBACK');
    }
    client.release();
    await pool.end();
    return missed;
  }
});

async function systemAdmin({ users, sessions }: Database): Promise<string> {
  const user = await users.create({
    email: 'root@example.org',
    name: 'root',
    passwordHash: 'none',
    isSystemAdmin: true,
    mustChangePassword: false,
  });
  const origin = { ipAddress: '192.0.2.1', userAgent: null, requestId: 'bar' };
  return (await openSession(sessions, { userId: user.id, origin, now: new Date(), random: randomBytes }))
    .sessionToken;
}

/** Rows a second of eight clients: into one chain, into four, and without any. */
async function compareRates(database: Database, orgIds: readonly string[]): Promise<void> {
  const entry = (orgId: string | null) => ({
    orgId,
    actor: 'system',
    ipAddress: null,
    action: 'bar.rate',
    object: `bar:${randomUUID()}`,
    outcome: 'success' as const,
    detail: { before: { name: 'old' }, after: { name: 'new' } },
  });
  const rate = async (write: (index: number) => Promise<void>): Promise<string> => {
    let next = 0;
    const startedAt = performance.now();
    await Promise.all(
      Array.from({ length: CLIENTS }, async () => {
        for (; next < RATE_WRITES; next += 1) await write(next);
      }),
    );
    return ((RATE_WRITES * 1000) / (performance.now() - startedAt)).toFixed(0);
  };
  const append = (orgId: string) => () => database.transaction(({ audit }) => audit.append(entry(orgId)));
  const one = await rate(append(orgIds[0] ?? ''));
  const four = await rate((index) => append(orgIds[index % orgIds.length] ?? '')());
  const none = await rate(() => database.transaction((stores) => stores.notify('edge_live', entry(null))));
  console.log(
    `rows a second, a transaction each: ${one} in one chain, ${four} in four; ${none} transactions without a row`,
  );
}
