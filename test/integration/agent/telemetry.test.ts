/** Logs, events, live view and settings of a running agent over the real broker; its telemetry file as its owner changes it. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFile, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DEFAULT_TELEMETRY, type TelemetrySettings } from '#contract';
import type { AgentOptions, Running } from '../../../agent/agent.ts';
import { STATE_FILES } from '../../../agent/identity.ts';
import { eventually } from '../../support/broker.ts';
import { enrollMachine, QUICK_TELEMETRY, startQuickAgent } from './agent-of.ts';
import { type ContractCloud, startContractCloud } from './contract-cloud.ts';

let cloud: ContractCloud;
let agents: Running[];
beforeEach(async () => {
  cloud = await startContractCloud();
  agents = [];
});
afterEach(async () => {
  await Promise.all(agents.map((agent) => agent.stop()));
  await cloud[Symbol.asyncDispose]();
});

async function start(stateDir: string, more: Partial<AgentOptions> = {}): Promise<Running> {
  const agent = await startQuickAgent(stateDir, more);
  agents.push(agent);
  return agent;
}
const kinds = (): string[] => cloud.eventRows.map(({ kind }) => kind);
const settings = (version: number, more: Partial<TelemetrySettings> = {}): TelemetrySettings => ({
  ...QUICK_TELEMETRY,
  version,
  ...more,
});

describe('an agent with a session', () => {
  it('sends logs, events and measurements, each class as a stream of its own', async () => {
    await start(await enrollMachine(cloud));
    await eventually('a log line', () => cloud.logRows.length >= 2);
    await eventually('the start as an event', () => kinds().includes('agent.started'));
    await eventually('measurements', () => cloud.rows.length > 0);
    const numberings = new Set(cloud.batches.map(({ stream, bootId }) => `${stream} ${bootId}`));
    expect(new Set(cloud.batches.map(({ bootId }) => bootId)).size).toBe(numberings.size);
    await eventually('the depth of each class in a beat', () =>
      cloud.heartbeats.some(({ outbox }) => outbox?.by_class?.logs !== undefined),
    );
  });

  it('marks as backfill what it recorded while there was no link, and sends what is new beside it', async () => {
    const agent = await start(await enrollMachine(cloud));
    await eventually('measurements', () => cloud.rows.length > 0);
    await cloud.stopBroker();
    await eventually('the agent without a session', () => !agent.status().isConnected);
    const held = agent.status().outbox.by_class?.metrics?.records ?? 0;
    await eventually(
      'measurements kept while offline',
      () => (agent.status().outbox.by_class?.metrics?.records ?? 0) > held,
    );
    const before = cloud.batches.length;
    await cloud.startBroker();
    const since = () => cloud.batches.slice(before).filter(({ stream }) => stream === 'metrics');
    await eventually('backlog', () => since().some(({ isBacklog }) => isBacklog));
    await eventually('live data', () => since().some(({ isBacklog }) => !isBacklog), 10_000);
    expect(agent.status().outbox.dropped).toBe(0);
  });

  it('streams lines and measurements for a lease, and stops with it', async () => {
    await start(await enrollMachine(cloud));
    await eventually('a beat', () => cloud.heartbeats.length > 0);
    const lease = (stream: 'logs' | 'metrics', ttl_ms: number) =>
      cloud.say('control', {
        kind: 'lease',
        lease_id: `lease-${stream}`,
        stream,
        ttl_ms,
        min_level: 'debug',
        interval_ms: 1000,
      });
    await lease('logs', 12_500);
    await lease('metrics', 12_500);
    await eventually('a live line', () => cloud.liveLines.length > 0);
    await eventually('live measurements', () => cloud.livePoints.length > 0);
    await lease('logs', 0);
    await lease('metrics', 0);
    const beats = cloud.heartbeats.length;
    await eventually('two more beats', () => cloud.heartbeats.length >= beats + 2);
    const seen = cloud.livePoints.length;
    const later = cloud.heartbeats.length;
    await eventually('six more beats', () => cloud.heartbeats.length >= later + 6);
    expect(cloud.livePoints).toHaveLength(seen);
  });
});

describe('telemetry settings', () => {
  it('are taken into use, named in the heartbeat, kept over a restart and reported', async () => {
    const stateDir = await enrollMachine(cloud);
    const agent = await start(stateDir);
    await eventually('a beat with version 0', () => cloud.heartbeats.at(-1)?.telemetry_version === 0);
    await cloud.say('telemetry', settings(7));
    await eventually('a beat with version 7', () => cloud.heartbeats.at(-1)?.telemetry_version === 7);
    await eventually('the event', () => kinds().includes('telemetry.applied'));
    await agent.stop();
    const beats = cloud.heartbeats.length;
    await start(stateDir);
    await eventually('another beat', () => cloud.heartbeats.length > beats);
    expect(cloud.heartbeats.at(-1)?.telemetry_version).toBe(7);
  });

  it('that cannot be used are refused as a whole and reported once', async () => {
    const stateDir = await enrollMachine(cloud);
    await start(stateDir);
    await eventually('a beat', () => cloud.heartbeats.length > 0);
    const bad = settings(8, { redaction: { rules: [{ name: 'bad', pattern: '(' }], disabled_builtin: [] } });
    await cloud.say('telemetry', bad);
    await eventually('the refusal', () => kinds().includes('telemetry.refused'));
    await cloud.say('telemetry', bad);
    const beats = cloud.heartbeats.length;
    await eventually('three more beats', () => cloud.heartbeats.length >= beats + 3);
    expect(cloud.heartbeats.at(-1)?.telemetry_version).toBe(0);
    expect(kinds().filter((kind) => kind === 'telemetry.refused')).toHaveLength(1);
    await expect(readFile(join(stateDir, STATE_FILES.telemetry))).rejects.toThrow('ENOENT');
  });

  it('that are damaged on disk count as not said', async () => {
    const stateDir = await enrollMachine(cloud);
    await writeFile(join(stateDir, STATE_FILES.telemetry), '{"version": ');
    await start(stateDir);
    await eventually('a beat', () => cloud.heartbeats.length > 0);
    expect(cloud.heartbeats[0]?.telemetry_version).toBe(DEFAULT_TELEMETRY.version);
  });
});

describe('the telemetry file', () => {
  const main = join(import.meta.dirname, '../../../agent/main.ts');

  it('names what to read; SIGHUP reads it again, and a bad one changes nothing', async () => {
    const stateDir = await enrollMachine(cloud);
    const file = join(cloud.dir, 'telemetry.json');
    const logOf = (name: string): string => join(cloud.dir, `${name}.log`);
    const config = (name: string): string =>
      JSON.stringify({
        metrics: { socket: false },
        logs: { journald: false, containers: false, files: [{ path: logOf(name), from: 'start' }] },
      });
    await writeFile(file, config('first'));
    for (const name of ['first', 'second']) await writeFile(logOf(name), `hello from ${name}\n`);
    const child = spawn(
      process.execPath,
      [main, 'run', '--state-dir', stateDir, '--telemetry-config', file],
      {
        stdio: ['ignore', 'ignore', 'pipe'],
      },
    );
    const ended = once(child, 'exit');
    const lines: string[] = [];
    createInterface({ input: child.stderr }).on('line', (line) => lines.push(line));
    const seen = (text: string) => cloud.logRows.some(({ message }) => message.includes(text));
    try {
      await eventually('a line of the first file', () => seen('hello from first'), 20_000);
      await writeFile(file, '{"logs": {"files": [{"path": "relative"}]}}');
      child.kill('SIGHUP');
      await eventually('the refusal', () => lines.some((line) => line.includes('not taken')), 10_000);
      await appendFile(logOf('first'), 'still read\n');
      await eventually('a line of the file before', () => seen('still read'), 10_000);
      await writeFile(file, config('second'));
      child.kill('SIGHUP');
      await eventually('a line of the second file', () => seen('hello from second'), 10_000);
    } finally {
      child.kill('SIGTERM');
      await ended;
    }
    expect(lines.find((line) => line.includes('not taken'))).toContain('logs.files.0.path');
  });

  it('that is not valid stops the start and names the field', async () => {
    const stateDir = await enrollMachine(cloud);
    const file = join(cloud.dir, 'telemetry.json');
    await writeFile(file, '{"metrics": {"max_series": "many"}}');
    const child = spawn(
      process.execPath,
      [main, 'run', '--state-dir', stateDir, '--telemetry-config', file],
      {
        stdio: ['ignore', 'ignore', 'pipe'],
      },
    );
    let text = '';
    child.stderr.on('data', (chunk: Buffer) => {
      text += chunk.toString();
    });
    const [code] = await once(child, 'exit');
    expect(code).toBe(2);
    expect(text).toContain('metrics.max_series');
  });
});
