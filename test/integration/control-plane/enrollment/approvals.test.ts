/** Registrations that people decide on, over the real database: waiting, decisions, races. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createCsr, createKeyPair, readCertificate } from '#certs';
import type { EnrollmentApproval } from '#db';
import type { BodyOf } from '#web-api';
import {
  auditOf,
  HOUR_MS,
  type Installation,
  originOf,
  startInstallation,
  until,
} from '../access/installation.ts';

let installation: Installation;
beforeAll(async () => {
  installation = await startInstallation();
});
afterAll(() => installation?.stop());
afterEach(async () => {
  installation.clock.aheadMs = 0;
  await approvalMode('never');
});

let requests = 0;
const freshOrigin = () => originOf(`198.51.100.${++requests % 256}`);
const newCsr = () => createCsr(createKeyPair().privateKeyPem);

async function approvalMode(enrollmentApproval: EnrollmentApproval, org = installation.acme) {
  const { organizationSecurity } = installation.database;
  const { version, updatedAt: _at, ...before } = await organizationSecurity.get(org.id);
  await organizationSecurity.replace(org.id, version, { ...before, enrollmentApproval, updatedBy: 'test' });
}
async function newToken(options: Partial<BodyOf<'tokens.create'>> = {}, org = installation.acme) {
  return installation.controlPlane.enrollment.createToken(installation.systemAdmin, {
    organization_id: org.id,
    ...options,
  });
}
const registration = (
  token: string,
  hardwareId: string,
  changes: Partial<BodyOf<'device.register'>> = {},
) => ({
  device_name: `name of ${hardwareId}`,
  device_type: 'gateway' as const,
  hardware_id: hardwareId,
  firmware_version: '2.1.0',
  registration_token: token,
  csr: newCsr(),
  ...changes,
});
const register = (body: BodyOf<'device.register'>, origin = freshOrigin()) =>
  installation.controlPlane.enrollment.register(body, origin);
const refused = (body: BodyOf<'device.register'>, code: string) =>
  expect(register(body)).rejects.toMatchObject({ code });
const waiting = async (hardwareId: string) => {
  const page = await installation.controlPlane.approvals.list(installation.acmeAdmin, {
    org_id: installation.acme.id,
    search: hardwareId,
  });
  return page.items;
};
const oneWaiting = async (hardwareId: string) => {
  const [first] = await waiting(hardwareId);
  if (first === undefined) throw new Error(`${hardwareId} does not wait`);
  return first;
};
const approve = (ids: string[], person = installation.acmeAdmin) =>
  installation.controlPlane.approvals.approve(person, {
    organization_id: installation.acme.id,
    approval_ids: ids,
  });
const reject = (ids: string[], reason = 'not ours') =>
  installation.controlPlane.approvals.reject(installation.acmeAdmin, {
    organization_id: installation.acme.id,
    approval_ids: ids,
    reason,
  });

describe('a registration that needs approval', () => {
  it('waits, is told to the console, and gets its certificate when it asks after the approval', async () => {
    const { acme, database, liveEvents } = installation;
    const token = await newToken({ requires_approval: true, tags: ['floor=2'] });
    const body = registration(token.token, 'patient');
    await expect(register(body)).rejects.toMatchObject({ code: 'enrollment.pending', retryAfterSeconds: 30 });
    await refused(body, 'enrollment.pending');
    const request = await oneWaiting('patient');
    expect(request).toMatchObject({
      state: 'waiting',
      device_name: 'name of patient',
      token_prefix: token.prefix,
      is_known_hardware: false,
      is_suspicious: false,
      device_id: null,
    });
    await until(
      () => liveEvents.some((event) => event.kind === 'approval.changed' && event.approval_id === request.id),
      'approval.changed',
    );
    // Asking again leaves no row: one for the request, whatever it asks.
    expect(await auditOf(database, { object: 'hardware:patient' })).toMatchObject([
      { action: 'enrollment.request', actor: `token:${token.prefix}`, outcome: 'success', orgId: acme.id },
    ]);
    expect((await waiting('patient')).length).toBe(1);

    const decision = await approve([request.id]);
    expect(decision).toMatchObject({ decided: 1, failed: 0, results: [{ ok: true, error: null }] });
    const approval = decision.results[0]?.approval;
    expect(approval).toMatchObject({ state: 'approved', decided_by: 'admin@acme.example' });
    expect(await database.certificates.ofDevice(acme.id, approval?.device_id ?? '')).toEqual([]);
    expect(await auditOf(database, { object: `approval:${request.id}` })).toMatchObject([
      {
        action: 'enrollment.approve',
        actor: 'person:admin@acme.example',
        outcome: 'success',
        orgId: acme.id,
      },
    ]);

    const reply = await register(body);
    expect(reply.device_id).toBe(approval?.device_id);
    expect(await database.devices.find(acme.id, reply.device_id)).toMatchObject({ tags: ['floor=2'] });
    expect((await oneWaiting('patient')).state).toBe('enrolled');
    const again = await register(body);
    expect(readCertificate(again.certificate_chain).keyThumbprint).toBe(request.key_thumbprint);
    expect(
      await installation.controlPlane.enrollment.getToken(installation.systemAdmin, token.id),
    ).toMatchObject({ uses: 1, state: 'used_up' });
  });

  it('is of another key only once: the first accepted key gets the certificate, others are shown as suspicious', async () => {
    const token = await newToken({ requires_approval: true, max_uses: 5 });
    const real = registration(token.token, 'twofold');
    const other = { ...real, csr: newCsr() };
    await refused(real, 'enrollment.pending');
    await refused(other, 'enrollment.pending');
    const rows = await waiting('twofold');
    expect(rows.map(({ is_suspicious }) => is_suspicious)).toEqual([true, true]);
    const [second, first] = rows;
    await approve([first?.id ?? '']);
    expect((await waiting('twofold')).map(({ state }) => state)).toEqual(['ended', 'approved']);
    expect(await approve([second?.id ?? ''])).toMatchObject({ results: [{ error: 'approval.decided' }] });
    await refused(other, 'enrollment.hardware_known');
    // Nor by a token that needs no approval, before the device has asked.
    const open = await newToken();
    await refused(registration(open.token, 'twofold'), 'enrollment.hardware_known');
    await register(real);
  });

  it('hears of its rejection and its reason, and may be let in later', async () => {
    const token = await newToken({ requires_approval: true });
    const body = registration(token.token, 'unwanted');
    await refused(body, 'enrollment.pending');
    const { id } = await oneWaiting('unwanted');
    expect(await reject([id], 'not in our list')).toMatchObject({ decided: 1 });
    await expect(register(body)).rejects.toMatchObject({
      code: 'enrollment.rejected',
      detail: 'not in our list',
      retryAfterSeconds: 3600,
    });
    expect(await reject([id])).toMatchObject({ decided: 1 });
    await approve([id]);
    expect(await reject([id])).toMatchObject({ results: [{ ok: false, error: 'approval.decided' }] });
    await register(body);
  });

  it('outlives its token once approved, and not otherwise', async () => {
    const { clock } = installation;
    const approved = registration((await newToken({ requires_approval: true })).token, 'in-time');
    const late = registration((await newToken({ requires_approval: true })).token, 'too-late');
    await refused(approved, 'enrollment.pending');
    await refused(late, 'enrollment.pending');
    await approve([(await oneWaiting('in-time')).id]);
    clock.aheadMs = HOUR_MS + 1000;
    expect((await oneWaiting('too-late')).state).toBe('ended');
    expect(await approve([(await oneWaiting('too-late')).id])).toMatchObject({
      results: [{ error: 'approval.token_ended' }],
    });
    await refused(late, 'enrollment.token_invalid');
    clock.aheadMs = 7 * 24 * HOUR_MS + 1000;
    await refused(approved, 'enrollment.token_invalid');
    clock.aheadMs = 6 * 24 * HOUR_MS;
    await register(approved);
  });

  it('gets nothing once its token is revoked, or its device is revoked or deleted, approved or not', async () => {
    const { controlPlane, systemAdmin, acmeAdmin } = installation;
    const make = async (hardwareId: string) => {
      const token = await newToken({ requires_approval: true });
      const body = registration(token.token, hardwareId);
      await refused(body, 'enrollment.pending');
      const { id } = await oneWaiting(hardwareId);
      return { token, body, id };
    };
    const gone = await make('token-revoked');
    await controlPlane.enrollment.revokeToken(systemAdmin, gone.token.id);
    expect(await approve([gone.id])).toMatchObject({ results: [{ error: 'approval.token_ended' }] });
    await refused(gone.body, 'enrollment.token_invalid');

    for (const how of ['revoked', 'deleted'] as const) {
      const { body, id } = await make(`device-${how}`);
      const deviceId = (await approve([id])).results[0]?.approval?.device_id ?? '';
      if (how === 'revoked') await controlPlane.fleet.revoke(acmeAdmin, deviceId, { reason: 'lost' });
      else await controlPlane.fleet.delete(acmeAdmin, deviceId);
      await refused(body, 'enrollment.token_invalid');
      expect((await oneWaiting(`device-${how}`)).state).toBe('ended');
    }
  });

  it('ends right where the hardware was enrolled by another token meanwhile', async () => {
    const token = await newToken({ requires_approval: true });
    await refused(registration(token.token, 'overtaken'), 'enrollment.pending');
    await register(registration((await newToken()).token, 'overtaken', { device_name: 'by another way' }));
    expect(await approve([(await oneWaiting('overtaken')).id])).toMatchObject({
      results: [{ error: 'enrollment.hardware_known' }],
    });
  });

  it('needs a key of its own', async () => {
    const { csr: _, ...body } = registration((await newToken({ requires_approval: true })).token, 'keyless');
    await refused(body, 'enrollment.csr_invalid');
  });

  it('is decided on once, whoever of twenty admins is first, and uses the token once', async () => {
    const { database, acme } = installation;
    const token = await newToken({ requires_approval: true, max_uses: 3 });
    const body = registration(token.token, 'contested');
    await refused(body, 'enrollment.pending');
    const { id } = await oneWaiting('contested');
    const decisions = await Promise.all(
      Array.from({ length: 20 }, (_, index) => (index % 2 === 0 ? approve([id]) : reject([id]))),
    );
    expect(decisions.some(({ decided }) => decided === 1)).toBe(true);
    const settled = await oneWaiting('contested');
    // Whatever came last among rejections and approvals: an approval is final.
    expect(settled.state).toBe('approved');
    expect((await database.tokens.find(acme.id, token.id))?.uses).toBe(1);
    await register(body);
  });

  it('is bounded per hardware', async () => {
    const token = await newToken({ requires_approval: true, max_uses: 50 });
    for (let key = 0; key < 5; key += 1)
      await refused(registration(token.token, 'many-keys'), 'enrollment.pending');
    await refused(registration(token.token, 'many-keys'), 'rate.limited');
  });

  it('does not count as a failure of its address, so that a whole fleet can wait behind one', async () => {
    const token = await newToken({ requires_approval: true, max_uses: 50 });
    const origin = originOf('203.0.113.7');
    for (let device = 0; device < 15; device += 1) {
      await expect(register(registration(token.token, `crowd-${device}`), origin)).rejects.toMatchObject({
        code: 'enrollment.pending',
      });
    }
  });
});

describe('the mode of the organisation', () => {
  it('`always` holds for every token, pre-registered hardware too', async () => {
    const { controlPlane, acmeAdmin, acme } = installation;
    await approvalMode('always');
    await controlPlane.fleet.import(acmeAdmin, {
      organization_id: acme.id,
      devices: [{ device_name: 'known always', device_type: 'gateway', hardware_id: 'known-always' }],
    });
    await refused(registration((await newToken()).token, 'known-always'), 'enrollment.pending');
    expect(await oneWaiting('known-always')).toMatchObject({ is_known_hardware: true });
  });

  it('`unknown_hardware` lets in what was registered beforehand', async () => {
    const { controlPlane, acmeAdmin, acme } = installation;
    await approvalMode('unknown_hardware');
    await controlPlane.fleet.import(acmeAdmin, {
      organization_id: acme.id,
      devices: [{ device_name: 'known before', device_type: 'gateway', hardware_id: 'known-before' }],
    });
    await register(registration((await newToken()).token, 'known-before', { device_name: 'known before' }));
    await refused(registration((await newToken()).token, 'known-never'), 'enrollment.pending');
  });
});

describe('whose decision it is', () => {
  it('hides foreign registrations like unknown ones, and forbids members to decide', async () => {
    const { controlPlane, acmeMember, globexAdmin, acme, globex, database } = installation;
    await refused(
      registration((await newToken({ requires_approval: true })).token, 'private'),
      'enrollment.pending',
    );
    const { id } = await oneWaiting('private');
    const body = { organization_id: acme.id, approval_ids: [id] };
    await expect(controlPlane.approvals.approve(acmeMember, body)).rejects.toMatchObject({
      code: 'auth.forbidden',
    });
    await expect(controlPlane.approvals.approve(globexAdmin, body)).rejects.toMatchObject({
      code: 'organization.not_found',
    });
    const foreign = await controlPlane.approvals.approve(globexAdmin, {
      organization_id: globex.id,
      approval_ids: [id],
    });
    const unknownId = '99999999-9999-4999-8999-999999999999';
    const unknown = await controlPlane.approvals.approve(globexAdmin, {
      organization_id: globex.id,
      approval_ids: [unknownId],
    });
    expect(foreign.results).toEqual(unknown.results.map((result) => ({ ...result, approval_id: id })));
    expect(await controlPlane.approvals.list(globexAdmin, { search: 'private' })).toMatchObject({ total: 0 });
    expect((await oneWaiting('private')).state).toBe('waiting');
    expect(await auditOf(database, { object: `approval:${unknownId}` })).toMatchObject([
      { outcome: 'refused', orgId: globex.id },
    ]);
  });
});

describe('what a token is limited to', () => {
  it('its networks', async () => {
    const token = await newToken({ allowed_networks: ['192.0.2.7/24', '2001:db8::/32'] });
    expect(token.allowed_networks).toEqual(['192.0.2.0/24', '2001:db8::/32']);
    const body = registration(token.token, 'elsewhere');
    await expect(register(body, originOf('198.51.100.9'))).rejects.toMatchObject({
      code: 'enrollment.network_refused',
    });
    await register(body, originOf('::ffff:192.0.2.200'));
    await expect(newToken({ allowed_networks: ['192.0.2.0/24', '192.0.2.0/40'] })).rejects.toMatchObject({
      code: 'request.invalid',
      errors: [{ path: 'allowed_networks.1' }],
    });
  });

  it('one hardware, and the groups that its device joins', async () => {
    const { controlPlane, acmeAdmin, acme, globex, database } = installation;
    const group = await database.groups.create(acme.id, { name: 'floor two', description: null });
    const foreign = await database.groups.create(globex.id, { name: 'theirs', description: null });
    const groupIds = [group?.id ?? ''];
    await expect(newToken({ group_ids: [foreign?.id ?? ''] })).rejects.toMatchObject({
      code: 'group.not_found',
    });
    const reply = await register(registration((await newToken({ group_ids: groupIds })).token, 'grouped'));
    expect(await database.groups.ofDevice(acme.id, reply.device_id)).toMatchObject([{ name: 'floor two' }]);
    const { rows } = await controlPlane.fleet.import(acmeAdmin, {
      organization_id: acme.id,
      issue: 'tokens',
      devices: [
        {
          device_name: 'bound',
          device_type: 'gateway',
          hardware_id: 'bound',
          groups: ['floor two'],
          metadata: { room: 4 },
        },
        { device_name: 'lost', device_type: 'gateway', hardware_id: 'lost', groups: ['no such'] },
      ],
    });
    expect(rows).toMatchObject([
      { outcome: 'created', claim_code: null },
      { outcome: 'failed', error: 'group.not_found', token: null },
    ]);
    const token = rows[0]?.token ?? '';
    await refused(registration(token, 'not-bound'), 'enrollment.hardware_mismatch');
    const bound = await register(registration(token, 'bound', { device_name: 'bound' }));
    expect(bound.device_id).toBe(rows[0]?.device_id);
    expect(await database.devices.find(acme.id, bound.device_id)).toMatchObject({ metadata: { room: 4 } });
  });
});
