/** The installer, run for real as root into a temporary prefix, against an HTTPS server with the real tarball. */
import { spawn } from 'node:child_process';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildAgentTarball } from '../../../agent/install/build-tarball.ts';
import { renderInstallScript } from '../../../agent/install/install-script.ts';
import { eventually } from '../../support/broker.ts';
import { type ContractCloud, startContractCloud } from './contract-cloud.ts';

/** Bundling, and compressing this Node once. */
const BUILD_TIMEOUT_MS = 120_000;
const isRoot = process.getuid?.() === 0;

let cloud: ContractCloud;
let script: string;
const folders = () => ({
  prefix: join(cloud.dir, 'opt'),
  state: join(cloud.dir, 'var'),
  config: join(cloud.dir, 'etc'),
});
const agentPid = (): number => Number(readFileSync(join(folders().state, 'agent.pid'), 'utf8'));

beforeAll(async () => {
  cloud = await startContractCloud();
  const outDir = join(cloud.dir, 'downloads');
  const { file } = await buildAgentTarball({ outDir });
  cloud.files.set('/downloads/edge-agent-latest.tar.gz', file);
  const node = `node-linux-${process.arch}.gz`;
  cloud.files.set(`/downloads/${node}`, join(outDir, node));
  script = join(cloud.dir, 'install_edge_agent.sh');
  await writeFile(script, renderInstallScript({ cloudUrl: cloud.url, caPem: cloud.caPem }), { mode: 0o755 });
}, BUILD_TIMEOUT_MS);
afterAll(async () => {
  if (existsSync(join(folders().state, 'agent.pid'))) {
    const pid = agentPid();
    process.kill(pid, 'SIGTERM');
    await eventually('the end of the agent', () => !isAlive(pid));
  }
  await cloud[Symbol.asyncDispose]();
});

/** Runs without blocking, for the server lives in this process. */
function install(
  args: readonly string[],
  path = process.env.PATH ?? '',
): Promise<{ code: number; output: string }> {
  const { prefix, state, config } = folders();
  const options = ['--no-systemd', '--prefix', prefix, '--state-dir', state, '--config-dir', config];
  const child = spawn('bash', [script, ...args, ...options], { env: { PATH: path, HOME: cloud.dir } });
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => {
    output += chunk.toString();
  });
  child.stderr.on('data', (chunk: Buffer) => {
    output += chunk.toString();
  });
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => resolve({ code: code ?? -1, output }));
  });
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

describe.runIf(isRoot && process.platform === 'linux')('the installer', () => {
  it('explains a token that the server does not know, and leaves no agent running', async () => {
    const { code, output } = await install(['bad-token']);
    expect(code).toBe(3);
    expect(output).toContain('registration token is unknown');
    expect(existsSync(join(folders().state, 'agent.pid'))).toBe(false);
  });

  it('enrols, starts the agent, writes the device id and prints it (SD-I2, I4)', async () => {
    const { code, output } = await install(['good-token', '--name', "a machine's name", '--type', 'gateway']);
    expect([code, output]).toEqual([0, expect.stringMatching(/Device ID: [0-9a-f-]{36}\n$/)]);
    const deviceId = readFileSync(join(folders().config, 'device_id'), 'utf8').trim();
    expect(output).toContain(`Device ID: ${deviceId}`);
    expect(cloud.registrations.at(-1)).toMatchObject({
      device_name: "a machine's name",
      device_type: 'gateway',
    });
    expect(output).not.toContain('good-token');
    expect(statSync(folders().state).mode & 0o777).toBe(0o700);
    await eventually(
      'its first heartbeat',
      () => cloud.heartbeats.some(({ device }) => device === deviceId),
      20_000,
    );
    expect(cloud.heartbeats[0]?.facts?.cpu_cores).toBeGreaterThan(0);
  });

  it('upgrades an enrolled machine without a second enrolment, with the server’s Node where its own is too old', async () => {
    const registered = cloud.registrations.length;
    const first = agentPid();
    // A Node that is too old stands before any other.
    const old = join(cloud.dir, 'old-node');
    await mkdir(old);
    await writeFile(join(old, 'node'), '#!/bin/sh\necho v18.20.4\n', { mode: 0o755 });
    const path = `${old}:${process.env.PATH ?? ''}`;
    const { code, output } = await install(['good-token'], path);
    expect([code, output]).toEqual([0, expect.stringContaining('enrolled already')]);
    expect(output).toContain('Downloading Node');
    expect(cloud.registrations).toHaveLength(registered);
    expect(isAlive(first)).toBe(false);
    await eventually(
      'goodbye of the old agent and hello of the new',
      () =>
        ['goodbye 1', 'hello 2'].every((event) =>
          cloud.presence.some(({ kind, session_epoch }) => `${kind} ${session_epoch}` === event),
        ),
      20_000,
    );
    expect(dirname(readFileSync(`/proc/${agentPid()}/cmdline`, 'utf8').split('\0')[0] ?? '')).toBe(
      join(folders().prefix, 'bin'),
    );
  });
});
