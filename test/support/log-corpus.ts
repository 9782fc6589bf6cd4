/** Lines without secrets, to see what a rule hides by mistake: logs of this machine, traces of its tools, and made-up ids. */
import { spawnSync } from 'node:child_process';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { seededRandom } from './seeded-random.ts';

export interface LogSource {
  readonly name: string;
  readonly lines: readonly string[];
}

const ROOT = resolve(import.meta.dirname, '../..');
/** So that no source drowns the others. */
const MOST_LINES = 20_000;
const MOST_OUTPUT = 256 * 2 ** 20;

/** Written by programs, not by us: at most `MOST_LINES` of each kind. */
export function realLogLines(): LogSource[] {
  const bin = join(ROOT, 'node_modules/.bin');
  return [
    files('package manager of the system', [
      '/var/log/dpkg.log*',
      '/var/log/apt/*.log*',
      '/var/log/alternatives.log*',
    ]),
    files('other logs of the system', [
      '/var/log/{syslog,messages,kern.log,auth.log,fontconfig.log,bootstrap.log}*',
      '/var/log/*/*.log',
    ]),
    files('debug logs of npm', [join(homedir(), '.npm/_logs/*.log')]),
    files('logs of tests of Debian packages', [
      '/usr/share/doc/**/*.log.gz',
      '/usr/share/doc/**/*.sum.gz',
      '/usr/share/doc/**/*.log',
    ]),
    files('logs of a browser, a database, this product', [
      '/tmp/*.log',
      '/tmp/*/*.log',
      '/tmp/*/mosquitto/*.log',
      '/var/cache/ops-center-edge/**/*.log',
    ]),
    output('kernel', 'dmesg', []),
    output('module resolution of the TypeScript compiler', join(bin, 'tsc'), [
      '-p',
      'tsconfig.json',
      '--noEmit',
      '--traceResolution',
    ]),
    output(
      'module loading of Node',
      process.execPath,
      ['-e', "await import('fastify'); await import('aedes'); await import('mqtt')", '--input-type=module'],
      { NODE_DEBUG: 'module,esm,net,tls,http,timer,stream', NODE_DEBUG_NATIVE: 'ESM' },
    ),
    output('system calls', 'strace', [
      '-f',
      '-s',
      '200',
      process.execPath,
      '-e',
      "require('fs').readdirSync('/usr/lib')",
    ]),
    output('history of this repository, with stats and hashes', 'git', [
      'log',
      '--stat',
      '--raw',
      '--no-abbrev',
      '--format=commit %H tree %T%n%aI %s',
      '-n',
      '400',
    ]),
    output('files of the system, as an installer lists them', 'find', [
      '/usr/lib',
      '/etc',
      '/var/lib/dpkg',
      '-xdev',
      '-printf',
      '%M %u %g %s %TY-%Tm-%TdT%TT %p\n',
    ]),
    output('sums of files', 'sh', [
      '-c',
      'find /usr/bin /usr/lib -xdev -type f -size -200k | head -4000 | xargs sha256sum',
    ]),
    output('processes and mounts', 'sh', [
      '-c',
      'ps auxww; cat /proc/mounts /proc/self/maps /proc/cpuinfo /proc/meminfo /proc/net/tcp',
    ]),
    output('install lock of npm, as printed', 'npm', ['ls', '--all', '--long']),
  ].filter(({ lines }) => lines.length > 0);
}

function files(name: string, patterns: readonly string[]): LogSource {
  const lines: string[] = [];
  for (const path of globSync([...patterns])) {
    if (lines.length >= MOST_LINES) break;
    lines.push(...linesOf(path));
  }
  return { name, lines: lines.slice(0, MOST_LINES) };
}

