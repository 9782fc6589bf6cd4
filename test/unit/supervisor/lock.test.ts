import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { takeLock } from '../../../control-plane/supervisor/lock.ts';
import { parseStat, processIdentity } from '../../../control-plane/supervisor/process-identity.ts';
import { StartError } from '../../../control-plane/supervisor/start-error.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'edge-lock-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const file = (): string => join(folder, 'lock');
const other = { pid: process.ppid, identity: processIdentity(process.ppid) ?? '' };

describe('takeLock', () => {
  it('refuses a folder that a live process holds, and names the process', () => {
    takeLock(folder, other);
    expect(() => takeLock(folder)).toThrow(StartError);
    expect(() => takeLock(folder)).toThrow(`process ${process.ppid}`);
  });

  it('takes over from a process that ended without a word', async () => {
    const child = spawn(process.execPath, ['-e', 'process.stdin.resume()'], { stdio: 'pipe' });
    await once(child, 'spawn');
    const pid = child.pid ?? 0;
    takeLock(folder, { pid, identity: processIdentity(pid) ?? '' });
    child.kill('SIGKILL');
    await once(child, 'exit');
    takeLock(folder);
    expect(JSON.parse(readFileSync(file(), 'utf8'))).toMatchObject({ pid: process.pid });
  });

  it('takes over when the number belongs to another process by now', () => {
    takeLock(folder, { pid: process.ppid, identity: 'an older process' });
    takeLock(folder);
    expect(JSON.parse(readFileSync(file(), 'utf8'))).toMatchObject({ pid: process.pid });
  });

  it.each(['', '{"pid":', '[]', '{"pid":"x"}'])('takes over a broken lock file: %s', (content) => {
    writeFileSync(file(), content);
    takeLock(folder);
    expect(JSON.parse(readFileSync(file(), 'utf8'))).toMatchObject({ pid: process.pid });
  });

  it('is free again after release, and leaves no other file', () => {
    takeLock(folder).release();
    expect(readdirSync(folder)).toEqual([]);
  });

  it('releases only its own lock', () => {
    const lock = takeLock(folder);
    rmSync(file());
    takeLock(folder, other);
    lock.release();
    expect(existsSync(file())).toBe(true);
  });
});

describe('parseStat', () => {
  const tail = (state: string): string =>
    `${state} ${Array.from({ length: 18 }, (_, n) => n + 4).join(' ')} 777 23`;
  it('finds the start time behind a name with brackets', () => {
    expect(parseStat(`12 (a) b (c) ${tail('S')}`)).toBe('777');
  });
  it('knows a zombie for dead', () => expect(parseStat(`12 (node) ${tail('Z')}`)).toBeNull());
});
