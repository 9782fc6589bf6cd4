/** Enrolment over the real database and authority: order of checks, retries, races and limits. */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createCsr, createKeyPair, readCertificate } from '#certs';
import { decodeValue } from '#contract';
import { type BodyOf, RegisterReply } from '#web-api';
import { createLocalToken } from '../../../../control-plane/enrollment/system-token.ts';
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
afterEach(() => {
  installation.clock.aheadMs = 0;
});

let requests = 0;
/** Another address each time, so that the limit on failures is met only where it is tested. */
const freshOrigin = () => originOf(`198.51.100.${++requests % 256}`);
const newCsr = () => createCsr(createKeyPair().privateKeyPem);

async function newToken(options: Partial<BodyOf<'tokens.create'>> = {}, org = installation.acme) {
  const { controlPlane, systemAdmin } = installation;
  return controlPlane.enrollment.createToken(systemAdmin, { organization_id: org.id, ...options });
}

function claim(token: string, hardwareId: string, changes: Partial<BodyOf<'device.register'>> = {}) {
  return {
    device_name: `name of ${hardwareId}`,
    device_type: 'gateway' as const,
    hardware_id: hardwareId,
    firmware_version: '2.1.0',
    registration_token: token,
    csr: newCsr(),
    ...changes,
  };
}

const register = (body: BodyOf<'device.register'>, origin = freshOrigin()) =>
  installation.controlPlane.enrollment.register(body, origin);
const refused = (body: BodyOf<'device.register'>, code: string) =>
  expect(register(body)).rejects.toMatchObject({ code });
const withoutCsr = ({ csr: _, ...body }: ReturnType<typeof claim>) => body;
const certificatesOf = (deviceId: string, org = installation.acme) =>
  installation.database.certificates.ofDevice(org.id, deviceId);

describe('register', () => {
  it('gives a certificate that names the device, a bound JWT and the way to the broker', async () => {
    const { acme, authority, database, liveEvents } = installation;
    const token = await newToken({ tags: ['floor=2'] });
    const reply = await register(claim(token.token, 'first'));
    expect(decodeValue(RegisterReply, reply)).toMatchObject({ ok: true });
    expect(reply).toMatchObject({
      organization_id: acme.id,
      organization_slug: 'acme',
      mqtt_url: 'mqtts://edge.example:8883',
      client_id: `acme/${reply.device_id}`,
      ca_certificate: authority.rootPem,
      heartbeat_interval_seconds: 30,
    });
    expect(reply.private_key).toBeUndefined();
    const facts = readCertificate(reply.certificate_chain);
    expect(facts).toMatchObject({
      commonName: reply.client_id,
      organization: 'acme',
      unit: 'device',
      identityUris: [`urn:edge:acme:${reply.device_id}`],
    });
    expect(await certificatesOf(reply.device_id)).toMatchObject([
      { serial: facts.serial, state: 'pending', fingerprintSha256: facts.fingerprintSha256 },
    ]);
    const caller = await installation.controlPlane.device.authenticateToken(
      reply.auth_token,
      facts.fingerprintSha256,
      freshOrigin(),
    );
    expect(caller).toMatchObject({
      deviceId: reply.device_id,
      orgId: acme.id,
      certificateSerial: facts.serial,
    });

    expect(await database.devices.find(acme.id, reply.device_id)).toMatchObject({
      name: 'name of first',
      firmwareVersion: '2.1.0',
      tags: ['floor=2'],
    });
    await until(() => liveEvents.some((event) => event.kind === 'token.used'), 'token.used');
    expect(
      liveEvents.filter((event) => 'device_id' in event && event.device_id === reply.device_id),
    ).toMatchObject([
      { kind: 'device.created', organization_id: acme.id },
      { kind: 'token.used', token_id: token.id },
    ]);
    expect(await auditOf(database, { object: `device:${reply.device_id}` })).toMatchObject([
      { action: 'device.enrol', actor: `token:${token.prefix}`, outcome: 'success', orgId: acme.id },
    ]);
  });

  it('takes nothing from the request but its key', async () => {
    const reply = await register(claim((await newToken()).token, 'subject'));
    expect(new X509Certificate(reply.certificate_chain).subject).not.toContain('edge-device');
  });

  it('makes the key where no CSR is sent, and cannot do so twice for the same hardware', async () => {
    const { token } = await newToken({ max_uses: 5 });
    const body = withoutCsr(claim(token, 'keyless'));
    const reply = await register(body);
    const certificate = new X509Certificate(reply.certificate_chain);
    expect(reply.private_key).toContain('PRIVATE KEY');
    expect(certificate.checkPrivateKey(createPrivateKey(reply.private_key ?? ''))).toBe(true);
    await refused(body, 'enrollment.hardware_known');
    const single = withoutCsr(claim((await newToken()).token, 'keyless-single'));
    await register(single);
    await refused(single, 'enrollment.hardware_known');
  });
});

