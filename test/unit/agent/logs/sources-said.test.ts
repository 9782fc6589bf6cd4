/** Parsers of what journalctl, docker and podman print. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createSieve, parseContainerLine, sinceOf } from '../../../../agent/logs/container-line.ts';
import { parseContainerList } from '../../../../agent/logs/container-list.ts';
import { parseJournalEntry } from '../../../../agent/logs/journal-entry.ts';

/** Printed by journalctl 252 of Debian 12 on a machine with systemd-journald. */
const STDOUT_ENTRY =
  '{"_TRANSPORT":"stdout","PRIORITY":"3","_UID":"0","_PID":"16667","MESSAGE":"bad thing","_HOSTNAME":"vm","__REALTIME_TIMESTAMP":"1795447877367203","__CURSOR":"s=43ecf83a99a74b97bc3f770596701d48;i=155;b=f0a51f1ac87843d19b8f1ac6a6fa02c7;m=2f7a0796d;t=660f348f175a3;x=d2f5c209d1361d75","SYSLOG_IDENTIFIER":"myapp","_COMM":"cat","__MONOTONIC_TIMESTAMP":"12744423789"}';
const KERNEL_ENTRY =
  '{"_MACHINE_ID":"3d1219c7c4c5404aaa1f6d2a48adfda4","__REALTIME_TIMESTAMP":"1795447875897281","__CURSOR":"s=43ecf83a99a74b97bc3f770596701d48;i=151;x=704a8a7321894590","_TRANSPORT":"kernel","MESSAGE":"EXT4-fs (vda): mounted filesystem","SYSLOG_IDENTIFIER":"kernel","PRIORITY":"6"}';
const entry = (fields: Record<string, unknown>): string =>
  JSON.stringify({ __CURSOR: 's=1;i=2', __REALTIME_TIMESTAMP: '1795447877367203', ...fields });

describe('parseJournalEntry', () => {
  it('reads entries as journalctl prints them', () => {
    expect(parseJournalEntry(STDOUT_ENTRY)).toEqual({
      cursor:
        's=43ecf83a99a74b97bc3f770596701d48;i=155;b=f0a51f1ac87843d19b8f1ac6a6fa02c7;m=2f7a0796d;t=660f348f175a3;x=d2f5c209d1361d75',
      timestamp: new Date(1795447877367),
      message: 'bad thing',
      level: 'error',
      service: 'myapp',
      metadata: { identifier: 'myapp', pid: 16667 },
      pid: 16667,
    });
    expect(parseJournalEntry(KERNEL_ENTRY)).toMatchObject({ service: 'kernel', level: 'info' });
  });

  it.each([
    ['a unit', { _SYSTEMD_UNIT: 'nginx.service', SYSLOG_IDENTIFIER: 'nginx' }, 'nginx'],
    ['what systemd says of a unit', { UNIT: 'nginx.service', _SYSTEMD_UNIT: 'init.scope' }, 'nginx'],
    ['a session', { _SYSTEMD_UNIT: 'session-3.scope', SYSLOG_IDENTIFIER: 'sudo' }, 'sudo'],
    ['nothing', {}, 'journal'],
  ])('names the service after %s', (_, fields, service) => {
    expect(parseJournalEntry(entry({ MESSAGE: 'x', ...fields }))?.service).toBe(service);
  });

  it('reads bytes that are not UTF-8, fields given twice, and none', () => {
    expect(parseJournalEntry(entry({ MESSAGE: [98, 255, 0, 27, 91, 109, 99] }))?.message).toBe(
      'b\ufffd\ufffdc',
    );
    expect(parseJournalEntry(entry({ MESSAGE: ['first', 'second'] }))?.message).toBe('first');
    expect(parseJournalEntry(entry({ MESSAGE: null }))?.message).toBe('');
    expect(parseJournalEntry(entry({ PRIORITY: 'x' }))?.level).toBeNull();
  });

  it('keeps cursor and beginning of an entry that was cut', () => {
    const whole = entry({ MESSAGE: `a "quoted" ${'é'.repeat(50)}`, PRIORITY: '4' });
    for (let length = whole.indexOf('quoted'); length < whole.length; length += 1) {
      const cut = parseJournalEntry(whole.slice(0, length));
      expect(cut?.cursor).toBe('s=1;i=2');
      expect(cut?.message.startsWith('a "')).toBe(true);
    }
  });

  it('never throws', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: 'binary' }), fc.json()), (text) => void parseJournalEntry(text)),
    );
    fc.assert(
      fc.property(
        fc.dictionary(
          fc.constantFrom('MESSAGE', 'PRIORITY', '_PID', 'UNIT', '__CURSOR', '_COMM'),
          fc.jsonValue(),
        ),
        (fields) => {
          parseJournalEntry(entry(fields));
        },
      ),
    );
    const startedMs = performance.now();
    parseJournalEntry(`{"__CURSOR":"${'\\'.repeat(1_048_576)}`);
    parseJournalEntry('"A":"'.repeat(200_000));
    expect(performance.now() - startedMs).toBeLessThan(500);
  });
});

