/** The Unix socket for programs of the device, with real sockets. */
import { lstat, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createRefusals } from '../../../agent/metrics/refusals.ts';
import { MAX_CONNECTIONS, MAX_LINE_BYTES, openMetricSocket } from '../../../agent/metrics/socket.ts';

let folder: string;
const endings: (() => unknown)[] = [];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'metric-socket-'));
});
afterEach(async () => {
  for (const end of endings.splice(0).reverse()) await end();
  await rm(folder, { recursive: true });
});

async function open(options: Partial<Parameters<typeof openMetricSocket>[0]> = {}) {
  const lines: string[] = [];
  const refusals = createRefusals();
  const path = join(folder, 'metrics.sock');
  const socket = await openMetricSocket({
    path,
    group: null,
    refusals,
    take: (line) => {
      lines.push(line);
      return line.startsWith('bad') ? 'line: is bad' : null;
    },
    ...options,
  });
  endings.push(() => socket.close());
  return { path, socket, lines, refusals };
}

/** What `nc -U` does: writes, says that it is done, and reads until the other end hangs up. */
async function talk(path: string, ...pieces: (string | Buffer)[]): Promise<string> {
  const client = connect({ path, allowHalfOpen: true });
  client.on('error', () => undefined);
  for (const piece of pieces) client.write(piece);
  client.end();
  return text(client);
}

const client = (path: string): Promise<Socket> =>
  new Promise((resolve, reject) => {
    const socket = connect(path);
    endings.push(() => socket.destroy());
    socket.once('connect', () => resolve(socket));
    socket.once('error', reject);
  });

describe('the metrics socket', () => {
  it('answers each line in order, also lines in pieces and one without an end', async () => {
    const { path, lines } = await open();
    const answers = await talk(path, 'one\nba', 'd two\r\n\n', 'thr', 'ee');
    expect(lines).toEqual(['one', 'bad two', 'three']);
    expect(answers).toBe('{"ok":true}\n{"error":"line: is bad"}\n{"ok":true}\n');
  });

  it('takes the longest line, refuses a longer one and hangs up', async () => {
    const { path, lines, refusals } = await open();
    expect(await talk(path, `${'x'.repeat(MAX_LINE_BYTES)}\n`)).toBe('{"ok":true}\n');
    const answer = await talk(path, 'fine\n', 'y'.repeat(300_000));
    expect(answer).toBe(`{"ok":true}\n{"error":"line: longer than ${MAX_LINE_BYTES} bytes"}\n`);
    expect(lines.map(({ length }) => length)).toEqual([MAX_LINE_BYTES, 4]);
    expect(refusals.counts()).toEqual({ too_large: 1 });
  });

  it('says so when a line is not UTF-8, and goes on', async () => {
    const { path, lines } = await open();
    const answer = await talk(path, Buffer.from([0xff, 0xfe, 0x0a]), 'ok\n');
    expect(answer).toBe('{"error":"line: is not UTF-8"}\n{"ok":true}\n');
    expect(lines).toEqual(['ok']);
  });

  it('refuses one connection too many with a reason, and has room again afterwards', async () => {
    const { path } = await open();
    const all = await Promise.all(Array.from({ length: MAX_CONNECTIONS }, () => client(path)));
    expect(await talk(path, 'x\n')).toMatch(/^\{"error":"connection: more than 32/);
    all[0]?.destroy();
    await vi.waitFor(async () => expect(await talk(path, 'x\n')).toBe('{"ok":true}\n'));
  });

  it('hangs up on a program that says nothing', async () => {
    const { path } = await open({ idleMs: 30 });
    const silent = await client(path);
    silent.resume();
    await new Promise((resolve) => silent.once('close', resolve));
  });

  it('reads no further while its answers are not read, and then answers all', async () => {
    const { path, lines } = await open();
    const lineCount = 400_000;
    const slow = await client(path);
    slow.pause();
    slow.write('x\n'.repeat(lineCount));
    await vi.waitFor(() => expect(lines.length).toBeGreaterThan(1000));
    // Many turns for others; the slow one stays where it is.
    for (let turn = 0; turn < 50; turn += 1) await talk(path, 'y\n');
    expect(lines.length).toBeLessThan(lineCount / 2);
    slow.end();
    let answers = 0;
    for await (const chunk of slow) answers += String(chunk).split('\n').length - 1;
    expect([answers, lines.filter((line) => line === 'x').length]).toEqual([lineCount, lineCount]);
  });
});

describe('the file of the socket', () => {
  it('may be written to by owner and group only, and goes away at the end', async () => {
    const { path, socket } = await open();
    expect((await lstat(path)).mode & 0o777).toBe(0o660);
    await socket.close();
    await expect(lstat(path)).rejects.toThrow('ENOENT');
  });

  it('is given to the group that is configured', async () => {
    const line = (await readFile('/etc/group', 'utf8'))
      .split('\n')
      .find((entry) => entry.startsWith('daemon:'));
    const gid = Number(line?.split(':')[2]);
    if (process.getuid?.() === 0 && Number.isInteger(gid)) {
      const { path } = await open({ group: 'daemon' });
      expect((await lstat(path)).gid).toBe(gid);
    }
    const unknown = open({ path: join(folder, 'other.sock'), group: 'no-such-group' });
    await expect(unknown).rejects.toThrow('socket.group: no-such-group is no group');
    await expect(lstat(join(folder, 'other.sock'))).rejects.toThrow('ENOENT');
  });

  it('replaces one that a killed run left', async () => {
    const path = join(folder, 'metrics.sock');
    await leaveStale(path);
    await open();
    expect(await talk(path, 'x\n')).toBe('{"ok":true}\n');
  });

  it('never replaces or removes a file that is no socket', async () => {
    const path = join(folder, 'metrics.sock');
    await writeFile(path, 'precious');
    await expect(open()).rejects.toThrow('no socket');
    expect(await readFile(path, 'utf8')).toBe('precious');
  });

  it('leaves a running program its socket', async () => {
    const path = join(folder, 'metrics.sock');
    const other = createServer((socket) => socket.end('other\n'));
    await new Promise<void>((resolve) => other.listen(path, resolve));
    endings.push(() => other.close());
    await expect(open()).rejects.toThrow('another program listens there');
    expect(await talk(path)).toBe('other\n');
  });

  it('leaves a file that took its place', async () => {
    const { path, socket } = await open();
    await rm(path);
    await writeFile(path, 'mine');
    await socket.close();
    expect(await readFile(path, 'utf8')).toBe('mine');
  });

  it('says when its path is too long, or its folder is missing', async () => {
    const long = open({ path: join(folder, 'x'.repeat(100)) });
    await expect(long).rejects.toThrow('longer than 100 bytes');
    await expect(open({ path: join(folder, 'none', 'm.sock') })).rejects.toThrow('ENOENT');
  });
});

/** As kill -9 leaves it: the file is there, nobody listens. */
async function leaveStale(path: string): Promise<void> {
  const { spawn } = await import('node:child_process');
  const script = `require('net').createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 'SIGKILL'))`;
  const child = spawn(process.execPath, ['-e', script]);
  await new Promise((resolve) => child.once('exit', resolve));
  expect((await lstat(path)).isSocket()).toBe(true);
}
