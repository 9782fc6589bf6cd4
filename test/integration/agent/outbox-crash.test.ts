/** kill -9 of the process that writes the outbox: what it had confirmed is there afterwards, once and in order. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { machineClock } from '../../../agent/clock.ts';
import { openOutbox } from '../../../agent/outbox/outbox.ts';
import { silentLog } from '../../unit/agent/silent-log.ts';

const ROUNDS = 10;

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'outbox-crash-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

it('loses no record that was appended and brings no acknowledged one back, over ten kills', async () => {
  const file = join(dir, 'outbox.sqlite');
  let confirmed = 0;
  let acknowledged = 0;
  for (let round = 1; round <= ROUNDS; round += 1) {
    const child = spawn(
      process.execPath,
      [join(import.meta.dirname, 'outbox-writer.ts'), file, String(confirmed)],
      {
        stdio: ['ignore', 'pipe', 'inherit'],
      },
    );
    const exit = once(child, 'exit');
    const enough = confirmed + 50 + round * 7;
    for await (const line of createInterface({ input: child.stdout })) {
      const [kind, number] = line.split(' ');
      if (kind === 'appended') confirmed = Number(number);
      else acknowledged = Number(number);
      if (confirmed >= enough) child.kill('SIGKILL');
    }
    await exit;

    const outbox = openOutbox({
      file,
      log: silentLog(),
      clock: machineClock(() => new Date()),
      newId: () => 'boot-id-none',
    });
    const held: number[] = [];
    const { boot_id, seq } = outbox.next('metrics', 'live') ?? { boot_id: '', seq: 0 };
    for (let batch = outbox.next('metrics', 'live'); batch !== null; batch = outbox.next('metrics', 'live')) {
      held.push(...batch.records.map(({ value }) => Number(value.number)));
      outbox.acknowledge('metrics', batch);
    }
    expect([boot_id, seq > 0]).toEqual(['boot-id-one', true]);
    // The last append and acknowledgement may have happened without their line having been read.
    const first = held[0] ?? 0;
    const last = held.at(-1) ?? 0;
    expect(held).toEqual(Array.from({ length: held.length }, (_, index) => first + index));
    expect(last).toBeGreaterThanOrEqual(confirmed);
    expect(first).toBeGreaterThan(acknowledged);
    expect(first).toBeLessThanOrEqual(acknowledged + 12);
    confirmed = last;
    acknowledged = last;
    outbox.close();
  }
});
