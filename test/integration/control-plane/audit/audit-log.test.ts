/** The audit log over a real database: its chain, its readers, its proof. */
import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ControlPlane, Person } from '#control-plane';
import type { NewAuditEntry } from '#db';
import type { AuditProofPage } from '#web-api';
import { audited, byPerson } from '../../../../control-plane/audit/audited.ts';
import { checkpointSigner, openCheckpointSigner } from '../../../../control-plane/audit/checkpoint-key.ts';
import { signHeads } from '../../../../control-plane/audit/checkpoints.ts';
import { checkExport } from '../../../../control-plane/audit/export-check.ts';
import { jsonText } from '../../../../control-plane/audit/json-text.ts';
import { rowHash } from '../../../../control-plane/audit/row-hash.ts';
import { verifyChains } from '../../../../control-plane/audit/verify.ts';
import { AppError } from '../../../../control-plane/errors.ts';
import { withClient } from '../../../support/database-server.ts';
import { type Installation, startInstallation } from '../access/installation.ts';

let world: Installation;
let url: string;
beforeAll(async () => {
  world = await startInstallation();
  url = await databaseUrl(world);
});
afterAll(() => world.stop());

const ignore = () => undefined;
const log = { debug: ignore, info: ignore, warn: ignore, error: ignore };
const entry = (orgId: string | null, changes: Partial<NewAuditEntry> = {}): NewAuditEntry => ({
  orgId,
  actor: 'person:ada@example.org',
  ipAddress: '2001:db8::1',
  action: 'device.update',
  object: 'device:1',
  outcome: 'success',
  detail: { before: { name: 'old' }, after: { name: 'new' } },
  ...changes,
});

/** The pool does not tell; a session of it does. */
async function databaseUrl(installation: Installation): Promise<string> {
  const admin = new URL(process.env.EDGE_TEST_ADMIN_URL ?? '');
  const id = installation.acme.id;
  const names = await withClient(admin.href, (client) =>
    client.query<{ datname: string }>("SELECT datname FROM pg_database WHERE datname LIKE 'edge_test_%'"),
  );
  for (const { datname } of names.rows) {
    admin.pathname = `/${datname}`;
    const found = await withClient(admin.href, (client) =>
      client.query('SELECT 1 FROM organizations WHERE id = $1', [id]),
    ).catch(() => ({ rowCount: 0 }));
    if (found.rowCount === 1) return admin.href;
  }
  throw new Error('the database of this test is not found');
}

async function proofOf(
  controlPlane: ControlPlane,
  person: Person,
  orgId?: string,
): Promise<AuditProofPage['items']> {
  const items = new Map<string | null, AuditProofPage['items'][number]>();
  let cursor: string | null = null;
  do {
    const page: AuditProofPage = await controlPlane.audit.verify(person, {
      ...(orgId === undefined ? {} : { org_id: orgId }),
      ...(cursor === null ? {} : { cursor }),
    });
    for (const item of page.items) items.set(item.organization_id, item);
    cursor = page.next_cursor;
  } while (cursor !== null);
  return [...items.values()];
}

