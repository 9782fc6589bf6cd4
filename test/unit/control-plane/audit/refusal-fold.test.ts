/** A flood of refusals becomes a few rows. */
import { describe, expect, it } from 'vitest';
import type { Database, NewAuditEntry } from '#db';
import { foldRefusals, OWN_ROWS } from '../../../../control-plane/audit/refusal-fold.ts';

const entry = (changes: Partial<NewAuditEntry> = {}): NewAuditEntry => ({
  orgId: null,
  actor: 'person:eve@example.org',
  ipAddress: '192.0.2.9',
  action: 'device.update',
  object: 'device:1',
  outcome: 'refused',
  detail: { code: 'device.not_found' },
  ...changes,
});

function folding() {
  const rows: NewAuditEntry[] = [];
  const clock = { ms: 0 };
  const database = {
    audit: { append: async (row: NewAuditEntry) => void rows.push(row) },
    asOwner: (work: () => Promise<unknown>) => work(),
  } as unknown as Database;
  const ignore = () => undefined;
  const log = { debug: ignore, info: ignore, warn: ignore, error: ignore };
  return { rows, clock, ...foldRefusals(database, log, () => new Date(clock.ms)) };
}

describe('refusals of one kind', () => {
  it('have a row each, up to what a person can make in a minute; then one that counts', async () => {
    const { rows, database, stop } = folding();
    for (let index = 0; index < 1000; index += 1) {
      await database.audit.append(entry({ object: `device:${index}` }));
    }
    expect(rows).toHaveLength(OWN_ROWS);
    await stop();
    expect(rows).toHaveLength(OWN_ROWS + 1);
    expect(rows.at(-1)).toMatchObject({
      outcome: 'refused',
      repeats: 1000 - OWN_ROWS,
      detail: { code: 'device.not_found', objects: expect.arrayContaining(['device:20']) },
    });
  });

  it('count anew after a minute', async () => {
    const { rows, database, clock, stop } = folding();
    for (let index = 0; index <= OWN_ROWS; index += 1) await database.audit.append(entry());
    clock.ms = 60_000;
    await database.audit.append(entry());
    expect(rows.map(({ repeats }) => repeats ?? 1)).toEqual([...Array(OWN_ROWS).fill(1), 1, 1]);
    await stop();
    expect(rows).toHaveLength(OWN_ROWS + 2);
  });

  it('never fold what was done, what failed, or what another did', async () => {
    const { rows, database, stop } = folding();
    for (let index = 0; index < 50; index += 1) {
      await database.audit.append(entry({ outcome: 'success' }));
      await database.audit.append(entry({ outcome: 'failed' }));
      await database.audit.append(entry({ actor: `person:${index}` }));
    }
    await stop();
    expect(rows).toHaveLength(150);
  });
});
