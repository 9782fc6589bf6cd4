/** What a check of a chain finds, and of a file without database. */
import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { AuditChainRow, AuditCheckpoint } from '#db';
import { exportRow } from '../../../../control-plane/audit/audit-view.ts';
import { CHAIN_START, followEnd, followRows } from '../../../../control-plane/audit/chain-check.ts';
import { checkpointSigner } from '../../../../control-plane/audit/checkpoint-key.ts';
import { checkExport, ExportError } from '../../../../control-plane/audit/export-check.ts';
import { GENESIS, rowHash } from '../../../../control-plane/audit/row-hash.ts';

const ORG = '11111111-1111-4111-8111-111111111111';
const AT = new Date('2026-11-23T06:00:00.000Z');
const keyOf = () => {
  const { privateKey } = generateKeyPairSync('ed25519');
  return checkpointSigner(privateKey.export({ type: 'pkcs8', format: 'pem' }).toString());
};
const signer = keyOf();

function chain(count: number): AuditChainRow[] {
  const rows: AuditChainRow[] = [];
  for (let position = 1; position <= count; position += 1) {
    const row = {
      id: String(position),
      organization_id: ORG,
      chain_position: String(position),
      previous_hash: rows.at(-1)?.hash ?? GENESIS,
      hash: '',
      at: '2026-11-23T06:00:00.000001Z',
      attempt_id: null,
      actor: 'system',
      actor_kind: 'system',
      actor_id: null,
      ip_address: null,
      user_agent: null,
      request_id: null,
      action: 'device.update',
      object: `device:${position}`,
      object_kind: 'device',
      object_id: String(position),
      outcome: 'success',
      error_code: null,
      repeats: '1',
      detail: '{"name": "ü", "count": 1.5}',
      before: null,
      after: null,
    };
    rows.push({ ...row, hash: rowHash(row) });
  }
  return rows;
}

const headOf = (rows: readonly AuditChainRow[]) => ({
  orgId: ORG,
  position: Number(rows.at(-1)?.chain_position),
  hash: rows.at(-1)?.hash ?? '',
});
const checkpointAt = (row: AuditChainRow | undefined): AuditCheckpoint => ({
  id: '1',
  ...signer.sign({ orgId: ORG, position: Number(row?.chain_position), hash: row?.hash ?? '' }, AT),
});
const at = <T>(items: readonly T[], index: number): T => {
  const item = items[index];
  if (item === undefined) throw new RangeError(`no item ${index}`);
  return item;
};
function check(
  rows: readonly AuditChainRow[],
  head = headOf(rows) as ReturnType<typeof headOf> | null,
  checkpoints: readonly AuditCheckpoint[] = [],
) {
  const { state, fault } = followRows(CHAIN_START, rows, checkpoints, signer.trusts);
  return fault ?? followEnd(state, head, checkpoints);
}

describe('a chain', () => {
  const rows = chain(5);

  it('holds as it was written, whole and in two pieces', () => {
    expect(check(rows, headOf(rows), [checkpointAt(rows[2])])).toBeNull();
    const first = followRows(CHAIN_START, rows.slice(0, 2), [], signer.trusts);
    expect(followRows(first.state, rows.slice(2), [], signer.trusts)).toMatchObject({
      fault: null,
      state: { position: 5, rows: 5 },
    });
  });

  it.each(Object.keys(at(rows, 0)))('breaks where %s is changed', (column) => {
    const changed = rows.map((row, index) => (index === 2 ? { ...row, [column]: '9' } : row));
    expect(check(changed, headOf(rows))).toMatchObject({ position: 3 });
  });

  it('breaks where a row is missing, moved, doubled or cut off', () => {
    const reasonOf = (...order: number[]) =>
      check(
        order.map((index) => at(rows, index)),
        headOf(rows),
      );
    expect(reasonOf(0, 2, 3, 4)).toEqual({ position: 2, reason: 'row_missing' });
    expect(reasonOf(0, 2, 1, 3, 4)).toEqual({ position: 2, reason: 'row_missing' });
    expect(reasonOf(0, 1, 1, 2, 3, 4)).toEqual({ position: 3, reason: 'row_missing' });
    expect(reasonOf(0, 1, 2, 3)).toEqual({ position: 5, reason: 'tail_missing' });
  });

  it('breaks where it was made anew behind a checkpoint', () => {
    const forged = chain(5).map((row) => ({ ...row, actor: 'person:other' }));
    const chained: AuditChainRow[] = [];
    for (const row of forged) {
      const next = { ...row, previous_hash: chained.at(-1)?.hash ?? GENESIS };
      chained.push({ ...next, hash: rowHash(next) });
    }
    expect(check(chained)).toBeNull();
    expect(check(chained, headOf(chained), [checkpointAt(rows[1])])).toEqual({
      position: 2,
      reason: 'checkpoint_differs',
    });
    const stranger = keyOf().sign({ orgId: ORG, position: 2, hash: at(chained, 1).hash }, AT);
    expect(check(chained, headOf(chained), [{ id: '1', ...stranger }])).toEqual({
      position: 2,
      reason: 'checkpoint_signature',
    });
  });

  it('breaks where its tail went with its head, by the checkpoint behind it', () => {
    const short = rows.slice(0, 3);
    expect(check(short)).toBeNull();
    expect(check(short, headOf(short), [checkpointAt(rows[4])])).toEqual({
      position: 4,
      reason: 'tail_missing',
    });
    expect(check([], null, [checkpointAt(rows[4])])).toEqual({ position: 1, reason: 'tail_missing' });
    expect(check(rows, null)).toEqual({ position: 5, reason: 'head_missing' });
    expect(check([], null)).toBeNull();
  });
});

describe('an exported file', () => {
  const rows = chain(5);
  async function* linesOf(list: readonly AuditChainRow[]) {
    for (const row of list) yield JSON.stringify(exportRow(row));
  }
  const proofOf = async (list: readonly AuditChainRow[], checkpoints: readonly AuditCheckpoint[] = []) =>
    (await checkExport(linesOf(list), checkpoints, signer.trusts))[0];

  it('holds by itself, and says where a filter left rows out', async () => {
    expect(await proofOf(rows, [checkpointAt(rows[4])])).toMatchObject({
      status: 'ok',
      rows_checked: 5,
      checkpoints_checked: 1,
      gaps: 0,
    });
    expect(await proofOf([at(rows, 0), at(rows, 3)])).toMatchObject({ status: 'ok', gaps: 1 });
  });

  it('breaks where a row was changed, swapped, put in or cut off', async () => {
    const forged = { ...at(rows, 2), outcome: 'refused' };
    expect(await proofOf([at(rows, 0), at(rows, 1), forged])).toMatchObject({
      break: { position: 3, reason: 'row_changed' },
    });
    expect(await proofOf([at(rows, 1), at(rows, 0)])).toMatchObject({ break: { reason: 'row_foreign' } });
    const other = { ...at(rows, 1), previous_hash: 'f'.repeat(64) };
    expect(await proofOf([at(rows, 0), { ...other, hash: rowHash(other) }])).toMatchObject({
      break: { position: 2, reason: 'row_foreign' },
    });
    expect(await proofOf(rows.slice(0, 4), [checkpointAt(rows[4])])).toMatchObject({
      break: { position: 5, reason: 'tail_missing' },
    });
  });

  it('is refused where a line is none of ours', async () => {
    await expect(
      checkExport(
        (async function* () {
          yield '{"error":{"code":"service.unavailable"}}';
        })(),
        [],
        signer.trusts,
      ),
    ).rejects.toThrow(ExportError);
  });
});
