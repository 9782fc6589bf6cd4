import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFile, copyFile, mkdir, rename, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openShipped, type Shipped, UNLIMITED } from './shipped.ts';

const writer = join(import.meta.dirname, 'line-writer.ts');

let shipped: Shipped;
let file: string;
beforeEach(async () => {
  shipped = await openShipped();
  await mkdir(join(shipped.dir, 'logs'));
  file = join(shipped.dir, 'logs', 'app.log');
});
afterEach(() => shipped.end());

const write = async (mode: string, lines: number, each: number, perMs: number, first = 1): Promise<void> => {
  const args = [writer, file, mode, lines, each, perMs, first].map(String);
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'inherit', 'inherit'] });
  const [code] = await once(child, 'exit');
  expect(code).toBe(0);
};
const numbersOf = (messages: readonly string[]): number[] =>
  messages.flatMap((message) => (message.startsWith('line ') ? [Number(message.slice(5, 13))] : []));
const upTo = (count: number): number[] => Array.from({ length: count }, (_, index) => index + 1);

describe('a file that is rotated while a program writes', () => {
  it.each([
    ['rename', 20_000, 1000, 5],
    ['rename', 6000, 50, 1],
    ['copytruncate', 20_000, 4000, 4],
    ['copytruncate', 4000, 1000, 1],
  ])('loses and doubles no line by %s: %d lines, rotated every %d', async (mode, lines, each, perMs) => {
    await writeFile(file, '');
    const shipper = await shipped.start({ files: [{ path: file, rate: UNLIMITED }] });
    await shipped.until('it is open', () => shipper.sources()[0]?.phase === 'reading');
    await write(mode, lines, each, perMs);
    const lateLines = mode === 'rename' ? lines / each : 0;
    const late = () => shipped.messages().filter((message) => message === 'late').length;
    const numbers = () => numbersOf(shipped.messages());
    await shipped.until('all lines', () => numbers().length >= lines && late() >= lateLines);
    expect(numbers().sort((a, b) => a - b)).toEqual(upTo(lines));
    expect(late()).toBe(lateLines);
  });
});

describe('a file that changes while the agent does not run', () => {
  const restarted = async (change: () => Promise<void>): Promise<string[]> => {
    const config = { files: [{ path: file, from: 'start', rate: UNLIMITED } as const] };
    await writeFile(file, 'one is long enough to be known\ntwo\nhalf a li');
    const first = await shipped.start(config);
    await shipped.until('two lines', () => shipped.records.length === 2);
    await first.stop();
    await change();
    await shipped.start(config);
    await shipped.until('the last line', () => shipped.messages().includes('last'));
    return shipped.messages().slice(2);
  };

  it('goes on where it was', async () => {
    expect(await restarted(() => appendFile(file, 'ne\nlast\n'))).toEqual(['half a line', 'last']);
  });

  it('reads the rest of a renamed file first', async () => {
    const change = async () => {
      await appendFile(file, 'ne\n');
      await rename(file, `${file}.1`);
      await writeFile(file, 'last\n');
    };
    expect(await restarted(change)).toEqual(['half a line', 'last']);
  });

  it('finds what was rotated more than once', async () => {
    const change = async () => {
      await appendFile(file, 'ne\n');
      await rename(file, `${file}.2`);
      await writeFile(`${file}.1`, 'between\n');
      await writeFile(file, 'last\n');
    };
    expect(await restarted(change)).toEqual(['half a line', 'between', 'last']);
  });

  it('reads the rest from the copy of a file that was cut', async () => {
    const change = async () => {
      await appendFile(file, 'ne\n');
      await copyFile(file, `${file}.1`);
      await truncate(file, 0);
      await appendFile(file, 'a new first line of another length, so that it is longer than before\nlast\n');
    };
    expect(await restarted(change)).toEqual([
      'half a line',
      'a new first line of another length, so that it is longer than before',
      'last',
    ]);
  });

  it('reads a new file from its first line and reports what is gone', async () => {
    const change = async () => {
      await rm(file);
      await writeFile(file, 'another\nlast\n');
    };
    expect(await restarted(change)).toEqual(['another', 'last']);
    expect(shipped.events.map(({ kind }) => kind)).toEqual(['log.lost']);
  });
});

