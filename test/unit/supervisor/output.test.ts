import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openLogFile } from '../../../control-plane/supervisor/log-file.ts';
import { readLogLine, renderForPeople } from '../../../control-plane/supervisor/log-line.ts';
import { type OutputOptions, openOutput } from '../../../control-plane/supervisor/output.ts';

const now = new Date('2026-01-02T03:04:05.678Z');
let folder: string;
let written: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'edge-output-'));
  written = '';
});
afterEach(() => rmSync(folder, { recursive: true }));

const open = (more: Partial<OutputOptions>) =>
  openOutput({
    format: 'json',
    level: 'info',
    isTerminal: false,
    logFolder: join(folder, 'logs'),
    now: () => now,
    write: (text) => {
      written += text;
    },
    ...more,
  });
const events = (): Record<string, unknown>[] =>
  written
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
const facts = {
  http: 'http://127.0.0.1:8080',
  https: 'https://h:8443',
  mqtt: 'mqtts://h:8883',
  caFingerprintSha256: 'AB',
  adminEmail: 'a@b',
  adminPassword: 'secret-of-the-day',
  devices: 1,
  seconds: 4,
};

describe('openOutput', () => {
  it('prints nothing but JSON lines in JSON, whatever a child writes', async () => {
    const output = open({});
    await output.step('database', async () => undefined);
    output.childLine('web', 'not { json', 'stdout');
    output.childLine('web', '{"level":"warn","msg":"careful","code":"x"}', 'stdout');
    output.ready(facts);
    output.close();
    expect(events()).toMatchObject([
      { event: 'progress', step: 'database', level: 'info', time: now.toISOString() },
      { event: 'log', role: 'web', msg: 'not { json' },
      { event: 'log', role: 'web', level: 'warn', code: 'x' },
      { event: 'ready', http: facts.http, admin_email: 'a@b', admin_password: 'secret-of-the-day' },
    ]);
  });

  it('keeps everything in a file per role, but the password', () => {
    const output = open({ format: 'text' });
    output.childLine('web', 'quiet line', 'stdout');
    output.ready(facts);
    output.close();
    expect(readFileSync(join(folder, 'logs/web.log'), 'utf8')).toContain('quiet line');
    expect(statSync(join(folder, 'logs/web.log')).mode & 0o777).toBe(0o600);
    expect(readFileSync(join(folder, 'logs/supervisor.log'), 'utf8')).not.toContain('secret-of-the-day');
    expect(written).toContain('secret-of-the-day');
    expect(written).not.toContain('quiet line');
  });

  it('shows people warnings above the step that is running', async () => {
    const output = open({ format: 'text', isTerminal: true });
    await output.step('broker', async () => output.childLine('broker', '{"level":40,"msg":"hm"}', 'stdout'));
    output.close();
    expect(written).toContain('broker warn: hm\n  … broker');
    expect(written).toMatch(/✓ broker +\d\.\d s\n$/);
  });

  it('goes on when log files cannot be written, and says so once', () => {
    const output = open({ format: 'text', logFolder: '/dev/null/logs' });
    output.childLine('web', 'one', 'stdout');
    output.childLine('web', 'two', 'stdout');
    expect(written.match(/cannot be written/g)).toHaveLength(1);
  });
});

describe('readLogLine', () => {
  it.each([
    ['{"level":50,"msg":"m","time":"t"}', 'stdout', { level: 'error', msg: 'm', time: 't' }],
    ['{"level":"fatal","msg":"m"}', 'stdout', { level: 'error' }],
    ['plain', 'stderr', { level: 'warn', msg: 'plain' }],
    ['{"role":"forged","msg":"m"}', 'stdout', { role: 'web' }],
    ['[1]', 'stdout', { level: 'info', msg: '[1]' }],
  ] as const)('reads %s from %s', (line, stream, expected) => {
    expect(readLogLine('web', line, stream, now)).toMatchObject(expected);
  });
});

describe('renderForPeople', () => {
  it('lets no control character through to the terminal', () => {
    const text = renderForPeople({
      ...readLogLine('web', 'a\u001b[2Jb\u202ec', 'stderr', now),
      device: 'x\ny',
    });
    // biome-ignore lint/suspicious/noControlCharactersInRegex: their absence is the claim
    expect(text).not.toMatch(/[\u0000-\u001f\u202e]/);
    expect(text).toContain('device=x y');
  });
});

describe('openLogFile', () => {
  it('rotates by size and keeps three old files', () => {
    const file = openLogFile(folder, 'web', 20);
    for (let line = 0; line < 12; line += 1) file.write(`line ${line} of twelve`);
    file.close();
    expect(readdirSync(folder).sort()).toEqual(['web.log', 'web.log.1', 'web.log.2', 'web.log.3']);
    expect(readFileSync(join(folder, 'web.log'), 'utf8')).toBe('line 10 of twelve\nline 11 of twelve\n');
  });
});
