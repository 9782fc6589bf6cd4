/** `npm start` from the user's side: one process tree, started, hurt, stopped and started again. */
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Type } from 'typebox';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { decodeValue } from '#contract';
import { processIdentity } from '../../control-plane/supervisor/process-identity.ts';
import { readRunFile } from '../../control-plane/supervisor/run-file.ts';
import {
  listDevices,
  type ReadyFacts,
  type SignedIn,
  type StartedProduct,
  signIn,
  startProduct,
} from '../support/started-product.ts';

const ANY_PORTS = ['--http-port', '0', '--https-port', '0', '--mqtt-port', '0'];
const START_MS = 120_000;
const BACK_MS = 60_000;
/** A few seconds on a machine that does nothing else; the rest is for one that is busy with other tests. */
const SECOND_START_LIMIT_S = 60;

let folder: string;
const products: StartedProduct[] = [];

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'edge-start-'));
});
afterAll(async () => {
  for (const product of products) product.process.kill('SIGTERM');
  await Promise.all(products.map(({ ended }) => ended));
  rmSync(folder, { recursive: true, force: true });
});

function start(args: readonly string[], env: NodeJS.ProcessEnv = {}): StartedProduct {
  const product = startProduct(args, { env });
  products.push(product);
  return product;
}

const WithEpoch = Type.Object({ session_epoch: Type.Integer() });
const dataDir = (): string => join(folder, 'data');
const startWhole = (env: NodeJS.ProcessEnv = {}) => start(['--data-dir', dataDir(), ...ANY_PORTS], env);
const processes = (): Record<string, number> => readRunFile(dataDir())?.processes ?? {};