describe('a file', () => {
  it('begins at its end on the first day, and at its start when it comes later', async () => {
    await writeFile(file, 'history\n');
    const shipper = await shipped.start({ files: [{ path: join(shipped.dir, 'logs', '*.log') }] });
    await shipped.until('it is open', () => shipper.sources()[0]?.phase === 'reading');
    const other = join(shipped.dir, 'logs', 'other.log');
    await writeFile(other, 'new\n');
    await shipped.until('the new file', () => shipped.messages().includes('new'));
    await appendFile(file, 'now\n');
    await shipped.until('the old file', () => shipped.messages().includes('now'));
    expect(shipped.messages().sort()).toEqual(['new', 'now']);
    expect(shipped.records.map(({ service_name }) => service_name).sort()).toEqual(['app', 'other']);
  });

  it('is followed through its deletion and a link that is turned', async () => {
    const link = join(shipped.dir, 'logs', 'current');
    await writeFile(file, 'a\n');
    await symlink(file, link);
    await shipped.start({ files: [{ path: link, from: 'start' }] });
    await shipped.until('the first', () => shipped.messages().includes('a'));
    const next = join(shipped.dir, 'logs', 'next.log');
    await writeFile(next, 'b\n');
    await rm(link);
    await symlink(next, link);
    await shipped.until('the target of the turned link', () => shipped.messages().includes('b'));
    await rm(next);
    await writeFile(next, 'c\n');
    await shipped.until('the file made anew', () => shipped.messages().includes('c'));
    expect(shipped.messages()).toEqual(['a', 'b', 'c']);
  });

  it('does not read rotated siblings of a pattern twice', async () => {
    await writeFile(file, '');
    const shipper = await shipped.start({
      files: [{ path: join(shipped.dir, 'logs', '*'), rate: UNLIMITED }],
    });
    await shipped.until('it is open', () => shipper.sources()[0]?.phase === 'reading');
    await write('rename', 4000, 500, 2);
    await shipped.until('all lines', () => numbersOf(shipped.messages()).length >= 4000);
    expect(numbersOf(shipped.messages()).sort((a, b) => a - b)).toEqual(upTo(4000));
  });

  it('is read on after a pause, and what went meanwhile is counted', async () => {
    let pressure = 0;
    await writeFile(file, '');
    const shipper = await shipped.start(
      { files: [{ path: file, rate: UNLIMITED }] },
      { pressure: () => pressure },
    );
    await appendFile(file, 'before\n');
    await shipped.until('the line before', () => shipped.messages().includes('before'));
    pressure = 0.95;
    await shipped.until('a pause', () => shipper.sources()[0]?.phase === 'paused');
    await appendFile(file, 'while it was full\n');
    for (let number = 0; number < 10; number += 1) {
      await rename(file, `${file}.${number}`);
      await writeFile(file, `file ${number}\n`);
    }
    // More rotated files than are kept open: the oldest are given up.
    await shipped.until('a loss is reported', () => shipped.events.some(({ kind }) => kind === 'log.lost'));
    expect(shipped.messages()).toEqual(['before']);
    pressure = 0.8;
    await shipped.until('still a pause', () => shipper.sources()[0]?.phase === 'paused');
    pressure = 0.5;
    await shipped.until('the last line', () => shipped.messages().includes('file 9'));
    const lost = shipped.events.filter(({ kind }) => kind === 'log.lost');
    const lostBytes = lost.reduce((sum, { metadata }) => sum + Number(metadata?.bytes), 0);
    expect(lostBytes).toBeGreaterThan(0);
    expect(shipper.sources()[0]?.lostBytes).toBe(lostBytes);
    const readBytes = shipped.messages().reduce((sum, message) => sum + message.length + 1, 0);
    expect(readBytes + lostBytes).toBe('before\nwhile it was full\n'.length + 10 * 'file 0\n'.length);
  });
});
