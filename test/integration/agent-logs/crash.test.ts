import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFile, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openShipped, type Shipped, UNLIMITED } from './shipped.ts';

let shipped: Shipped;
let shipper: ChildProcess | null = null;
beforeEach(async () => {
  shipped = await openShipped();
});
afterEach(async () => {
  shipper?.kill('SIGKILL');
  shipper = null;
  await shipped.end();
});

/** Patient: other tests may keep the machine busy while a program starts. @throws Error after a minute. */
async function eventually(what: string, isSo: () => Promise<boolean>): Promise<void> {
  const endMs = performance.now() + 60_000;
  while (!(await isSo())) {
    if (performance.now() > endMs) throw new Error(`${what}: not within a minute`);
    await sleep(50);
  }
}

describe('a shipper that is killed', () => {
  it('loses no line, and repeats at most those of the last seconds', async () => {
    const file = join(shipped.dir, 'app.log');
    const out = join(shipped.dir, 'out');
    await writeFile(file, '');
    await writeFile(out, '');
    const kills = 3;
    const perMs = 1;
    const lines = 8000;
    const script = (name: string) => join(import.meta.dirname, name);
    const taken = async (): Promise<number[]> =>
      (await readFile(out, 'utf8'))
        .split('\n')
        .flatMap((line) => (line.startsWith('line ') ? [Number(line.slice(5, 13))] : []));
    const startOne = (): ChildProcess =>
      spawn(process.execPath, [script('shipping-process.ts'), join(shipped.dir, 'state'), file, out], {
        stdio: 'inherit',
      });

    shipper = startOne();
    // The first file is known before the first line, or its rotation would go unseen.
    const positions = join(shipped.dir, 'state', 'log-positions.json');
    const isKnown = async () => (await readFile(positions, 'utf8').catch(() => '')).includes('"inode"');
    await eventually('the file is known', isKnown);
    const writer = spawn(
      process.execPath,
      [script('line-writer.ts'), file, 'rename', lines, 2500, perMs].map(String),
      { stdio: 'inherit' },
    );
    const isWritten = once(writer, 'exit');
    for (let kill = 0; kill < kills; kill += 1) {
      const before = (await taken()).length;
      await eventually(`lines after kill ${kill}`, async () => (await taken()).length >= before + 800);
      shipper.kill('SIGKILL');
      await once(shipper, 'exit');
      shipper = startOne();
    }
    await isWritten;
    await eventually('all lines', async () => new Set(await taken()).size >= lines);
    shipper.kill('SIGTERM');
    await once(shipper, 'exit');

    const numbers = await taken();
    const isTaken = new Set(numbers);
    const missing = Array.from({ length: lines }, (_, index) => index + 1).filter(
      (line) => !isTaken.has(line),
    );
    expect(missing).toEqual([]);
    // 2 s between two writings of the positions, and what the machine is late.
    expect(numbers.length - lines).toBeLessThan(kills * 5000 * perMs);
  }, 180_000);
});

describe('a line of 1 MiB', () => {
  it('is one record, and its neighbours are whole', async () => {
    const file = join(shipped.dir, 'app.log');
    await writeFile(file, '');
    const shipper = await shipped.start({ files: [{ path: file, rate: UNLIMITED }] });
    await shipped.until('it is open', () => shipper.sources()[0]?.phase === 'reading');
    await appendFile(file, `before\n${'x'.repeat(1_048_576)}\nbad \u0000\n`);
    await appendFile(file, Buffer.from([0xff, 0xfe, 0x0a]));
    await shipped.until('four records', () => shipped.records.length === 4);
    expect(shipped.messages().map((message) => message.slice(0, 10))).toEqual([
      'before',
      'xxxxxxxxxx',
      'bad \ufffd',
      '\ufffd\ufffd',
    ]);
    expect(shipped.records[1]).toMatchObject({ metadata: { truncated_bytes: 1_048_576 - 16_384 } });
  });
});
