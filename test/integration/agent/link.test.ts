/** The running agent against the real broker: session, outbox, reconnect, takeover, will, fallback and renewal. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { AgentOptions, Running } from '../../../agent/agent.ts';
import { openCredentials } from '../../../agent/credentials.ts';
import { factsOf, readIdentity } from '../../../agent/identity.ts';
import { RENEWAL_RETRY_MS } from '../../../agent/renewal.ts';
import { openStateFolder } from '../../../agent/state.ts';
import { openTokens } from '../../../agent/tokens.ts';
import { eventually } from '../../support/broker.ts';
import { connectRaw } from '../../support/raw-mqtt-client.ts';
import { silentLog } from '../../unit/agent/silent-log.ts';
import { enrollMachine, startQuickAgent } from './agent-of.ts';
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
const credentialsIn = async (stateDir: string) => {
  const folder = await openStateFolder(stateDir);
  return openCredentials(folder, (await readIdentity(folder)).client_id);
};
const kinds = () => cloud.presence.map(({ kind, session_epoch }) => `${kind} ${session_epoch}`);
/** Every measurement of one look has one timestamp, so a doubled record shows as a doubled (time, type, labels). */
const doubledRows = (): number => {
  const keys = cloud.rows.map(
    (row) => `${row.device} ${row.timestamp} ${row.metric_type} ${JSON.stringify(row.labels)}`,
  );
  return keys.length - new Set(keys).size;
};

describe('a session', () => {
  it('says hello, beats at once with the facts, then again without them, and empties the outbox', async () => {
    const stateDir = await enrollMachine(cloud);
    const agent = await start(stateDir);
    await eventually('three acknowledged beats', () => agent.status().acknowledgedBeats >= 3);
    await eventually('committed measurements', () => cloud.rows.length >= 6);
    const { serial } = factsOf((await credentialsIn(stateDir)).current());
    expect(kinds()).toEqual(['hello 1']);
    const [first, second, third] = cloud.heartbeats;
    expect(first).toMatchObject({
      seq: 1,
      session_epoch: 1,
      certificate_serial: serial,
      firmware_version: '2.1.0',
      facts: { simulated: true },
      status: 'online',
    });
    expect([second?.seq, third?.seq, third?.facts]).toEqual([2, 3, undefined]);
    expect(first?.metrics?.cpu_percent).toBeGreaterThanOrEqual(0);
    await eventually('an outbox without backlog', () => agent.status().outbox.records <= 4);
    expect(doubledRows()).toBe(0);
  });

  it('ends with a goodbye within three seconds, and with no will', async () => {
    const agent = await start(await enrollMachine(cloud));
    await eventually('a beat', () => agent.status().acknowledgedBeats > 0);
    const begun = performance.now();
    await agent.stop('restart');
    expect(performance.now() - begun).toBeLessThan(3000);
    await eventually('the goodbye', () => kinds().includes('goodbye 1'));
    expect(cloud.presence.at(-1)).toMatchObject({ kind: 'goodbye', reason: 'restart' });
    expect(kinds()).not.toContain('lost 1');
  });

  it('stops within three seconds while the broker is away', async () => {
    await cloud.stopBroker();
    const agent = await start(await enrollMachine(cloud));
    await eventually('a measurement on disk', () => agent.status().outbox.records > 0);
    const begun = performance.now();
    await agent.stop();
    expect(performance.now() - begun).toBeLessThan(3000);
  });

  it('comes back after a restart of the broker with a higher epoch, and doubles nothing', async () => {
    const agent = await start(await enrollMachine(cloud));
    await eventually('measurements', () => cloud.rows.length > 0);
    cloud.behaviour.acksMetrics = false;
    const sent = cloud.batches.length;
    await eventually('a batch that is not acknowledged', () => cloud.batches.length > sent);
    await cloud.stopBroker();
    await eventually('the agent without a session', () => !agent.status().isConnected);
    const held = agent.status().outbox.records;
    await eventually('measurements kept while offline', () => agent.status().outbox.records > held);
    cloud.behaviour.acksMetrics = true;
    await cloud.startBroker();
    await eventually('a second session', () => kinds().some((kind) => /^hello [2-9]/.test(kind)));
    await eventually('an outbox without backlog', () => agent.status().outbox.records <= 4);
    expect(doubledRows()).toBe(0);
    expect(agent.status().outbox.dropped).toBe(0);
  });

  it('starts a new numbering when the server comes back from an old backup', async () => {
    const agent = await start(await enrollMachine(cloud));
    await eventually('some batches', () => cloud.batches.some(({ seq }) => seq >= 3));
    cloud.cursors.clear();
    await eventually(
      'a second numbering',
      () => new Set(cloud.batches.map(({ bootId }) => bootId)).size === 2,
    );
    await eventually('an outbox without backlog', () => agent.status().outbox.records <= 4);
    expect(cloud.batches.at(-1)?.bootId).not.toBe(cloud.batches[0]?.bootId);
  });

  it('takes the session back from a second client with its keys, and the old will carries the old epoch', async () => {
    const stateDir = await enrollMachine(cloud);
    const agent = await start(stateDir);
    await eventually('a beat', () => agent.status().acknowledgedBeats > 0);
    const pair = (await credentialsIn(stateDir)).current();
    const rival = await connectRaw({
      host: '127.0.0.1',
      port: cloud.mqttPort,
      servername: 'localhost',
      ca: cloud.caPem,
      key: pair.private_key,
      cert: pair.certificate_chain,
    });
    expect(await rival.connect({ clientId: agent.identity.client_id })).toBe(0);
    await rival.closed();
    await eventually('the agent’s next hello', () => kinds().includes('hello 2'));
    const lost = cloud.presence
      .filter(({ kind }) => kind === 'lost')
      .map(({ session_epoch }) => session_epoch);
    expect(lost.every((epoch) => epoch < 2)).toBe(true);
  });

  it('leaves its last will when it is killed', async () => {
    const stateDir = await enrollMachine(cloud);
    const main = join(import.meta.dirname, '../../../agent/main.ts');
    const child = spawn(process.execPath, [main, 'run', '--state-dir', stateDir], { stdio: 'ignore' });
    const ended = once(child, 'exit');
    await eventually('hello', () => kinds().includes('hello 1'), 20_000);
    child.kill('SIGKILL');
    await ended;
    await eventually('the will', () => kinds().includes('lost 1'));
    const again = await start(stateDir);
    await eventually('a second session', () => again.status().epoch === 2);
  });

  it('is refused when another agent runs on the same state folder', async () => {
    const stateDir = await enrollMachine(cloud);
    await start(stateDir);
    await expect(startQuickAgent(stateDir)).rejects.toThrow(/another agent/);
  });
});