function linesOf(path: string): string[] {
  try {
    const bytes = readFileSync(path);
    const text = (path.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString('utf8');
    return text.includes('\0') ? [] : text.split('\n').filter((line) => line.trim() !== '');
  } catch {
    // A log that may not be read, or is a folder, adds nothing.
    return [];
  }
}

function output(
  name: string,
  program: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
): LogSource {
  if (program.includes('/') && !existsSync(program)) return { name, lines: [] };
  const { stdout, stderr } = spawnSync(program, args, {
    cwd: ROOT,
    env: { ...process.env, ...env },
    maxBuffer: MOST_OUTPUT,
    timeout: 60_000,
    encoding: 'utf8',
  });
  const lines = `${stdout ?? ''}\n${stderr ?? ''}`.split('\n').filter((line) => line.trim() !== '');
  return { name, lines: lines.slice(0, MOST_LINES) };
}

type Part = (random: () => number) => string;

const HEX = '0123456789abcdef';
const BASE64 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
const text = (random: () => number, alphabet: string, length: number): string =>
  Array.from({ length }, () => alphabet[Math.floor(random() * alphabet.length)]).join('');
const digits = (random: () => number, length: number): string => text(random, '0123456789', length);
const hex = (random: () => number, length: number): string => text(random, HEX, length);

const MADE_UP: readonly Part[] = [
  (r) =>
    `request_id=${hex(r, 8)}-${hex(r, 4)}-4${hex(r, 3)}-a${hex(r, 3)}-${hex(r, 12)} took ${digits(r, 3)}ms`,
  (r) => `container ${hex(r, 64)} died, exit code ${digits(r, 2)}`,
  (r) => `pulled sha256:${hex(r, 64)} in 3.2s`,
  (r) => `HEAD is now at ${hex(r, 40)} fix: typo`,
  (r) => `ts=17${digits(r, 8)}.${digits(r, 9)} seq=${digits(r, 12)} offset=1${digits(r, 15)}`,
  (r) => `trace_id=${hex(r, 32)} span_id=${hex(r, 16)} parent=${hex(r, 16)}`,
  (r) => `<img src="data:image/png;base64,iVBORw0KGgo${text(r, BASE64, 200)}==">`,
  (r) =>
    `INFO prompt_tokens: ${digits(r, 3)}, completion_tokens: ${digits(r, 3)}, max_tokens=${digits(r, 4)} tokens/s: ${digits(r, 2)}.4`,
  (r) => `etag W/"${text(r, BASE64, 27)}" cache_key=v1:${hex(r, 16)} primary_key=${digits(r, 9)}`,
  (r) =>
    `GPU-${hex(r, 8)}-${hex(r, 4)}-${hex(r, 4)}-${hex(r, 4)}-${hex(r, 12)} at 0000:0${digits(r, 1)}:00.0`,
  (r) => `sensor ${digits(r, 2)} value=0.${digits(r, 16)} raw=${digits(r, 13)} serial SN${digits(r, 14)}`,
  (r) => `user=app action=login result=ok tty=pts/${digits(r, 1)} id ${digits(r, 19)}`,
  (r) => `integrity sha512-${text(r, BASE64, 86)}==`,
  (r) => `systemd[1]: Started getty@tty${digits(r, 1)}.service, user@${digits(r, 4)}.service`,
  (r) => `authentication failed for user "app": password is wrong, token expired, try ${digits(r, 1)}`,
  (r) =>
    `npm http fetch GET 200 https://packages.example/@types/node/-/node-${digits(r, 2)}.1.0.tgz ${digits(r, 3)}ms (cache hit)`,
];

/** Ids, hashes, times, numbers and words that look like secrets to a careless rule. */
export function madeUpLogLines(count: number, seed: number): LogSource {
  const random = seededRandom(seed);
  const lines = Array.from(
    { length: count },
    (_, index) =>
      `2026-11-23T06:${digits(random, 2)}:${digits(random, 2)}.${digits(random, 6)}Z ${(MADE_UP[index % MADE_UP.length] as Part)(random)}`,
  );
  return { name: 'made-up ids, hashes, times', lines };
}
