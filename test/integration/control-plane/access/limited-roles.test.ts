/** Roles limited to device groups: over random groups and roles, nothing ever shows a device outside. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Person } from '#control-plane';
import type { DeviceGroup } from '#db';
import { ROLES } from '#web-api';
import { seededRandom } from '../../../support/seeded-random.ts';
import { auditOf, type Installation, startInstallation } from './installation.ts';
import { somebody } from './people.ts';

const DEVICES = 12;
const GROUPS = 4;
const WORLDS = 12;
/** Two lists, dead letters, refusals, lines, series, two exports, and the organisation's export with telemetry. */
const ANSWERS_NAMING_A_DEVICE = 9;

let installation: Installation;
beforeAll(async () => {
  installation = await startInstallation();
});
afterAll(() => installation.stop());

async function groupOf(orgId: string): Promise<DeviceGroup> {
  const group = await installation.database.groups.create(orgId, { name: randomUUID(), description: null });
  if (group === null) throw new Error('no group was made');
  return group;
}
const newDevice = (orgId: string) =>
  installation.database.devices.create(orgId, {
    name: randomUUID(),
    type: 'gateway',
    hardwareId: randomUUID(),
  });

/** A line, a measurement, a beat, a refusal and a dead letter of the device, each naming it. */
async function speak(org: { id: string; slug: string }, deviceId: string): Promise<void> {
  const { database } = installation;
  const at = new Date();
  await database.telemetry.insertMetrics([
    {
      deviceId,
      orgId: org.id,
      atMs: at.getTime(),
      receivedAtMs: at.getTime(),
      metricType: 'cpu',
      value: { percent: 1 },
      labels: null,
      metadata: null,
    },
  ]);
  await database.telemetry.insertLogs([
    {
      deviceId,
      orgId: org.id,
      atMs: at.getTime(),
      receivedAtMs: at.getTime(),
      level: 'error',
      service: 'a',
      message: `I am ${deviceId}`,
      metadata: null,
    },
  ]);
  await database.refusals.append(
    { refusals: [{ org: org.slug, device: deviceId, reason: 'publish.topic', detail: 'edge/v1', count: 1 }] },
    at,
  );
  await database.telemetry.deadLetter([
    {
      orgSlug: org.slug,
      device: deviceId,
      channel: 'metrics',
      topic: 'edge/v1',
      reason: 'bad',
      sample: Buffer.from('{'),
      receivedAt: at,
    },
  ]);
}

/** Every question that could be answered with devices. Those that a role does not allow are refused. */
async function answersOf(person: Person, orgId: string): Promise<string> {
  const { fleet, telemetry, people, enrollment, access, audit } = installation.controlPlane;
  const org = { org_id: orgId };
  const exported = async (rows: Promise<AsyncIterable<unknown>>) => {
    const all: unknown[] = [];
    for await (const row of await rows) all.push(row);
    return all;
  };
  const answers = await Promise.allSettled([
    fleet.list(person, { page_size: 500 }),
    fleet.list(person, { ...org, page_size: 500 }),
    telemetry.dashboard(person, org),
    telemetry.dashboard(person, {}),
    telemetry.deadLetters(person, { ...org, page_size: 500 }),
    fleet.listRefusals(person, { ...org, page_size: 500 }),
    telemetry.searchLogs(person, { ...org, limit: 500 }),
    telemetry.queryMetrics(person, { ...org, metric_type: 'cpu' }),
    exported(telemetry.exportMetrics(person, org)),
    exported(telemetry.exportLogs(person, org)),
    people.listGroups(person, org),
    enrollment.listTokens(person, org),
    enrollment.listIntegrators(person, org),
    access.listMembers(person, orgId, {}),
    audit.list(person, { ...org, page_size: 500 }),
    exported(people.exportOrganization(person, orgId, { include: 'telemetry' })),
  ]);
  return JSON.stringify(
    answers.map((answer) => (answer.status === 'fulfilled' ? answer.value : answer.reason.code)),
  );
}

