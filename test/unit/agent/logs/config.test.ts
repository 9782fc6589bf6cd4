import { describe, expect, it } from 'vitest';
import { checkLogsConfig, LogsConfig } from '../../../../agent/logs/config.ts';
import { isRotatedName, withoutRotated } from '../../../../agent/logs/file-finder.ts';
import { createGate } from '../../../../agent/logs/gate.ts';
import { createProgress } from '../../../../agent/logs/progress.ts';
import { createTokenBucket } from '../../../../agent/logs/token-bucket.ts';
import { matchesWildcard } from '../../../../agent/logs/wildcard.ts';
import { decodeValue } from '../../../../broker/contract/index.ts';

const problemOf = (value: unknown): string | null => {
  const decoded = decodeValue(LogsConfig, value);
  return decoded.ok ? checkLogsConfig(decoded.value) : decoded.reason;
};

describe('the configuration of logs', () => {
  it.each([
    {},
    { journald: false, containers: false },
    {
      files: [
        { path: '/var/log/app/*.log', service: 'app', multiline: { start: '^\\d{4}-' }, min_level: 'debug' },
      ],
    },
    {
      journald: { include: ['nginx*'] },
      containers: { tool: 'podman', exclude: ['test-?'] },
      rate: { lines_per_second: 5, burst: 9 },
    },
  ])('takes %j', (value) => {
    expect(problemOf(value)).toBeNull();
  });

  it.each([
    [{ files: [{ path: 'app.log' }] }, /^files\.0\.path/],
    [{ files: [{ path: '/var/**/app.log' }] }, /^logs\.files\.0\.path: \*\*/],
    [{ files: [{ path: '/var/log/' }] }, /^logs\.files\.0\.path/],
    [{ files: [{ path: '/var/../etc/shadow' }] }, /^logs\.files\.0\.path/],
    [{ files: [{ path: '/a', multiline: { start: '(' } }] }, /^logs\.files\.0\.multiline\.start/],
    [{ files: [{ path: '/a', multiline: { start: '(?=a)' } }] }, /^logs\.files\.0\.multiline\.start/],
    [{ journald: { level: 'info' } }, /journald/],
    [{ rate: { lines_per_second: 0, burst: 1 } }, /^rate\.lines_per_second/],
    [{ containers: true }, /containers/],
  ])('refuses %j with the field', (value, reason) => {
    expect(problemOf(value)).toMatch(reason);
  });
});

describe('names', () => {
  it.each([
    ['*.log', 'app.log', true],
    ['*.log', '.app.log', false],
    ['.*', '.app', true],
    ['app-?.log', 'app-1.log', true],
    ['app-[0-9].log', 'app-x.log', false],
    ['app-[!0-9].log', 'app-x.log', true],
    ['a*b*c', 'abbbc', true],
    ['a*b*c', 'abbb', false],
    ['[', '[', true],
    ['é?', 'é😀', true],
  ])('%s matches %s: %s', (pattern, name, matches) => {
    expect(matchesWildcard(pattern, name)).toBe(matches);
  });

  it('are matched without going back again and again', () => {
    const startedMs = performance.now();
    expect(matchesWildcard('*a*a*a*a*a*a*a*a*b', 'a'.repeat(255))).toBe(false);
    expect(performance.now() - startedMs).toBeLessThan(50);
  });

  it.each([
    ['app.log', 'app.log.1', true],
    ['app.log', 'app.log-20261123', true],
    ['app.log', 'app.log.2026-11-23', true],
    ['app.log', 'app.log.old', true],
    ['app', 'app-1.log', true],
    ['app.log', 'app.log.err', false],
    ['app', 'apple.log', false],
  ])('%s rotates to %s: %s', (path, other, isIt) => {
    expect(isRotatedName(path, other)).toBe(isIt);
  });

  it('of rotated files are no sources of their own', () => {
    expect(withoutRotated(['/l/a.log', '/l/a.log.1', '/l/b.log.2'], ['/l/b.log'])).toEqual(['/l/a.log']);
  });
});

describe('createGate', () => {
  it('closes above 0.9 and opens below 0.7', () => {
    let pressure = 0;
    const gate = createGate(() => pressure);
    const at = (value: number) => {
      pressure = value;
      gate.look();
      return gate.isOpen;
    };
    expect([0.5, 0.9, 0.91, 0.8, 0.7, 0.69, 0.85].map(at)).toEqual([
      true,
      true,
      false,
      false,
      false,
      true,
      true,
    ]);
  });
});

describe('createTokenBucket', () => {
  it('gives a burst, then the rate', () => {
    const bucket = createTokenBucket(10, 5);
    const taken = (times: number, atMs: number) =>
      Array.from({ length: times }, () => bucket.take(1, atMs)).filter(Boolean).length;
    expect(taken(9, 0)).toBe(5);
    expect(bucket.waitMs(1, 0)).toBe(100);
    expect(taken(9, 300)).toBe(3);
    expect(taken(9, 60_000)).toBe(5);
    expect(createTokenBucket(1, 5).take(500, 0)).toBe(true);
  });
});

describe('createProgress', () => {
  it('commits in the order of reading, and only what has nothing open before it', () => {
    const committed: number[] = [];
    const progress = createProgress<number>((position) => committed.push(position));
    const tickets = [1, 2, 3, 4].map(progress.enter);
    const [first, second, third, fourth] = tickets;
    if (!first || !second || !third || !fourth) throw new Error('four tickets');
    progress.finish([second, fourth]);
    expect(committed).toEqual([]);
    progress.finish([first]);
    expect(committed).toEqual([1, 2]);
    expect(progress.open).toBe(2);
    progress.finish([third]);
    expect(committed).toEqual([1, 2, 3, 4]);
    expect(progress.open).toBe(0);
  });
});