describe('rows', () => {
  it('are chained per organisation, however many write at once, and hash the same here and there', async () => {
    const { database, acme, globex } = world;
    const writes = Array.from({ length: 200 }, (_, index) =>
      database.transaction(async ({ audit }) =>
        audit.append(entry([acme.id, globex.id, null][index % 3] ?? null)),
      ),
    );
    await Promise.all(writes);
    for (const orgId of [acme.id, globex.id, null]) {
      const { rows, head } = await database.audit.chainSlice(orgId, 0, 10_000);
      expect(rows.map(({ chain_position }) => Number(chain_position))).toEqual(
        rows.map((_, index) => index + 1),
      );
      expect(rows.every((row) => rowHash(row) === row.hash)).toBe(true);
      expect(head).toMatchObject({ position: rows.length, hash: rows.at(-1)?.hash });
    }
  });

  it('take no place in the chain from their writer, and none at all when rolled back', async () => {
    const { database, acme } = world;
    const before = (await database.audit.chainSlice(acme.id, 0, 10_000)).head?.position ?? 0;
    await expect(
      database.transaction(async ({ audit }) => {
        await audit.append(entry(acme.id));
        throw new AppError('device.not_found');
      }),
    ).rejects.toThrow();
    await withClient(url, (client) =>
      client.query(
        `INSERT INTO audit_log (organization_id, actor, action, object, outcome, chain_position, previous_hash, hash)
         VALUES ($1, 'system', 'x', 'y', 'success', 1, '\\x00', '\\x00')`,
        [acme.id],
      ),
    );
    expect((await database.audit.chainSlice(acme.id, 0, 10_000)).head?.position).toBe(before + 1);
    expect(
      (await proofOf(world.controlPlane, world.systemAdmin)).every(({ status }) => status === 'ok'),
    ).toBe(true);
  });

  it.each([
    'UPDATE audit_chains SET position = position + 1',
    'DELETE FROM audit_chains',
    'TRUNCATE audit_chains',
    'UPDATE audit_checkpoints SET position = 1',
    'SET session_replication_role = replica; DELETE FROM audit_log',
  ])('do not stand %s', async (statement) => {
    await withClient(url, async (client) => {
      await expect(client.query(statement)).rejects.toThrow(/append-only|follows audit_log/);
    });
  });

  it('tell one attempt once, where the commit went through and its answer was lost', async () => {
    const { database, acme, systemAdmin } = world;
    const lost: typeof database = {
      ...database,
      transaction: async (work) => {
        await database.transaction(work);
        throw new Error('Connection terminated');
      },
    };
    const draft = byPerson(systemAdmin, 'test.lost', 'test:1');
    await expect(
      audited({ database: lost, log }, draft, async (_stores, row) => {
        row.orgId = acme.id;
      }),
    ).rejects.toThrow();
    const { items } = await database.audit.list(acme.id, { action: 'test.lost' }, { limit: 9 });
    expect(items).toMatchObject([{ outcome: 'success', requestId: 'request-1', userAgent: 'test' }]);
  });

  it('write JSON as the database does, whatever is in it', async () => {
    const values = fc
      .sample(fc.jsonValue({ maxDepth: 4 }), 300)
      .map((value) => JSON.parse(JSON.stringify(value)));
    const clean = values.filter((value) => !/\\u0000|\\ud[89a-f]/i.test(JSON.stringify(value)));
    clean.push({
      big: 1e21,
      small: 1.5e-7,
      tiny: 5e-324,
      huge: 1.7976931348623157e308,
      ä: 1,
      b: 2,
      aa: 3,
      '': 4,
    });
    const { rows } = await withClient(url, (client) =>
      client.query<{ text: string }>(
        'SELECT value::text AS text FROM jsonb_array_elements($1::jsonb) AS value',
        [JSON.stringify(clean)],
      ),
    );
    expect(clean.map(jsonText)).toEqual(rows.map(({ text }) => text));
  });
});

