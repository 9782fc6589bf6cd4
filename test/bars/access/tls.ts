/**
 * Bar: what testssl.sh and sslscan find at the broker and the HTTPS listener of the started product: TLS 1.3 alone, a
 * chain that holds under the installation's own root, and no finding but those named below. Installs both tools where
 * it may (root on Debian); says so where they are missing.
 */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Type } from 'typebox';
import { decodeValue } from '#contract';
import { runBar } from '../../support/bar.ts';
import { freePort } from '../../support/installation.ts';
import { startProduct } from '../../support/started-product.ts';

const NAME = 'tls';
const READY_MS = 240_000;
/** testssl.sh has some 20 s of work with a port, in thousands of processes: minutes on a busy machine. */
const SCAN_MS = 480_000;
const INSTALL_MS = 300_000;
/** Fewer findings than this mean that the scan broke off. */
const LEAST_FINDINGS = 50;

/** Findings that are none here, and why. */
const AT_BOTH: Readonly<Record<string, string>> = {
  cert_revocation:
    'no CRL or OCSP address in a server certificate: agents trust our root alone, and a new key and certificate replace it',
};
const AT_THE_BROKER: Readonly<Record<string, string>> = {
  ...AT_BOTH,
  optimal_proto: 'openssl s_client has no client certificate, so the broker ends its handshake: as it must',
};
/** Above INFO, and what the tool could not do. */
const BAD = new Set(['LOW', 'MEDIUM', 'HIGH', 'CRITICAL', 'WARN', 'FATAL']);

/** No DNS, no question to the terminal; each connect bounded. */
const BOUNDED = ['--warnings', 'off', '--nodns', 'none', '--ip', '127.0.0.1'];
const TIMEOUTS = ['--connect-timeout', '5', '--openssl-timeout', '10'];
/** Protocols, ciphers, certificate, vulnerabilities; forward secrecy is TLS 1.3's own. */
const CHECKS = ['-p', '-s', '-S', '-U'];

const Finding = Type.Object({ id: Type.String(), severity: Type.String(), finding: Type.String() });

const testssl = findTool(['testssl', 'testssl.sh']);
const sslscan = findTool(['sslscan']);
if (testssl === null || sslscan === null) {
  console.log(`${NAME}: not measured, testssl.sh and sslscan cannot be installed here`);
  process.exit(0);
}

await runBar(async () => {
  const dir = mkdtempSync(join(tmpdir(), 'edge-tls-'));
  const [http, https, mqtt] = [await freePort(), await freePort(), await freePort()];
  const product = startProduct([
    ...['--data-dir', join(dir, 'data')],
    ...['--http-port', String(http), '--https-port', String(https), '--mqtt-port', String(mqtt)],
    '--no-local-agent',
  ]);
  try {
    await product.ready(READY_MS);
    const found = await Promise.all(
      [
        { name: 'HTTPS', port: https, known: AT_BOTH },
        { name: 'broker', port: mqtt, known: AT_THE_BROKER },
      ].flatMap((listener) => [testsslFindings(testssl, listener, dir), sslscanFindings(sslscan, listener)]),
    );
    const bad = found.flat();
    for (const text of bad) console.log(text);
    return {
      name: NAME,
      figure: `${bad.length} findings at HTTPS and broker`,
      limit: `0 beside ${Object.keys(AT_THE_BROKER).join(', ')}`,
      holds: bad.length === 0,
    };
  } finally {
    product.process.kill('SIGTERM');
    await product.ended;
    rmSync(dir, { recursive: true, force: true });
  }
});

/** Installs the packages once, where this is root on Debian. */
function findTool(names: readonly string[]): string | null {
  const found = (): string | undefined =>
    names.find((name) => spawnSync('sh', ['-c', `command -v ${name}`]).status === 0);
  const there = found();
  if (there !== undefined) return there;
  if (process.getuid?.() === 0) {
    spawnSync('apt-get', ['install', '-y', '--no-install-recommends', 'sslscan', 'testssl.sh'], {
      timeout: INSTALL_MS,
    });
  }
  return found() ?? null;
}

interface Listener {
  readonly name: string;
  readonly port: number;
  readonly known: Readonly<Record<string, string>>;
}

async function testsslFindings(
  tool: string,
  { name, port, known }: Listener,
  dir: string,
): Promise<string[]> {
  const file = join(dir, `testssl-${port}.json`);
  const root = join(dir, 'data', 'certs', 'ca', 'root.pem');
  const output = ['--quiet', '--color', '0', '--jsonfile', file];
  const args = [...output, ...BOUNDED, ...TIMEOUTS, ...CHECKS, '--add-ca', root];
  const printed = await outputOf(tool, [...args, `localhost:${port}`]);
  const json: unknown = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : null;
  const decoded = decodeValue(Type.Array(Finding), json);
  if (!decoded.ok || decoded.value.length < LEAST_FINDINGS) {
    throw new Error(`testssl.sh did not scan the ${name}: ${printed.slice(-2000)}`);
  }
  console.log(`${name}: testssl.sh made ${decoded.value.length} findings`);
  const bad = decoded.value.filter(({ id, severity }) => BAD.has(severity) && !Object.hasOwn(known, id));
  return [
    ...versionFaults(decoded.value),
    ...bad.map(({ id, severity, finding }) => `${severity} ${id}: ${finding}`),
  ].map((text) => `${name} testssl.sh ${text}`);
}

/** TLS 1.3 and no other, and a chain up to our own root. */
function versionFaults(findings: readonly Type.Static<typeof Finding>[]): string[] {
  const findingOf = (wanted: string): string =>
    findings.find(({ id }) => id === wanted)?.finding ?? 'no word';
  const older = ['SSLv2', 'SSLv3', 'TLS1', 'TLS1_1', 'TLS1_2'];
  const faults = older.filter((id) => findingOf(id) !== 'not offered');
  if (!findingOf('TLS1_3').startsWith('offered')) faults.push('TLS1_3');
  if (!findingOf('cert_chain_of_trust').startsWith('passed')) faults.push('cert_chain_of_trust');
  return faults.map((id) => `${id}: ${findingOf(id)}`);
}

async function sslscanFindings(tool: string, { name, port }: Listener): Promise<string[]> {
  const printed = await outputOf(tool, ['--no-colour', `localhost:${port}`]);
  const lines = printed.split('\n').map((line) => line.trim());
  const protocols = lines.filter((line) => /^(SSLv\d|TLSv1\.\d)\s+(enabled|disabled)$/.test(line));
  if (protocols.length < 6) throw new Error(`sslscan did not scan the ${name}: ${printed.slice(-2000)}`);
  const wrong = protocols.filter((line) => line.endsWith('enabled') !== line.startsWith('TLSv1.3'));
  const ciphers = lines.filter((line) => /^(Preferred|Accepted)\s/.test(line) && !line.includes('TLSv1.3'));
  const leaks = lines.filter((line) => /vulnerable to heartbleed/.test(line) && !/not vulnerable/.test(line));
  return [...wrong, ...ciphers, ...leaks].map((line) => `${name} sslscan ${line}`);
}

/** Both ports at once, so not `spawnSync`; without a standard input that it could wait for. */
function outputOf(tool: string, args: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(tool, args, { stdio: ['ignore', 'pipe', 'pipe'], timeout: SCAN_MS });
    let printed = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (chunk) => {
        printed += chunk;
      });
    }
    child.once('error', reject);
    child.once('close', () => resolve(printed));
  });
}