describe('the HTTPS fallback', () => {
  it('beats with its JWT while MQTT is away, and gets a new one by certificate when that has ended', async () => {
    const stateDir = await enrollMachine(cloud);
    await cloud.stopBroker();
    const agent = await start(stateDir, { fallbackAfterMs: 200 });
    await eventually('a beat over HTTPS', () => cloud.httpsHeartbeats.length >= 1);
    expect(cloud.httpsHeartbeats[0]).toMatchObject({ firmware_version: '2.1.0', facts: { simulated: true } });
    expect(cloud.httpsHeartbeats[0]?.session_epoch).toBeUndefined();
    expect(cloud.tokensIssued.count).toBe(0);
    await agent.stop();

    const tokens = await openTokens(await openStateFolder(stateDir), () => new Date());
    await tokens.save('jwt-0', new Date(Date.now() - 1000).toISOString());
    const before = cloud.httpsHeartbeats.length;
    await start(stateDir, { fallbackAfterMs: 200 });
    await eventually('a beat with a new token', () => cloud.httpsHeartbeats.length > before);
    expect(cloud.tokensIssued.count).toBe(1);
  });
});

describe('renewal', () => {
  const DAY_MS = 86_400_000;

  it('asks at two thirds of the life, moves to the new certificate and forgets the old one', async () => {
    const stateDir = await enrollMachine(cloud);
    const old = factsOf((await credentialsIn(stateDir)).current()).serial;
    let skewMs = 0;
    const agent = await start(stateDir, { now: () => new Date(Date.now() + skewMs) });
    await eventually('a beat', () => agent.status().acknowledgedBeats > 0);
    skewMs = 45 * DAY_MS;
    await eventually('a session with another certificate', () => agent.status().certificateSerial !== old);
    await eventually('an acknowledged beat over it', () =>
      cloud.heartbeats.some(({ certificate_serial, seq }) => certificate_serial !== old && seq === 2),
    );
    const credentials = await credentialsIn(stateDir);
    expect(credentials.next()).toBeNull();
    expect(factsOf(credentials.current()).serial).toBe(agent.status().certificateSerial);
    expect(kinds()).toEqual(['hello 1', 'hello 2']);
  });

  it('keeps both pairs until the control plane has acknowledged a beat over the new one', async () => {
    const stateDir = await enrollMachine(cloud);
    const old = factsOf((await credentialsIn(stateDir)).current()).serial;
    cloud.behaviour.acksHeartbeats = false;
    const agent = await start(stateDir, { now: () => new Date(Date.now() + 45 * DAY_MS) });
    await eventually('a session with another certificate', () => agent.status().certificateSerial !== old);
    await eventually('a beat over it', () => cloud.heartbeats.at(-1)?.certificate_serial !== old);
    expect(factsOf((await credentialsIn(stateDir)).current()).serial).toBe(old);
    expect((await credentialsIn(stateDir)).next()).not.toBeNull();
  });

  it('goes on with the old certificate when the new one does not work, and gives it up after three tries', async () => {
    const stateDir = await enrollMachine(cloud);
    const old = factsOf((await credentialsIn(stateDir)).current()).serial;
    cloud.behaviour.spoilsRenewals = true;
    let skewMs = 45 * DAY_MS;
    const lines: string[] = [];
    await start(stateDir, { now: () => new Date(Date.now() + skewMs), log: silentLog(lines) });
    const failures = () =>
      lines.filter((line) => line.includes('connect failed') && line.includes('"next"')).length;
    const returned = () => cloud.presence.filter(({ kind }) => kind === 'hello').length;
    for (let round = 1; round <= 3; round += 1) {
      await eventually(`failure ${round}`, () => failures() === round, 20_000);
      await eventually(`return ${round} to the old certificate`, () => returned() === round + 1, 20_000);
      expect(cloud.heartbeats.at(-1)?.certificate_serial).toBe(old);
      skewMs += RENEWAL_RETRY_MS + 1000;
    }
    await eventually('the new pair given up', () => lines.some((line) => line.includes('given up')));
    const stored: unknown = JSON.parse(await readFile(join(stateDir, 'credentials.json'), 'utf8'));
    expect(factsOf((await credentialsIn(stateDir)).current()).serial).toBe(old);
    expect(JSON.stringify(stored)).not.toContain('"certificate_chain": null');
  });
});

describe('enrolment over the wire', () => {
  it('survives a lost reply', async () => {
    cloud.behaviour.losesReply = true;
    await enrollMachine(cloud);
    expect(cloud.registrations).toHaveLength(2);
    expect(cloud.registrations[0]).toEqual(cloud.registrations[1]);
  });
});
