/** Many agents in one process: real enrolment, real links, goodbyes, and the same identities after a restart. */
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type Fleet, startFleet } from '../../../agent/fleet/start-fleet.ts';
import { eventually } from '../../support/broker.ts';
import { silentLog } from '../../unit/agent/silent-log.ts';
import { type ContractCloud, startContractCloud } from './contract-cloud.ts';

const DEVICES = 20;

let cloud: ContractCloud;
let fleet: Fleet | null;
beforeEach(async () => {
  cloud = await startContractCloud();
  fleet = null;
});
afterEach(async () => {
  await fleet?.stop();
  await cloud[Symbol.asyncDispose]();
});

const start = (): Promise<Fleet> =>
  startFleet({
    devices: DEVICES,
    token: cloud.token,
    cloudUrl: cloud.url,
    caPem: cloud.caPem,
    stateDir: join(cloud.dir, 'fleet'),
    heartbeatSeconds: 1,
    namePrefix: 'sim',
    log: silentLog(),
    spreadMs: 200,
  });

it('brings every device online, says goodbye for each, and comes back as the same devices', async () => {
  fleet = await start();
  const devicesOf = (kind: string) =>
    new Set(cloud.presence.filter((message) => message.kind === kind).map(({ device }) => device));
  await eventually('all online', () => devicesOf('hello').size === DEVICES, 30_000);
  await eventually('a beat and measurements of each', () =>
    [
      new Set(cloud.heartbeats.map(({ device }) => device)),
      new Set(cloud.rows.map(({ device }) => device)),
    ].every((seen) => seen.size === DEVICES),
  );
  await fleet.stop();
  await eventually('all goodbyes', () => devicesOf('goodbye').size === DEVICES);
  expect(devicesOf('lost').size).toBe(0);
  expect(cloud.registrations.map(({ device_name }) => device_name)).toContain('sim-0020');

  const registered = cloud.registrations.length;
  fleet = await start();
  await fleet.started;
  await eventually(
    'all online again',
    () => fleet?.agents.every((agent) => agent.status().isConnected) === true,
  );
  expect(cloud.registrations).toHaveLength(registered);
  expect(devicesOf('hello').size).toBe(DEVICES);
});