describe('a repeated request', () => {
  it('gets the same device with a fresh certificate for the same key, and uses the token once', async () => {
    const { controlPlane, systemAdmin } = installation;
    const token = await newToken();
    const body = claim(token.token, 'repeated');
    const first = await register(body);
    const second = await register(body);
    expect(second.device_id).toBe(first.device_id);
    const [one, two] = [first, second].map((reply) => readCertificate(reply.certificate_chain));
    expect(two?.keyThumbprint).toBe(one?.keyThumbprint);
    expect(two?.serial).not.toBe(one?.serial);
    expect(await controlPlane.enrollment.getToken(systemAdmin, token.id)).toMatchObject({
      uses: 1,
      state: 'used_up',
      last_device: { id: first.device_id },
    });
  });

  it('is refused with another key, for other hardware, and after the token ended', async () => {
    const { controlPlane, systemAdmin, clock } = installation;
    const token = await newToken();
    const body = claim(token.token, 'replayed');
    await register(body);
    await refused({ ...body, csr: newCsr() }, 'enrollment.token_invalid');
    await refused({ ...body, hardware_id: 'replayed-elsewhere' }, 'enrollment.token_invalid');
    clock.aheadMs = HOUR_MS + 1000;
    await refused(body, 'enrollment.token_invalid');
    clock.aheadMs = 0;
    await controlPlane.enrollment.revokeToken(systemAdmin, token.id);
    await refused(body, 'enrollment.token_invalid');
  });

  it('is refused once the certificates are revoked', async () => {
    const { controlPlane, acmeAdmin } = installation;
    const body = claim((await newToken()).token, 'repeated-revoked');
    const { device_id } = await register(body);
    await controlPlane.fleet.revoke(acmeAdmin, device_id, { reason: 'lost' });
    await refused(body, 'enrollment.token_invalid');
  });

  it('may not pile up unused certificates without end', async () => {
    const body = claim((await newToken()).token, 'looping');
    const { device_id } = await register(body);
    for (let attempt = 1; attempt < 10; attempt += 1) await register(body);
    await refused(body, 'rate.limited');
    expect(await certificatesOf(device_id)).toHaveLength(10);
  });
});

