/** Suspension, resumption and deletion with a grace, as people, devices and brokers meet them. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Database } from '#db';
import { deleteDueOrganizations } from '../../../../control-plane/jobs/organization-deletion.ts';
import { newCertificate } from '../../db/world.ts';
import { auditOf, type Installation, startInstallation, until } from './installation.ts';
import { type Somebody, somebody } from './people.ts';

const DAY_MS = 86_400_000;

let installation: Installation;
let notices: unknown[];
let listening: Awaited<ReturnType<Database['listen']>>;

beforeAll(async () => {
  installation = await startInstallation();
  notices = [];
  listening = await installation.database.listen('edge_revocations', {
    onMessage: (payload) => void notices.push(payload),
    onResync: () => undefined,
  });
});
afterAll(async () => {
  await listening.stop();
  await installation.stop();
});

const destroyKeys = (orgId: string) => installation.encryption.destroyKeys(orgId);

async function newOrg(): Promise<{
  id: string;
  slug: string;
  name: string;
  admin: Somebody;
  deviceId: string;
}> {
  const { database } = installation;
  const slug = `org-${randomUUID().slice(0, 8)}`;
  const org = await database.organizations.create({ slug, name: `The ${slug}` });
  const device = await database.devices.create(org.id, {
    name: 'd',
    type: 'gateway',
    hardwareId: randomUUID(),
  });
  return {
    id: org.id,
    slug,
    name: org.name,
    admin: await somebody(installation, { org, role: 'org_admin' }),
    deviceId: device.id,
  };
}

describe('a suspended organisation', () => {
  it('refuses its people everything but to see that it is suspended', async () => {
    const { controlPlane, systemAdmin } = installation;
    const org = await newOrg();
    const view = await controlPlane.people.suspendOrganization(systemAdmin, org.id, { reason: 'unpaid' });
    expect(view).toMatchObject({ state: 'suspended', suspension_reason: 'unpaid', delete_after: null });

    const admin = await org.admin.asks();
    const code = 'organization.suspended';
    await expect(controlPlane.access.getOrganization(admin, org.id)).rejects.toMatchObject({ code });
    await expect(controlPlane.fleet.get(admin, org.deviceId)).rejects.toMatchObject({ code });
    await expect(controlPlane.fleet.list(admin, { org_id: org.id })).rejects.toMatchObject({ code });
    await expect(controlPlane.people.updateSecurity(admin, org.id, SECURITY)).rejects.toMatchObject({ code });
    expect((await controlPlane.fleet.list(admin, {})).items).toEqual([]);
    expect((await controlPlane.access.listOrganizations(admin, {})).items).toMatchObject([
      { id: org.id, state: 'suspended', suspension_reason: 'unpaid' },
    ]);
    const me = await controlPlane.access.me(admin);
    expect(me.memberships).toMatchObject([{ barred_by: code, actions: [] }]);
  });

  it('is told to brokers by its slug, and its end by a new list', async () => {
    const { controlPlane, systemAdmin } = installation;
    const org = await newOrg();
    await controlPlane.people.suspendOrganization(systemAdmin, org.id, { reason: 'x' });
    await controlPlane.people.suspendOrganization(systemAdmin, org.id, { reason: 'still x' });
    await controlPlane.people.resumeOrganization(systemAdmin, org.id);
    await until(() => notices.length >= 2 && isRefresh(notices.at(-1)), 'the word to brokers');
    expect(notices.slice(-2)).toEqual([
      { serials: [], suspended_orgs: [org.slug] },
      { serials: [], refresh: true },
    ]);
    expect(await installation.database.organizations.suspendedSlugs()).not.toContain(org.slug);
  });

  it('has its devices refused over HTTPS, and let in again when it is resumed', async () => {
    const { controlPlane, systemAdmin, database } = installation;
    const org = await newOrg();
    const certificate = newCertificate(
      { orgId: org.id, deviceId: org.deviceId },
      {
        state: 'active',
        notBefore: new Date(Date.now() - DAY_MS),
        notAfter: new Date(Date.now() + DAY_MS),
      },
    );
    await database.certificates.add(certificate);
    const authenticate = () =>
      controlPlane.device.authenticateCertificate(certificate.serial, certificate.fingerprintSha256, {
        ipAddress: '192.0.2.9',
        userAgent: null,
        requestId: 'r',
      });
    expect((await authenticate()).deviceId).toBe(org.deviceId);
    await controlPlane.people.suspendOrganization(systemAdmin, org.id, { reason: 'x' });
    await expect(authenticate()).rejects.toMatchObject({ code: 'organization.suspended' });
    await controlPlane.people.resumeOrganization(systemAdmin, org.id);
    expect((await authenticate()).deviceId).toBe(org.deviceId);
    expect((await controlPlane.fleet.list(await org.admin.asks(), {})).total).toBe(1);
  });

  it('is suspended, resumed and deleted by system admins alone, each act leaving one row', async () => {
    const { controlPlane, systemAdmin, globexAdmin, database } = installation;
    const org = await newOrg();
    const admin = await org.admin.asks();
    const { people } = controlPlane;
    for (const [person, code] of [
      [admin, 'auth.forbidden'],
      [globexAdmin, 'organization.not_found'],
    ] as const) {
      await expect(people.suspendOrganization(person, org.id, { reason: 'x' })).rejects.toMatchObject({
        code,
      });
      await expect(people.resumeOrganization(person, org.id)).rejects.toMatchObject({ code });
      await expect(people.deleteOrganization(person, org.id, { confirm: org.name })).rejects.toMatchObject({
        code,
      });
    }
    await expect(people.resumeOrganization(systemAdmin, org.id)).rejects.toMatchObject({
      code: 'organization.not_suspended',
    });
    const rows = await auditOf(database, { object: `organization:${org.id}` });
    expect(rows.map(({ action, outcome }) => `${action} ${outcome}`)).toEqual([
      'organization.resume refused',
      ...['delete', 'resume', 'suspend', 'delete', 'resume', 'suspend'].map(
        (act) => `organization.${act} refused`,
      ),
    ]);
  });
});

describe('a deleted organisation', () => {
  it('asks its name, keeps everything for 30 days, and can be taken back until then', async () => {
    const { controlPlane, systemAdmin, clock, database } = installation;
    const org = await newOrg();
    const { people } = controlPlane;
    await expect(
      people.deleteOrganization(systemAdmin, org.id, { confirm: 'another' }),
    ).rejects.toMatchObject({
      code: 'organization.name_mismatch',
    });
    const view = await people.deleteOrganization(systemAdmin, org.id, { confirm: org.name });
    expect(view.state).toBe('deleting');
    const days = (Date.parse(view.delete_after ?? '') - Date.now()) / DAY_MS;
    expect(days).toBeGreaterThan(29.9);
    expect(days).toBeLessThanOrEqual(30);
    clock.aheadMs = 29 * DAY_MS;
    const now = () => new Date(Date.now() + clock.aheadMs);
    expect(await deleteDueOrganizations(database, now, destroyKeys)).toEqual([]);
    expect(await people.resumeOrganization(systemAdmin, org.id)).toMatchObject({
      state: 'active',
      delete_after: null,
    });
    clock.aheadMs = 0;
  });

  it('is gone with all that was its own when the grace is over; certificates stay revoked, audit stays', async () => {
    const { controlPlane, systemAdmin, clock, database, globex } = installation;
    const org = await newOrg();
    const other = await database.devices.create(globex.id, {
      name: randomUUID(),
      type: 'gateway',
      hardwareId: randomUUID(),
    });
    const certificate = newCertificate(
      { orgId: org.id, deviceId: org.deviceId },
      {
        state: 'active',
        notAfter: new Date(Date.now() + 60 * DAY_MS),
      },
    );
    await database.certificates.add(certificate);
    const group = await database.groups.create(org.id, { name: 'line 1', description: null });
    await database.groups.addDevices(org.id, group?.id ?? '', [org.deviceId]);
    await database.telemetry.insertMetrics([metricOf(org), metricOf({ id: globex.id, deviceId: other.id })]);
    await controlPlane.people.deleteOrganization(systemAdmin, org.id, { confirm: org.name });
    clock.aheadMs = 31 * DAY_MS;
    const now = () => new Date(Date.now() + clock.aheadMs);
    await expect(controlPlane.people.resumeOrganization(systemAdmin, org.id)).rejects.toMatchObject({
      code: 'organization.deletion_due',
    });
    expect(await deleteDueOrganizations(database, now, destroyKeys)).toEqual([org.name]);
    expect(await deleteDueOrganizations(database, now, destroyKeys)).toEqual([]);
    clock.aheadMs = 0;

    expect(await database.organizations.find(org.id)).toBeNull();
    expect(await database.devices.find(null, org.deviceId)).toBeNull();
    expect(await database.series.recent(org.id, org.deviceId, 10)).toEqual([]);
    expect(await database.devices.find(globex.id, other.id)).not.toBeNull();
    expect(await database.series.recent(globex.id, other.id, 10)).toHaveLength(1);
    const revoked = await database.certificates.revoked(new Date());
    expect(revoked.map(({ serial }) => serial)).toContain(certificate.serial);
    const rows = await auditOf(database, { object: `organization:${org.id}` });
    expect(rows.map(({ action, outcome }) => `${action} ${outcome}`)).toEqual([
      'organization.purge success',
      'organization.resume refused',
      'organization.delete success',
    ]);
    expect((await org.admin.asks()).roles.size).toBe(0);
  });

  it('leaves nothing readable of what was sealed for it, also where the rest of its deletion breaks off', async () => {
    const { controlPlane, systemAdmin, clock, database, globex, encryption } = installation;
    const { secretBox } = encryption;
    const org = await newOrg();
    const context = { object: `secret:${randomUUID()}`, version: 1 };
    const sealed = await secretBox.seal({ orgId: org.id }, context, Buffer.from('gone'));
    const kept = await secretBox.seal({ orgId: globex.id }, context, Buffer.from('kept'));
    expect(Buffer.from(await secretBox.open({ orgId: org.id }, context, sealed)).toString()).toBe('gone');
    await controlPlane.people.deleteOrganization(systemAdmin, org.id, { confirm: org.name });
    clock.aheadMs = 31 * DAY_MS;
    const now = () => new Date(Date.now() + clock.aheadMs);
    const organizations = {
      ...database.organizations,
      deleteDevices: () => Promise.reject(new Error('the disk is gone')),
    };
    await expect(
      deleteDueOrganizations(
        { organizations, transaction: (work) => database.transaction(work) },
        now,
        destroyKeys,
      ),
    ).rejects.toThrow('the disk is gone');
    expect(await database.organizations.find(org.id)).not.toBeNull();
    await expect(secretBox.open({ orgId: org.id }, context, sealed)).rejects.toMatchObject({
      code: 'encryption.destroyed',
    });
    expect(await deleteDueOrganizations(database, now, destroyKeys)).toEqual([org.name]);
    clock.aheadMs = 0;
    await expect(secretBox.open({ orgId: org.id }, context, sealed)).rejects.toMatchObject({
      code: 'encryption.unreadable',
    });
    expect(Buffer.from(await secretBox.open({ orgId: globex.id }, context, kept)).toString()).toBe('kept');
  });
});

const SECURITY = {
  version: 0,
  require_totp: false,
  session_idle_minutes: null,
  allowed_networks: [],
  enrollment_approval: 'never' as const,
  max_api_key_days: null,
};

const isRefresh = (notice: unknown): boolean =>
  typeof notice === 'object' && notice !== null && 'refresh' in notice;

const metricOf = ({ id, deviceId }: { id: string; deviceId: string }) => ({
  deviceId,
  orgId: id,
  atMs: Date.now(),
  receivedAtMs: Date.now(),
  metricType: 'cpu',
  value: { percent: 1 },
  labels: null,
  metadata: null,
});