describe('readers', () => {
  it('filter by who, what, whom, outcome, time and words', async () => {
    const { database, controlPlane, acme, acmeAdmin } = world;
    const id = randomUUID();
    await database.audit.append(
      entry(acme.id, {
        actor: 'key:edge_ab ada@example.org',
        actorKind: 'key',
        actorId: id,
        action: 'member.add',
        object: `user:${id}`,
        outcome: 'refused',
        detail: { code: 'member.exists' },
      }),
    );
    const found = { org_id: acme.id, actor: id };
    for (const query of [
      found,
      { ...found, actor_kind: 'key', action: 'member.*', outcome: 'refused', q: 'EXISTS' },
      { org_id: acme.id, object: id, action: 'member.add', from: '2020-01-01T00:00:00Z' },
      { q: id },
      { q: 'edge_ab', org_id: acme.id },
    ] as const) {
      const { items } = await controlPlane.audit.list(acmeAdmin, query);
      expect(items).toMatchObject([{ object_kind: 'user', object_id: id, error_code: 'member.exists' }]);
    }
    for (const query of [
      { ...found, to: '2020-01-01T00:00:00Z' },
      { ...found, outcome: 'success' },
      { ...found, action: 'memb.*' },
      { q: '%' },
      { q: '_____' },
    ] as const) {
      expect((await controlPlane.audit.list(acmeAdmin, query)).items).toEqual([]);
    }
  });

  it('read one row with its difference; a foreign one is like none', async () => {
    const { controlPlane, acmeAdmin, globexAdmin, acme, systemAdmin, acmeMember } = world;
    const { items } = await controlPlane.audit.list(acmeAdmin, { org_id: acme.id, action: 'device.update' });
    const id = items[0]?.id ?? '';
    expect(await controlPlane.audit.get(acmeAdmin, id)).toMatchObject({
      before: { name: 'old' },
      after: { name: 'new' },
    });
    const own = await controlPlane.audit.list(systemAdmin, {});
    const installation = own.items.find(({ organization_id }) => organization_id === null)?.id ?? '';
    for (const [person, rowId] of [
      [globexAdmin, id],
      [acmeAdmin, installation],
      [acmeAdmin, '999999999'],
    ] as const) {
      await expect(controlPlane.audit.get(person, rowId)).rejects.toMatchObject({ code: 'audit.not_found' });
    }
    await expect(controlPlane.audit.get(acmeMember, id)).rejects.toMatchObject({ code: 'auth.forbidden' });
  });

  it('export what holds by itself, and leave a row for it', async () => {
    const { controlPlane, acmeAdmin, acme } = world;
    const lines: string[] = [];
    for await (const row of await controlPlane.audit.export(acmeAdmin, { org_id: acme.id })) {
      lines.push(JSON.stringify(row));
    }
    const proofs = await checkExport(
      (async function* () {
        yield* lines;
      })(),
      [],
      () => false,
    );
    expect(proofs).toMatchObject([
      { organization_id: acme.id, status: 'ok', gaps: 0, rows_checked: lines.length },
    ]);
    const { items } = await controlPlane.audit.list(acmeAdmin, { org_id: acme.id, action: 'audit.export' });
    expect(items).toMatchObject([{ outcome: 'success', object: `organization:${acme.id}` }]);
    await expect(controlPlane.audit.export(world.acmeMember, { org_id: acme.id })).rejects.toMatchObject({
      code: 'auth.forbidden',
    });
    await expect(controlPlane.audit.export(world.globexAdmin, { org_id: acme.id })).rejects.toMatchObject({
      code: 'organization.not_found',
    });
  });

  it('verify their own chain alone', async () => {
    const { controlPlane, acmeAdmin, acme, globex } = world;
    expect(await proofOf(controlPlane, acmeAdmin)).toMatchObject([
      { organization_id: acme.id, status: 'ok' },
    ]);
    await expect(controlPlane.audit.verify(acmeAdmin, { org_id: globex.id })).rejects.toMatchObject({
      code: 'organization.not_found',
    });
    const foreign = Buffer.from(
      JSON.stringify({ org: globex.id, position: 0, hash: '0'.repeat(64), rows: 0, checkpoints: 0 }),
    ).toString('base64url');
    for (const cursor of [foreign, 'x', '']) {
      await expect(controlPlane.audit.verify(acmeAdmin, { cursor })).rejects.toMatchObject({
        code: 'request.cursor_invalid',
      });
    }
  });
});

describe('checkpoints', () => {
  it('are signed for chains that grew, and tell when the tail went with the head', async () => {
    const { database, acme } = world;
    const signer = await openCheckpointSigner({ dir: `/tmp/edge-audit-key-${randomUUID()}` });
    const other = checkpointSigner(
      (await import('node:crypto'))
        .generateKeyPairSync('ed25519')
        .privateKey.export({ type: 'pkcs8', format: 'pem' })
        .toString(),
    );
    expect(await signHeads(database, signer, log, new Date())).toBeGreaterThanOrEqual(3);
    expect(await signHeads(database, signer, log, new Date())).toBe(0);
    const check = async (trusts: (typeof signer)['trusts']) =>
      (await verifyChains(database.audit, acme.id, null, 100_000, trusts)).proofs[0];
    expect(await check(signer.trusts)).toMatchObject({ status: 'ok', checkpoints_checked: 1 });
    expect(await check(other.trusts)).toMatchObject({ break: { reason: 'checkpoint_signature' } });
    await withClient(url, async (client) => {
      await client.query(
        'ALTER TABLE audit_log DISABLE TRIGGER ALL; ALTER TABLE audit_chains DISABLE TRIGGER ALL',
      );
      const { rows } = await client.query<{ n: string }>(
        'SELECT max(chain_position) AS n FROM audit_log WHERE organization_id = $1',
        [acme.id],
      );
      await client.query('DELETE FROM audit_log WHERE organization_id = $1 AND chain_position = $2', [
        acme.id,
        rows[0]?.n,
      ]);
      await client.query(
        `UPDATE audit_chains c SET position = l.chain_position, hash = l.hash FROM audit_log l
         WHERE c.chain = $1 AND l.organization_id = $1 AND l.chain_position = $2::bigint - 1`,
        [acme.id, rows[0]?.n],
      );
    });
    expect(await check(signer.trusts)).toMatchObject({ status: 'broken', break: { reason: 'tail_missing' } });
  });
});
