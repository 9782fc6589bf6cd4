/** Devices that change hands by a claim code, over the real database. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createCsr, createKeyPair } from '#certs';
import type { BodyOf } from '#web-api';
import {
  auditOf,
  type Installation,
  originOf,
  signIn,
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

let people = 0;
/** Acme makes devices, Globex buys them. A person of an address of its own, so that guesses of others do not count. */
async function customer(role: 'org_admin' | 'org_member' = 'org_admin') {
  people += 1;
  const number = people;
  const person = await signIn(installation, {
    email: `customer${number}@globex.example`,
    org: installation.globex,
    role,
  });
  return { ...person, origin: originOf(`203.0.113.${number}`) };
}
const newDevice = (hardwareId: string, name = `name of ${hardwareId}`) =>
  installation.database.devices.create(installation.acme.id, {
    name,
    type: 'gateway',
    hardwareId,
    tags: ['vendor'],
  });
const newCode = (deviceId: string, body: BodyOf<'claim_codes.create'> = {}) =>
  installation.controlPlane.claims.createCode(installation.acmeAdmin, deviceId, body);
const claim = async (code: string, person?: Awaited<ReturnType<typeof customer>>) =>
  installation.controlPlane.claims.claim(person ?? (await customer()), {
    organization_id: installation.globex.id,
    code,
  });
const invalid = { code: 'claim.code_invalid' };

function registration(token: string, hardwareId: string) {
  return {
    device_name: `name of ${hardwareId}`,
    device_type: 'gateway' as const,
    hardware_id: hardwareId,
    firmware_version: '2.1.0',
    registration_token: token,
    csr: createCsr(createKeyPair().privateKeyPem),
  };
}
const vendorToken = (options: Partial<BodyOf<'tokens.create'>> = {}) =>
  installation.controlPlane.enrollment.createToken(installation.acmeAdmin, {
    organization_id: installation.acme.id,
    ...options,
  });
let origins = 0;
const register = (body: BodyOf<'device.register'>) =>
  installation.controlPlane.enrollment.register(body, originOf(`198.51.100.${++origins}`));

