/** With a real systemd-journald in a mount namespace of its own. Needs root; skipped where the programs are not there. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openShipped, type Shipped } from './shipped.ts';

const JOURNALD = ['/usr/lib/systemd/systemd-journald', '/lib/systemd/systemd-journald'].find(existsSync);
const canRun =
  JOURNALD !== undefined &&
  process.getuid?.() === 0 &&
  ['journalctl', 'logger', 'unshare', 'nsenter'].every((name) => spawnSync('which', [name]).status === 0) &&
  spawnSync('unshare', ['--mount', 'true']).status === 0;

describe.skipIf(!canRun)('the journal', () => {
  let shipped: Shipped;
  let journald: ChildProcess;
  let journalctl: string;
  let inside: string[];

  beforeEach(async () => {
    shipped = await openShipped();
    const script = `mount -t tmpfs none /run && mkdir -p /run/log/journal && exec ${JOURNALD}`;
    journald = spawn('unshare', ['--mount', '--propagation', 'private', 'sh', '-c', script], {
      stdio: 'ignore',
    });
    inside = ['nsenter', '--mount', '--target', String(journald.pid)];
    journalctl = join(shipped.dir, 'journalctl');
    await writeFile(journalctl, `#!/bin/sh\nexec ${inside.join(' ')} journalctl "$@"\n`);
    await chmod(journalctl, 0o755);
    await mkdir(join(shipped.dir, 'state'));
    const answers = () =>
      run(['journalctl', '--quiet', '--lines=1']).status === 0 &&
      run(['test', '-S', '/run/systemd/journal/socket']).status === 0;
    for (let tries = 0; !answers(); tries += 1) {
      if (tries > 100) throw new Error('journald does not start');
      await sleep(50);
    }
  });
  afterEach(async () => {
    await shipped.end();
    journald.kill('SIGTERM');
  });

  const run = (command: readonly string[], input?: Uint8Array) =>
    spawnSync(inside[0] ?? '', [...inside.slice(1), ...command], {
      ...(input === undefined ? {} : { input }),
    });
  /** One entry through journald's native socket; bytes are given as the protocol's binary fields. */
  const say = (fields: Readonly<Record<string, string>>): void => {
    const text = Object.entries(fields)
      .map(([name, value]) => `${name}=${value}\n`)
      .join('');
    expect(run(['logger', '--journald'], Buffer.from(text)).status).toBe(0);
  };
  const start = () => shipped.start({ journald: {} }, { journalctl });
  const ofTest = () => shipped.records.filter(({ service_name }) => service_name.startsWith('test-'));

  it('is read from now on, with level, service and time, and goes on after a restart', async () => {
    say({ MESSAGE: 'history', SYSLOG_IDENTIFIER: 'test-old' });
    const shipper = await start();
    await shipped.until('it is followed', () => shipper.sources()[0]?.phase === 'reading');
    // Until journalctl follows, what is said is history to it.
    for (let tries = 0; ofTest().length === 0; tries += 1) {
      say({ MESSAGE: `ready ${tries}`, SYSLOG_IDENTIFIER: 'test-ready' });
      await sleep(200);
    }
    say({ MESSAGE: 'disk is failing', PRIORITY: '3', SYSLOG_IDENTIFIER: 'test-disk' });
    say({ MESSAGE: 'chatter', PRIORITY: '7', SYSLOG_IDENTIFIER: 'test-disk' });
    await shipped.until('the entry', () => ofTest().some(({ message }) => message === 'disk is failing'));
    const record = ofTest().find(({ message }) => message === 'disk is failing');
    expect(record).toMatchObject({ log_level: 'error', service_name: 'test-disk' });
    expect(Math.abs(Date.parse(record?.timestamp ?? '') - Date.now())).toBeLessThan(10_000);
    await shipper.stop();

    const before = ofTest().length;
    say({ MESSAGE: 'while it did not run', SYSLOG_IDENTIFIER: 'test-disk' });
    await start();
    await shipped.until('what came meanwhile', () => ofTest().length > before);
    expect(
      ofTest()
        .slice(before)
        .map(({ message }) => message),
    ).toEqual(['while it did not run']);
    expect(ofTest().some(({ message }) => message === 'history' || message === 'chatter')).toBe(false);
  });

  it('gives bytes that are no text, and an entry of 100 KiB, as one bounded record each', async () => {
    await start();
    for (let tries = 0; ofTest().length === 0; tries += 1) {
      say({ MESSAGE: `ready ${tries}`, SYSLOG_IDENTIFIER: 'test-ready' });
      await sleep(200);
    }
    run(['sh', '-c', "printf 'bad \\377\\033[31m byte' | systemd-cat -t test-bytes"]);
    say({ MESSAGE: 'y'.repeat(100_000), SYSLOG_IDENTIFIER: 'test-long' });
    await shipped.until('both', () => new Set(ofTest().map(({ service_name }) => service_name)).size === 3);
    const of = (name: string) => ofTest().filter(({ service_name }) => service_name === name);
    expect(of('test-bytes').map(({ message }) => message)).toEqual(['bad \ufffd byte']);
    expect(of('test-long').map(({ message }) => message.length)).toEqual([16_384]);
    expect(of('test-long')[0]?.metadata?.truncated_bytes).toBe(100_000 - 16_384);
  });
});
