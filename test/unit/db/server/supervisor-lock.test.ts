import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startTimeOf } from '../../../../db/server/process-table.ts';
import { takeSupervisorLock } from '../../../../db/server/supervisor-lock.ts';

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'edge-lock-'));
  path = join(folder, 'supervisor.lock');
});
afterEach(() => rmSync(folder, { recursive: true }));

describe('takeSupervisorLock', () => {
  it('is refused while its holder lives, and free after release', async () => {
    const lock = await takeSupervisorLock(path, folder);
    await expect(takeSupervisorLock(path, folder)).rejects.toThrow(`in use by process ${process.pid}`);
    lock.release();
    (await takeSupervisorLock(path, folder)).release();
  });

  it.each([
    ['of a process that is gone', '{"pid":999999999,"startedAt":"1"}'],
    ['cut short by a crash', '{"pid":'],
    ['of an earlier process with the number of a living one', `{"pid":${process.pid},"startedAt":"1"}`],
  ])('takes over a lock %s', async (_sentence, text) => {
    expect(startTimeOf(process.pid)).not.toBe('1');
    writeFileSync(path, text);
    (await takeSupervisorLock(path, folder)).release();
  });

  it('gives a stale lock to exactly one of many', async () => {
    writeFileSync(path, '{"pid":999999999,"startedAt":"1"}');
    const attempts = await Promise.allSettled(
      Array.from({ length: 20 }, () => takeSupervisorLock(path, folder)),
    );
    expect(attempts.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  });
});