describe('npm start', () => {
  let product: StartedProduct;
  let facts: ReadyFacts;
  let session: SignedIn;
  let deviceId: string;
  let pids: Record<string, number>;

  /** Of the own device's session, as the control plane has it. */
  async function sessionEpoch(): Promise<number> {
    const decoded = decodeValue(WithEpoch, await session.get(`/api/v1/admin/edge/devices/${deviceId}`));
    if (!decoded.ok) throw new Error(decoded.reason);
    return decoded.value.session_epoch;
  }

  const readyEvents = (name: string): number[] =>
    product.lines
      .map((line) => JSON.parse(line))
      .filter((line) => line.event === 'process.ready' && line.process === name)
      .map(({ pid }) => pid);

  it('comes up with this machine’s own device online', async () => {
    product = startWhole();
    facts = await product.ready(START_MS);
    if (facts.adminPassword === null) throw new Error('the first start shows no password');
    session = await signIn(facts.http, facts.adminEmail, facts.adminPassword);
    const devices = await listDevices(session);
    expect(devices).toMatchObject([{ status: 'online' }]);
    deviceId = devices[0]?.id ?? '';
  });

  it('prints JSON lines only, each with time, level and event', () => {
    for (const line of product.lines) {
      expect(JSON.parse(line)).toMatchObject({
        time: expect.stringMatching(/^\d{4}-.*Z$/),
        level: expect.stringMatching(/^(debug|info|warn|error)$/),
        event: expect.any(String),
      });
    }
    const steps = product.lines.map((line) => JSON.parse(line)).filter(({ event }) => event === 'progress');
    expect(steps.map(({ step }) => step)).toEqual([
      'certificates',
      'database',
      'migrations',
      'broker',
      'console',
      'agent package',
      'control plane',
      'web',
      'own agent',
      'first heartbeat',
    ]);
  });

  it('keeps its folder to itself and the password out of it', () => {
    expect(statSync(dataDir()).mode & 0o066).toBe(0);
    expect(statSync(join(dataDir(), 'run.json')).mode & 0o777).toBe(0o600);
    expect(() => statSync(join(dataDir(), 'one-time-password'))).toThrow(/ENOENT/);
    expect(readFileSync(join(dataDir(), 'logs/supervisor.log'), 'utf8')).not.toContain(facts.adminPassword);
  });

  it('answers on both web listeners', async () => {
    for (const path of ['/healthz', '/readyz', '/', '/install_edge_agent.sh']) {
      expect(`${path} ${(await fetch(facts.http + path)).status}`).toBe(`${path} 200`);
    }
    expect(new URL(facts.https).port).toBe(String(readRunFile(dataDir())?.ports.https));
  });

  it.each(['broker', 'control-plane', 'web', 'agent', 'postgres'])(
    'brings a killed %s back',
    async (name) => {
      const epochBefore = await sessionEpoch();
      const before = processes();
      const killed = before[name] ?? 0;
      expect(processIdentity(killed)).not.toBeNull();
      const killedAt = Date.now();
      process.kill(killed, 'SIGKILL');
      await vi.waitFor(() => {
        const pid = processes()[name];
        expect(pid).toBeDefined();
        expect(pid).not.toBe(killed);
        expect(processIdentity(pid ?? 0)).not.toBeNull();
      }, BACK_MS);
      await vi.waitFor(
        async () => {
          expect((await fetch(`${facts.http}/readyz`)).status).toBe(200);
          const [device] = await listDevices(session);
          expect(device).toMatchObject({ id: deviceId, status: 'online' });
          // Online could be what was there before: the parts say ready anew, and a cut device opens a new session.
          if (name !== 'postgres') expect(readyEvents(name)).toContain(processes()[name]);
          if (name === 'broker' || name === 'agent')
            expect(await sessionEpoch()).toBeGreaterThan(epochBefore);
        },
        { timeout: BACK_MS, interval: 250 },
      );
      expect(Date.now() - killedAt).toBeLessThan(BACK_MS);
      const others = Object.entries(before).filter(([other]) => other !== name);
      expect(processes()).toMatchObject(Object.fromEntries(others));
    },
  );

  it('refuses a second instance on the same folder', async () => {
    const second = startWhole();
    expect(await second.ended).toBe(1);
    expect(second.stderr()).toMatch(
      /Another instance \(process \d+\) runs on the data folder .* start with another --data-dir/,
    );
    expect((await fetch(`${facts.http}/healthz`)).status).toBe(200);
  });

  it('stops everything on SIGINT, twice the same one as npm passes it on, and exits with 0', async () => {
    pids = processes();
    expect(Object.keys(pids).sort()).toEqual(['agent', 'broker', 'control-plane', 'postgres', 'web']);
    product.process.kill('SIGINT');
    product.process.kill('SIGINT');
    expect(await product.ended).toBe(0);
    expect(product.stderr()).toBe('');
    for (const pid of Object.values(pids)) expect(processIdentity(pid)).toBeNull();
    expect(readRunFile(dataDir())).toMatchObject({ pid: 0, processes: {} });
  });

  it('goes on with all data at the second start, on the same ports, and quickly', async () => {
    const again = startWhole();
    const factsAgain = await again.ready(START_MS);
    expect(factsAgain).toMatchObject({
      http: facts.http,
      https: facts.https,
      mqtt: facts.mqtt,
      adminPassword: null,
    });
    expect(factsAgain.seconds).toBeLessThan(SECOND_START_LIMIT_S);
    expect(await listDevices(session)).toMatchObject([{ id: deviceId, status: 'online' }]);
    product = again;
  });

  it('starts again after a kill -9 of the supervisor, whose processes end by themselves', async () => {
    pids = processes();
    product.process.kill('SIGKILL');
    await product.ended;
    const third = startWhole();
    await third.ready(START_MS);
    for (const pid of Object.values(pids)) expect(processIdentity(pid)).toBeNull();
    expect(await listDevices(session)).toMatchObject([{ id: deviceId, status: 'online' }]);
    third.process.kill('SIGTERM');
    expect(await third.ended).toBe(0);
  });
});

describe('npm start that cannot', () => {
  it('names the port in use and another to take', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    const address = server.address();
    const port = typeof address === 'object' ? address?.port : 0;
    const product = start(['--data-dir', join(folder, 'other'), ...ANY_PORTS, '--http-port', String(port)]);
    expect(await product.ended).toBe(1);
    expect(product.stderr()).toMatch(
      new RegExp(`^Port ${port} on 127.0.0.1 is in use .* start with --http-port \\d+\\.\n$`),
    );
    server.close();
  });

  it('says so when a file is in the place of the data folder', async () => {
    writeFileSync(join(folder, 'file'), '');
    const product = start(['--data-dir', join(folder, 'file')]);
    expect(await product.ended).toBe(1);
    expect(product.stderr()).toMatch(/^The data folder .* is a file\. Move it away.*\n$/);
  });

  it('says so when the setting is wrong, with exit code 2', async () => {
    const product = start(['--http-port', '99999']);
    expect(await product.ended).toBe(2);
    expect(product.stderr()).toMatch(/^--http-port: .*\n$/);
  });

  it('says so when the database does not answer', async () => {
    const product = start(['--data-dir', join(folder, 'no-database'), ...ANY_PORTS], {
      DATABASE_URL: 'postgres://nobody:nothing@127.0.0.1:1/none',
    });
    expect(await product.ended).toBe(1);
    expect(product.stderr()).toMatch(/^The database .*DATABASE_URL.*\n$/);
  });
});
