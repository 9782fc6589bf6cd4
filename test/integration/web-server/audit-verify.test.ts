/** `npm run audit:verify` as an administrator runs it: on the database, and on what the server exported. */
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openCheckpointSigner } from '../../../control-plane/audit/checkpoint-key.ts';
import { signHeads } from '../../../control-plane/audit/checkpoints.ts';
import { SILENT } from '../../../db/log.ts';
import { type RealStack, startRealStack } from './real-stack.ts';

const ROOT = resolve(import.meta.dirname, '../../..');
/** A start of npm and of node on a busy machine. */
const DEADLINE_MS = 60_000;
const ROWS = 20;

let dataDir: string;
let stack: RealStack;
let client: pg.Client;
let orgId: string;
const inFolder = (name: string): string => join(dataDir, name);

beforeAll(async () => {
  dataDir = mkdtempSync(join(tmpdir(), 'edge-verify-'));
  const signer = await openCheckpointSigner({ dir: inFolder('keys') });
  stack = await startRealStack({ controlPlane: { auditSigner: signer } });
  const { database, web } = stack;
  orgId = (await database.organizations.create({ slug: 'acme', name: 'Acme' })).id;
  for (let index = 0; index < ROWS; index += 1) {
    await database.audit.append({
      ...{ orgId, actor: 'system', ipAddress: null, action: 'device.update', object: `device:${index}` },
      ...{
        outcome: 'success',
        detail: { note: 'ü "quoted"\n', share: 0.1, after: { name: `name ${index}` } },
      },
    });
  }
  await signHeads(database, signer, SILENT, new Date());
  const { cookie } = await stack.openSession(
    await stack.addUser({ email: 'root@example.org', isSystemAdmin: true }),
  );
  const save = async (path: string, name: string): Promise<void> => {
    const answer = await web.call(`${web.httpUrl}/api/v1/admin/audit/${path}`, { headers: { cookie } });
    if (answer.status !== 200) throw new Error(answer.text);
    writeFileSync(inFolder(name), answer.text);
  };
  await save(`export?org_id=${orgId}&format=ndjson`, 'audit.ndjson');
  await save(`checkpoints?org_id=${orgId}`, 'checkpoints.json');
  writeFileSync(inFolder('public.pem'), signer.publicKeyPem);
  client = new pg.Client({ connectionString: stack.databaseUrl });
  await client.connect();
}, DEADLINE_MS);
afterAll(async () => {
  await client.end();
  await stack.stop();
  rmSync(dataDir, { recursive: true });
});

interface Ended {
  readonly code: number;
  readonly out: string;
}

function verify(...args: string[]): Promise<Ended> {
  return new Promise((done) => {
    const env = { ...process.env, DATABASE_URL: stack.databaseUrl };
    const command = ['run', '--silent', 'audit:verify', '--', '--data-dir', dataDir, ...args];
    const child = execFile('npm', command, { cwd: ROOT, env }, (_error, stdout, stderr) =>
      done({ code: child.exitCode ?? -1, out: stdout + stderr }),
    );
  });
}

const KEPT = (): string[] => [
  ...['--checkpoints', inFolder('checkpoints.json')],
  ...['--key', inFolder('public.pem')],
];

describe('audit:verify of an exported file', () => {
  it('follows it to the checkpoint that was kept, without a database', { timeout: DEADLINE_MS }, async () => {
    const { code, out } = await verify('--file', inFolder('audit.ndjson'), ...KEPT());
    expect(out).toMatch(new RegExp(`^ok +${orgId}: ${ROWS + 1} rows, 1 checkpoints, head ${ROWS + 1} `));
    expect(code, out).toBe(0);
  });

  it.each([
    [
      'a row that was changed',
      (lines: string[]) => lines.with(4, lines[4]?.replace('name 4', 'name 5') ?? ''),
      'row_changed at 5',
    ],
    ['a row that was taken out', (lines: string[]) => lines.toSpliced(4, 1), 'rows are missing'],
    ['an end that was cut off', (lines: string[]) => lines.slice(0, ROWS - 2), 'tail_missing'],
  ])('finds %s', { timeout: DEADLINE_MS }, async (_name, change, reason) => {
    const lines = readFileSync(inFolder('audit.ndjson'), 'utf8').trimEnd().split('\n');
    writeFileSync(inFolder('tampered.ndjson'), `${change(lines).join('\n')}\n`);
    const { code, out } = await verify('--file', inFolder('tampered.ndjson'), '--whole', ...KEPT());
    expect(out).toContain(reason);
    expect(out).toContain('BROKEN');
    expect(code, out).toBe(1);
  });

  it('says that it checked nothing where the file is none', { timeout: DEADLINE_MS }, async () => {
    writeFileSync(inFolder('none.ndjson'), 'no row\n');
    expect((await verify('--file', inFolder('none.ndjson'))).code).toBe(2);
    expect((await verify('--file', inFolder('missing.ndjson'))).code).toBe(2);
  });
});

describe('audit:verify of a database', () => {
  /** The organisation is known once the tests run. */
  const WHERE = `WHERE organization_id = '$1'`;

  it('follows every chain, or that of one organisation', { timeout: DEADLINE_MS }, async () => {
    const all = await verify();
    expect(all.out).toMatch(new RegExp(`^ok +${orgId}: ${ROWS + 1} rows, 1 checkpoints`, 'm'));
    expect(all.code, all.out).toBe(0);
    const one = await verify('--org', 'acme');
    expect(one.out.trim().split('\n')).toHaveLength(1);
    expect(one.code, one.out).toBe(0);
    expect((await verify('--org', 'nobody')).code).toBe(2);
  });

  it.each([
    [
      'a row that was changed',
      `UPDATE audit_log SET actor = 'person:other' ${WHERE} AND chain_position = 7`,
      'row_changed at 7',
    ],
    ['a row that was deleted', `DELETE FROM audit_log ${WHERE} AND chain_position = 9`, 'row_missing'],
    [
      'a head that was moved',
      `UPDATE audit_chains SET position = position - 1 WHERE chain = '$1'`,
      'head_differs',
    ],
  ])('finds %s', { timeout: DEADLINE_MS }, async (_name, change, reason) => {
    await client.query(
      'CREATE TABLE kept_log AS TABLE audit_log; CREATE TABLE kept_chains AS TABLE audit_chains',
    );
    // With every right on the database nothing but the hashes is in the way.
    const shut = (state: string) =>
      client.query(
        `ALTER TABLE audit_log ${state} TRIGGER ALL; ALTER TABLE audit_chains ${state} TRIGGER ALL`,
      );
    await shut('DISABLE');
    await client.query(change.replaceAll('$1', orgId));
    const { code, out } = await verify('--org', 'acme');
    await client.query(
      `DELETE FROM audit_log; INSERT INTO audit_log OVERRIDING SYSTEM VALUE SELECT * FROM kept_log;
       DELETE FROM audit_chains; INSERT INTO audit_chains SELECT * FROM kept_chains;
       DROP TABLE kept_log; DROP TABLE kept_chains`,
    );
    await shut('ENABLE');
    expect(out).toContain(reason);
    expect(code, out).toBe(1);
  });
});