describe('a role limited to groups', () => {
  it('sees and touches devices of these groups alone, whatever groups and role', async () => {
    const { controlPlane, database } = installation;
    const org = await database.organizations.create({ slug: 'limited', name: 'Limited' });
    const devices = await Promise.all(Array.from({ length: DEVICES }, () => newDevice(org.id)));
    const groups = await Promise.all(Array.from({ length: GROUPS }, () => groupOf(org.id)));
    for (const { id } of devices) await speak(org, id);
    // The questions are good ones: asked without a limit, each kind of answer names every device.
    const everything = await answersOf(
      await (await somebody(installation, { org, role: 'org_admin' })).asks(),
      org.id,
    );
    for (const { id } of devices)
      expect(everything.split(id).length).toBeGreaterThan(ANSWERS_NAMING_A_DEVICE);
    const random = seededRandom(4);
    const some = <T>(items: readonly T[], share: number): T[] => items.filter(() => random() < share);

    for (let world = 0; world < WORLDS; world += 1) {
      const inside = new Set<string>();
      const own = some(groups, 0.5);
      for (const group of groups) {
        await database.groups.removeDevices(
          org.id,
          group.id,
          devices.map(({ id }) => id),
        );
        const members = some(devices, 0.3).map(({ id }) => id);
        await database.groups.addDevices(org.id, group.id, members);
        if (own.includes(group)) for (const id of members) inside.add(id);
      }
      const roles = ROLES.filter((role) => role !== 'org_admin');
      const role = roles[world % roles.length] ?? 'org_member';
      const limited = await somebody(installation, { org, role, groupIds: own.map(({ id }) => id) });
      const person = await limited.asks();

      const listed = await controlPlane.fleet.list(person, { page_size: 500 });
      expect(new Set(listed.items.map(({ id }) => id))).toEqual(inside);
      expect((await controlPlane.fleet.summary(person, {})).total).toBe(inside.size);
      const text = await answersOf(person, org.id);
      const at = new Date().toISOString();
      const filter = await controlPlane.fleet.liveFilter(person, undefined);
      for (const { id } of devices) {
        const isInside = inside.has(id);
        if (!isInside) expect(text).not.toContain(id);
        const event = { organization_id: org.id, device_id: id, at };
        expect(filter({ kind: 'device.changed', ...event }) !== null).toBe(isInside);
        const reading = controlPlane.fleet.get(person, id).then(
          () => 'found',
          (error: { code: string }) => error.code,
        );
        expect(await reading).toBe(isInside ? 'found' : 'device.not_found');
        if (isInside) continue;
        const code = 'device.not_found';
        await expect(controlPlane.fleet.update(person, id, { tags: ['x'] })).rejects.toMatchObject({ code });
        await expect(controlPlane.telemetry.deviceLogs(person, id, {})).rejects.toMatchObject({ code });
        await expect(controlPlane.telemetry.searchLogs(person, { device_ids: id })).rejects.toMatchObject({
          code,
        });
        await expect(controlPlane.telemetry.mayWatch(person, id)).rejects.toMatchObject({ code });
      }
      const seen = { kind: 'devices.seen' as const, organization_id: org.id, at };
      const passed = filter({ ...seen, device_ids: devices.map(({ id }) => id) });
      expect(new Set(passed !== null && 'device_ids' in passed ? passed.device_ids : [])).toEqual(inside);
    }
  });

  it('leaves no trace in the log of the organisation for a device outside, as for one that nobody has', async () => {
    const { controlPlane, database, acme } = installation;
    const device = await newDevice(acme.id);
    const group = await groupOf(acme.id);
    const person = await (
      await somebody(installation, { org: acme, role: 'operator', groupIds: [group.id] })
    ).asks();
    for (const id of [device.id, randomUUID()]) {
      await expect(controlPlane.fleet.update(person, id, {})).rejects.toMatchObject({
        code: 'device.not_found',
      });
      expect(await auditOf(database, { object: `device:${id}` })).toMatchObject([
        { orgId: null, outcome: 'refused' },
      ]);
    }
  });

  it('may not do what is about all devices, and keeps its limit when its last group is deleted', async () => {
    const { controlPlane, acme, acmeAdmin } = installation;
    const device = await newDevice(acme.id);
    const group = await groupOf(acme.id);
    await installation.database.groups.addDevices(acme.id, group.id, [device.id]);
    const operator = await somebody(installation, { org: acme, role: 'operator', groupIds: [group.id] });
    const person = await operator.asks();
    const code = 'auth.forbidden';
    const org = { organization_id: acme.id };
    await expect(controlPlane.enrollment.createToken(person, { ...org })).rejects.toMatchObject({ code });
    await expect(controlPlane.fleet.import(person, { ...org, devices: [] })).rejects.toMatchObject({ code });
    await expect(controlPlane.people.createGroup(person, { ...org, name: 'mine' })).rejects.toMatchObject({
      code,
    });
    expect((await controlPlane.fleet.get(person, device.id)).id).toBe(device.id);

    await controlPlane.people.deleteGroup(acmeAdmin, group.id);
    const later = await operator.asks();
    expect(later.groups.get(acme.id)).toEqual([]);
    expect((await controlPlane.fleet.list(later, {})).items).toEqual([]);
  });
});