describe('a claim', () => {
  it('moves the hardware, locks the old owner’s certificates out and leaves rows in both logs', async () => {
    const { controlPlane, acmeAdmin, globexAdmin, acme, globex, database, revokedSerials, liveEvents } =
      installation;
    const token = await vendorToken();
    const enrolled = await register(registration(token.token, 'sold'));
    const [certificate] = await database.certificates.ofDevice(acme.id, enrolled.device_id);
    const { code } = await newCode(enrolled.device_id);
    expect(await controlPlane.claims.getCode(acmeAdmin, enrolled.device_id)).toMatchObject({
      expires_at: expect.any(String),
    });
    const view = await claim(code.toLowerCase().replaceAll('-', ' '));
    expect(view).toMatchObject({
      organization_id: globex.id,
      hardware_id: 'sold',
      device_name: 'name of sold',
      status: 'never_seen',
      tags: [],
    });
    expect(view.id).not.toBe(enrolled.device_id);
    await until(() => revokedSerials.includes(certificate?.serial ?? '-'), 'the revocation');
    await until(
      () => liveEvents.some((event) => 'device_id' in event && event.device_id === view.id),
      'device.created',
    );
    await expect(controlPlane.fleet.get(acmeAdmin, enrolled.device_id)).rejects.toMatchObject({
      code: 'device.not_found',
    });
    await expect(controlPlane.fleet.get(acmeAdmin, view.id)).rejects.toMatchObject({
      code: 'device.not_found',
    });
    expect(await controlPlane.fleet.get(globexAdmin, view.id)).toMatchObject({
      id: view.id,
      certificates: [],
    });
    expect(await auditOf(database, { object: `device:${view.id}` })).toMatchObject([
      { action: 'device.claim', orgId: globex.id, outcome: 'success' },
    ]);
    expect((await auditOf(database, { object: `device:${enrolled.device_id}` }))[0]).toMatchObject({
      action: 'device.claimed_away',
      orgId: acme.id,
      detail: { claimed_by: 'globex', revoked: [certificate?.serial] },
    });
    // The vendor sees that its token was used, not what became of the device.
    expect(await controlPlane.enrollment.getToken(acmeAdmin, token.id)).toMatchObject({
      uses: 1,
      last_device: null,
    });
  });

  it('lets the device that enrols later with the vendor’s token land at its new owner', async () => {
    const { controlPlane, acmeAdmin, acme, globex, database } = installation;
    const device = await newDevice('shipped');
    const token = await vendorToken({ max_uses: 5, tags: ['vendor-batch'] });
    const view = await claim((await newCode(device.id)).code);
    const body = registration(token.token, 'shipped');
    const reply = await register(body);
    expect(reply).toMatchObject({
      organization_id: globex.id,
      organization_slug: 'globex',
      device_id: view.id,
      client_id: `globex/${view.id}`,
    });
    expect((await register(body)).device_id).toBe(view.id);
    expect(await database.devices.find(globex.id, view.id)).toMatchObject({ tags: [] });
    expect(await database.devices.find(acme.id, view.id)).toBeNull();
    expect(await controlPlane.enrollment.getToken(acmeAdmin, token.id)).toMatchObject({
      uses: 1,
      last_device: null,
    });
    expect(await auditOf(database, { object: `device:${view.id}` })).toMatchObject([
      { action: 'device.enrol', orgId: globex.id },
      { action: 'device.enrol', orgId: globex.id },
      { action: 'device.claim', orgId: globex.id },
    ]);
    // Tokens of anybody else stay out.
    const stranger = await controlPlane.enrollment.createToken(installation.systemAdmin, {
      organization_id: (await database.organizations.create({ slug: 'initech', name: 'Initech' })).id,
    });
    await expect(register(registration(stranger.token, 'shipped'))).rejects.toMatchObject({
      code: 'enrollment.hardware_known',
    });
  });

  it('makes a name unique that the new owner has already', async () => {
    const { database, globex } = installation;
    await database.devices.create(globex.id, { name: 'lobby', type: 'gateway', hardwareId: 'lobby-theirs' });
    const device = await newDevice('lobby-ours-1234', 'lobby');
    expect(await claim((await newCode(device.id)).code)).toMatchObject({ device_name: 'lobby-lobby-ou' });
  });

  it('answers wrong, mistyped, used, withdrawn, replaced and expired codes alike', async () => {
    const { controlPlane, acmeAdmin, clock } = installation;
    const answers: unknown[] = [];
    const answerOf = async (code: string) => {
      const error: unknown = await claim(code).catch((thrown: unknown) => thrown);
      expect(error).toMatchObject(invalid);
      answers.push({ ...(error as object), message: (error as Error).message });
    };
    await answerOf('0000-0000-0000-0000-0000');
    await answerOf('0000-0000-0000-0000-0001');
    await answerOf('x');
    const used = (await newCode((await newDevice('used')).id)).code;
    await claim(used);
    await answerOf(used);
    const { id } = await newDevice('withdrawn');
    const withdrawn = (await newCode(id)).code;
    await controlPlane.claims.deleteCode(acmeAdmin, id);
    await answerOf(withdrawn);
    const replaced = (await newCode(id)).code;
    const { code } = await newCode(id, { expires_in_seconds: 60 });
    await answerOf(replaced);
    clock.aheadMs = 60_001;
    await answerOf(code);
    expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(1);
  });

  it('is limited to ten guesses a minute of a person and of an address', async () => {
    const guesser = await customer();
    const { code } = await newCode((await newDevice('guessed')).id);
    for (let guess = 0; guess < 10; guess += 1)
      await expect(claim('wrong', guesser)).rejects.toMatchObject(invalid);
    await expect(claim(code, guesser)).rejects.toMatchObject({ code: 'rate.limited' });
    const elsewhere = { ...guesser, origin: originOf('203.0.113.250') };
    await expect(claim(code, elsewhere)).rejects.toMatchObject({ code: 'rate.limited' });
    const neighbour = { ...(await customer()), origin: guesser.origin };
    await expect(claim(code, neighbour)).rejects.toMatchObject({ code: 'rate.limited' });
    await claim(code);
  });

  it('gives the device to one of 200 parallel claims', async () => {
    const { database, globex } = installation;
    const { code } = await newCode((await newDevice('contested-claim')).id);
    const persons = await Promise.all(Array.from({ length: 40 }, () => customer()));
    const outcomes = await Promise.allSettled(
      Array.from({ length: 200 }, (_, index) => {
        const person = persons[index % persons.length];
        return claim(code, person);
      }),
    );
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    const codes = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason.code] : []));
    expect(new Set(codes)).toEqual(new Set(['claim.code_invalid']));
    const owned = await database.devices.list(globex.id, { search: 'contested-claim' }, { limit: 10 });
    expect(owned.total).toBe(1);
  });

  it('is for those who may: members may not, strangers see nothing, an owner has the device already', async () => {
    const { controlPlane, acmeAdmin, acmeMember, globexAdmin, acme, database } = installation;
    const device = await newDevice('guarded');
    await expect(controlPlane.claims.createCode(acmeMember, device.id, {})).rejects.toMatchObject({
      code: 'auth.forbidden',
    });
    await expect(controlPlane.claims.createCode(globexAdmin, device.id, {})).rejects.toMatchObject({
      code: 'device.not_found',
    });
    await expect(controlPlane.claims.getCode(globexAdmin, device.id)).rejects.toMatchObject({
      code: 'device.not_found',
    });
    const { code } = await newCode(device.id);
    await expect(claim(code, await customer('org_member'))).rejects.toMatchObject({ code: 'auth.forbidden' });
    await expect(
      controlPlane.claims.claim(globexAdmin, { organization_id: acme.id, code }),
    ).rejects.toMatchObject({ code: 'organization.not_found' });
    await expect(
      controlPlane.claims.claim(acmeAdmin, { organization_id: acme.id, code }),
    ).rejects.toMatchObject({ code: 'claim.own_device' });
    const { items } = await database.audit.list(null, {}, { limit: 500 });
    expect(JSON.stringify(items)).not.toContain(code);
    expect(installation.logLines.join('\n')).not.toContain(code);
  });

  it('comes from an import as well, once per new row, and the same rows again change nothing', async () => {
    const { controlPlane, acmeAdmin, acme } = installation;
    const rows = [1, 2].map((index) => ({
      device_name: `batch ${index}`,
      device_type: 'gateway',
      hardware_id: `batch-${index}`,
      tags: ['lot=7'],
    }));
    const body = { organization_id: acme.id, issue: 'claim_codes' as const, devices: rows };
    const trial = await controlPlane.fleet.import(acmeAdmin, { ...body, dry_run: true });
    expect(trial).toMatchObject({
      created: 2,
      unchanged: 0,
      failed: 0,
      rows: [{ claim_code: null }, { claim_code: null }],
    });
    const first = await controlPlane.fleet.import(acmeAdmin, body);
    expect(first).toMatchObject({ created: 2, failed: 0 });
    const again = await controlPlane.fleet.import(acmeAdmin, body);
    expect(again).toMatchObject({ created: 0, unchanged: 2, failed: 0, rows: [{ claim_code: null }, {}] });
    const changed = await controlPlane.fleet.import(acmeAdmin, {
      organization_id: acme.id,
      devices: [{ ...rows[0], device_type: 'custom' }],
    });
    expect(changed.rows).toMatchObject([{ outcome: 'failed', error: 'enrollment.hardware_known' }]);
    expect(changed.rows[0]?.detail).toContain('device_type');
    expect(await claim(first.rows[1]?.claim_code ?? '')).toMatchObject({ device_name: 'batch 2' });
  });
});