describe('parseContainerList', () => {
  const id = '4f1c2d3e4f5a6b7c8d9e0f1a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d5e';

  it('reads the lines of docker and the array of podman', () => {
    const docker = `{"ID":"${id}","Image":"nginx","Names":"web","State":"running","Status":"Up 2 hours"}\n{"ID":"${id.replace('4', '5')}","Names":"old,linked/old","State":"exited"}\n`;
    expect(parseContainerList(docker)).toEqual([
      { id, name: 'web', isRunning: true },
      { id: id.replace('4', '5'), name: 'old', isRunning: false },
    ]);
    const podman = JSON.stringify([{ Id: id, Names: ['web'], State: 'running', Image: 'nginx' }]);
    expect(parseContainerList(podman)).toEqual([{ id, name: 'web', isRunning: true }]);
  });

  it('takes no id that could be an option, and never throws', () => {
    expect(parseContainerList('{"ID":"--help","Names":"x","State":"running"}')).toEqual([]);
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: 'binary' }), fc.json()), (text) =>
        Array.isArray(parseContainerList(text)),
      ),
    );
  });
});

describe('a line of a container', () => {
  it('is parted from its time', () => {
    expect(parseContainerLine('2026-11-23T06:00:00.123456789Z GET / 200')).toEqual({
      timestamp: '2026-11-23T06:00:00.123456789Z',
      text: 'GET / 200',
    });
    expect(parseContainerLine('2026-11-23T06:00:00.1Z')).toMatchObject({ text: '' });
    expect(parseContainerLine('Error: no such container')).toEqual({
      timestamp: null,
      text: 'Error: no such container',
    });
  });

  it('passes once, also when several have the same time', () => {
    const times = ['06:00:00.1', '06:00:00.2', '06:00:00.2', '06:00:00.2', '06:00:00.3'].map(
      (time) => `2026-11-23T${time}Z`,
    );
    const all = times.map(createSieve(undefined).pass);
    expect(all.map((mark) => mark?.count)).toEqual([1, 1, 2, 3, 1]);
    for (const [index, mark] of all.entries()) {
      const passed = times.map(createSieve(mark ?? undefined).pass);
      expect(passed.map((each) => each !== null)).toEqual(times.map((_, at) => at > index));
    }
  });

  it('goes on at the older of two streams, but not from long ago', () => {
    const at = (time: string) => ({ timestamp: `2026-11-23T${time}Z`, count: 1 });
    expect(sinceOf({})).toBeNull();
    expect(sinceOf({ stdout: at('06:00:10'), stderr: at('06:00:05') })).toBe('2026-11-23T06:00:05Z');
    expect(sinceOf({ stdout: at('06:10:00'), stderr: at('06:00:05') })).toBe(
      '2026-11-23T06:09:00.000000000Z',
    );
    expect(sinceOf({ stdout: at('06:10:00.5') })).toBe('2026-11-23T06:09:00.500000000Z');
  });
});