describe('a token', () => {
  it('is refused when it is unknown, malformed, used up, expired or revoked', async () => {
    const { controlPlane, acmeAdmin, clock, database } = installation;
    await refused(claim(`oce_AAAAAAAA_${'B'.repeat(40)}`, 'nobody'), 'enrollment.token_invalid');
    await refused(claim('letmein', 'nobody'), 'enrollment.token_invalid');
    const used = await newToken();
    await register(claim(used.token, 'user'));
    await refused(claim(used.token, 'second user'), 'enrollment.token_invalid');
    const revoked = await newToken();
    await controlPlane.enrollment.revokeToken(acmeAdmin, revoked.id);
    await refused(claim(revoked.token, 'revoked'), 'enrollment.token_invalid');
    const short = await newToken({ expires_in_seconds: 60 });
    clock.aheadMs = 59_000;
    await register(claim(short.token, 'just in time'));
    const late = await newToken({ expires_in_seconds: 60 });
    clock.aheadMs += 60_001;
    await refused(claim(late.token, 'too late'), 'enrollment.token_invalid');

    expect(await auditOf(database, { object: 'hardware:nobody' })).toMatchObject([
      { actor: 'token:unknown', orgId: null, outcome: 'refused' },
      { actor: 'token:unknown', orgId: null, outcome: 'refused' },
    ]);
    expect(await auditOf(database, { object: 'hardware:second user' })).toMatchObject([
      { actor: `token:${used.prefix}`, orgId: installation.acme.id, outcome: 'refused' },
    ]);
  });

  it('survives a refused claim: nothing of it is kept', async () => {
    const { acme, controlPlane, acmeAdmin, database } = installation;
    const token = await newToken({ device_type: 'gateway' });
    await database.devices.create(acme.id, { name: 'occupied', type: 'gateway', hardwareId: 'hw-occupied' });
    await refused(claim(token.token, 'fresh', { device_name: 'occupied' }), 'device.name_taken');
    await refused(claim(token.token, 'fresh', { device_type: 'custom' }), 'enrollment.type_mismatch');
    await refused(claim(token.token, 'fresh', { csr: 'no request' }), 'enrollment.csr_invalid');
    expect(await controlPlane.enrollment.getToken(acmeAdmin, token.id)).toMatchObject({
      uses: 0,
      state: 'live',
    });
    expect(await database.devices.findByHardwareId('fresh')).toBeNull();
    await register(claim(token.token, 'fresh'));
  });

  it('used by 200 in parallel gives exactly one certificate', async () => {
    const { acme, controlPlane, acmeAdmin, database } = installation;
    const token = await newToken();
    const bodies = Array.from({ length: 200 }, (_, index) => claim(token.token, `parallel-${index}`));
    const results = await Promise.allSettled(
      bodies.map((body, index) => register(body, originOf(`2001:db8::${index.toString(16)}`))),
    );
    const codes = results.map((result) => (result.status === 'rejected' ? result.reason.code : 'ok'));
    expect(codes.filter((code) => code === 'ok')).toHaveLength(1);
    expect(codes.filter((code) => code === 'enrollment.token_invalid')).toHaveLength(199);
    expect(await controlPlane.enrollment.getToken(acmeAdmin, token.id)).toMatchObject({ uses: 1 });
    const devices = await database.devices.list(acme.id, { search: 'parallel-' }, { limit: 500 });
    expect(devices.items).toHaveLength(1);
    expect(await certificatesOf(devices.items[0]?.id ?? '')).toHaveLength(1);
    const rows = (await auditOf(database)).filter(({ actor }) => actor === `token:${token.prefix}`);
    expect(rows).toHaveLength(200);
  });

  it('of many uses lets a whole fleet in from one address', async () => {
    const { globex, database } = installation;
    const { token } = await createLocalToken(database, globex.id, { maxUses: 40, name: 'Simulated fleet' });
    const origin = originOf('127.0.0.1');
    const replies = await Promise.all(
      Array.from({ length: 40 }, (_, index) => register(claim(token, `fleet-${index}`), origin)),
    );
    expect(new Set(replies.map(({ device_id }) => device_id)).size).toBe(40);
    expect(new Set(replies.map(({ organization_slug }) => organization_slug))).toEqual(new Set(['globex']));
  });

  it('never reaches the log or the audit log', async () => {
    const { database, logLines } = installation;
    const token = await newToken();
    const body = claim(token.token, 'silent');
    await register(body);
    await refused({ ...body, hardware_id: 'other' }, 'enrollment.token_invalid');
    const secret = token.token.split('_')[2] ?? '-';
    expect(secret).toHaveLength(40);
    expect(JSON.stringify(await auditOf(database))).not.toContain(secret);
    expect(logLines.join('\n')).not.toContain(secret);
  });
});

describe('known hardware', () => {
  it('is refused while its certificate lives, in its own and in any other organisation', async () => {
    const { globex } = installation;
    await register(claim((await newToken()).token, 'known'));
    await refused(claim((await newToken()).token, 'known'), 'enrollment.hardware_known');
    await refused(claim((await newToken({}, globex)).token, 'known'), 'enrollment.hardware_known');
  });

  it('that was pre-registered is adopted under its name, in its organisation only', async () => {
    const { acme, globex, controlPlane, acmeAdmin } = installation;
    const row = { device_name: 'planned', device_type: 'gateway', hardware_id: 'planned-hw', tags: ['a'] };
    const { rows } = await controlPlane.fleet.import(acmeAdmin, { organization_id: acme.id, devices: [row] });
    await refused(claim((await newToken({}, globex)).token, 'planned-hw'), 'enrollment.hardware_known');
    const { token } = await newToken({ tags: ['b'] });
    await refused(claim(token, 'planned-hw', { device_type: 'custom' }), 'enrollment.type_mismatch');
    const reply = await register(claim(token, 'planned-hw'));
    expect(reply.device_id).toBe(rows[0]?.device_id);
    expect(await controlPlane.fleet.get(acmeAdmin, reply.device_id)).toMatchObject({
      device_name: 'planned',
      tags: ['a', 'b'],
      certificates: [{ state: 'pending' }],
    });
  });

  it('whose certificates are all revoked or over enrols anew and keeps its id', async () => {
    const { acme, globex, controlPlane, acmeAdmin, clock, database } = installation;
    const first = await register(claim((await newToken()).token, 'again'));
    const address = { org: first.organization_slug, device: first.device_id };
    const [seen] = await database.presence.lock([address]);
    if (seen !== undefined) await database.presence.save([{ ...seen, sessionEpoch: 99, connected: true }]);
    await controlPlane.fleet.revoke(acmeAdmin, first.device_id, { reason: 'disk replaced' });
    await refused(claim((await newToken({}, globex)).token, 'again'), 'enrollment.hardware_known');
    const second = await register(claim((await newToken()).token, 'again'));
    expect(second.device_id).toBe(first.device_id);
    // It may have lost its count of sessions: the first hello must be heard.
    const presence = await database.presence.snapshot(acme.id, first.device_id);
    expect(presence).toMatchObject({ sessionEpoch: 0, connected: false });
    clock.aheadMs = 61 * 24 * HOUR_MS;
    const third = await register(claim((await newToken()).token, 'again'));
    expect(third.device_id).toBe(first.device_id);
  });

  it('enrols anew with the same key and token after a revocation, for another use', async () => {
    const { controlPlane, acmeAdmin } = installation;
    const token = await newToken({ max_uses: 3 });
    const body = claim(token.token, 'same-key');
    const first = await register(body);
    await controlPlane.fleet.revoke(acmeAdmin, first.device_id, { reason: 'test' });
    expect((await register(body)).device_id).toBe(first.device_id);
    expect(await controlPlane.enrollment.getToken(acmeAdmin, token.id)).toMatchObject({ uses: 2 });
  });
});

