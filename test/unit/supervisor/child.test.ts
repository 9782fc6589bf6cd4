import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  type ChildChange,
  type ChildSpec,
  MAX_ENDS_BEFORE_READY,
  type SupervisedChild,
  superviseChild,
} from '../../../control-plane/supervisor/child.ts';
import { processIdentity } from '../../../control-plane/supervisor/process-identity.ts';

const fakes = resolve(import.meta.dirname, '../../support/fake-children');

let folder: string;
let children: SupervisedChild[];
let changes: ChildChange[];
let lines: string[];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'edge-child-'));
  children = [];
  changes = [];
  lines = [];
});
afterEach(async () => {
  for (const child of children) child.kill();
  await Promise.all(children.map((child) => vi.waitFor(() => expect(child.pid()).toBeUndefined())));
  rmSync(folder, { recursive: true });
});

const journal = (): string => join(folder, 'journal');
const words = (word: string): number => readFileSync(journal(), 'utf8').split(`${word} `).length - 1;

function start(behaviour: string, more: Partial<ChildSpec> = {}): SupervisedChild {
  const child = superviseChild({
    name: 'fake',
    args: [join(fakes, 'role.ts'), behaviour, journal()],
    env: process.env,
    cwd: process.cwd(),
    onLine: (line) => lines.push(line),
    onChange: (change) => changes.push(change),
    ...more,
  });
  children.push(child);
  return child;
}

describe('superviseChild', () => {
  it('is ready when the child says so, and passes its lines on', async () => {
    await start('well').ready();
    await vi.waitFor(() => expect(lines).toContain('{"level":30,"msg":"ready now"}'));
    expect(changes.map(({ state }) => state)).toEqual(['started', 'ready']);
  });

  it('brings a killed child back under a new process', async () => {
    const child = start('well');
    await child.ready();
    const before = child.pid();
    process.kill(before ?? 0, 'SIGKILL');
    await vi.waitFor(() => expect(changes.filter(({ state }) => state === 'ready')).toHaveLength(2), 10_000);
    expect(child.pid()).not.toBe(before);
    expect(changes).toContainEqual({ state: 'ended', pid: before, how: 'SIGKILL', restartInMs: 100 });
  });

  it('stops by the channel and does not start again', async () => {
    const child = start('well');
    await child.ready();
    await Promise.all([child.stop(), child.stop()]);
    expect(words('stopped')).toBe(1);
    expect(changes.at(-1)).toMatchObject({ state: 'ended', how: 'exit code 0', restartInMs: null });
    expect(child.pid()).toBeUndefined();
  });

  it('kills a child that does not stop in time', async () => {
    const child = start('deaf', { stopDeadlineMs: 200 });
    await child.ready();
    await child.stop();
    expect(changes.at(-1)).toMatchObject({ state: 'ended', how: 'SIGKILL', restartInMs: null });
  });

  it('kills and starts anew a child that never becomes ready', async () => {
    start('deaf', { readyDeadlineMs: 1 });
    await vi.waitFor(
      () => expect(changes.filter(({ state }) => state === 'started')).toHaveLength(2),
      10_000,
    );
    expect(changes).toContainEqual(expect.objectContaining({ state: 'ended', how: 'SIGKILL' }));
  });

  it('gives up at once, with the child’s sentence, when starting again cannot help', async () => {
    await expect(start('fatal').ready()).rejects.toThrow('Give it a cup of tea.');
    expect(words('started')).toBe(1);
  });

  it('gives up a child that ends again and again before it was ready, naming its error', async () => {
    await expect(start('crash').ready()).rejects.toThrow('TypeError: it fell over');
    expect(words('started')).toBe(MAX_ENDS_BEFORE_READY);
  });

  it('leaves no child behind when the supervisor is killed', async () => {
    const supervisor = spawn(process.execPath, [join(fakes, 'supervisor.ts'), journal()], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [line] = await once(createInterface({ input: supervisor.stdout }), 'line');
    const pid = Number(String(line).split(' ')[1]);
    expect(processIdentity(pid)).not.toBeNull();
    supervisor.kill('SIGKILL');
    await vi.waitFor(() => expect(processIdentity(pid)).toBeNull(), 10_000);
    expect(words('stopped')).toBe(1);
  });
});