describe('a replacement token', () => {
  it('moves the device to new hardware and locks the old one out', async () => {
    const { controlPlane, acmeAdmin, revokedSerials } = installation;
    const old = await register(claim((await newToken()).token, 'old-hardware'));
    const oldSerial = readCertificate(old.certificate_chain).serial;
    const { token } = await newToken({ replaces_device_id: old.device_id });
    await refused(claim(token, 'new-hardware', { device_type: 'custom' }), 'enrollment.type_mismatch');
    const moved = await register(claim(token, 'new-hardware', { device_name: 'ignored' }));
    expect(moved.device_id).toBe(old.device_id);
    const detail = await controlPlane.fleet.get(acmeAdmin, old.device_id);
    expect(detail).toMatchObject({ device_name: 'name of old-hardware', hardware_id: 'new-hardware' });
    expect(detail.certificates.map(({ state }) => state).toSorted()).toEqual(['pending', 'revoked']);
    await until(() => revokedSerials.includes(oldSerial), 'the word to the brokers');
    await expect(
      controlPlane.device.authenticateToken(old.auth_token, null, freshOrigin()),
    ).rejects.toMatchObject({ code: 'auth.required' });
  });

  it('does not take hardware that another device has', async () => {
    const { controlPlane, acmeAdmin } = installation;
    const first = await register(claim((await newToken()).token, 'hardware-1'));
    await register(claim((await newToken()).token, 'hardware-2'));
    const { token } = await newToken({ replaces_device_id: first.device_id });
    await refused(claim(token, 'hardware-2'), 'enrollment.hardware_known');
    const { certificates } = await controlPlane.fleet.get(acmeAdmin, first.device_id);
    expect(certificates).toMatchObject([{ state: 'pending' }]);
  });

  it('is worth nothing once its device is deleted', async () => {
    const { controlPlane, acmeAdmin } = installation;
    const { device_id } = await register(claim((await newToken()).token, 'gone'));
    const { token } = await newToken({ replaces_device_id: device_id });
    await controlPlane.fleet.delete(acmeAdmin, device_id);
    await refused(claim(token, 'newcomer'), 'enrollment.token_invalid');
  });
});

describe('the limit on failures', () => {
  it('shuts an address out for a minute after ten, and no other', async () => {
    const { clock, database } = installation;
    const origin = originOf('192.0.2.77');
    for (let attempt = 0; attempt < 10; attempt += 1) {
      const guess = register(claim(`oce_AAAAAAAA_${'C'.repeat(40)}`, 'guesser'), origin);
      await expect(guess).rejects.toMatchObject({ code: 'enrollment.token_invalid' });
    }
    const body = claim((await newToken()).token, 'behind the guesser');
    await expect(register(body, origin)).rejects.toMatchObject({
      code: 'rate.limited',
      retryAfterSeconds: expect.toSatisfy((seconds: number) => seconds > 0 && seconds <= 60),
    });
    expect(await auditOf(database, { object: 'hardware:guesser' })).toHaveLength(10);
    await register(claim((await newToken()).token, 'elsewhere'), originOf('192.0.2.78'));
    clock.aheadMs = 61_000;
    await register(body, origin);
  });
});
