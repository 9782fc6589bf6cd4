import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Authority, openAuthority, readCertificate } from '#certs';
import { createCsr, createKeyPair } from '#certs/csr';
import { type DeviceTokens, openDeviceTokens } from '../../../../control-plane/credentials/device-token.ts';
import { MAX_ISSUED_PER_HOUR } from '../../../../control-plane/credentials/renewal.ts';
import { createDeviceUseCases } from '../../../../control-plane/device/device-use-cases.ts';
import { type Ingest, startIngest } from '../../../../control-plane/ingest/ingest.ts';
import {
  startTelemetryCache,
  type TelemetryCache,
} from '../../../../control-plane/settings-delivery/telemetry-cache.ts';
import type { DeviceUseCases, Origin } from '../../../../control-plane/use-cases.ts';
import { SILENT } from '../../../../db/log.ts';
import { createTestDatabase, type TestDatabase } from '../../../support/database.ts';
import { openTestEncryption } from '../../../support/encryption.ts';
import { type SeededDevice, seedFleet } from '../../../support/seeded-fleet.ts';

const origin: Origin = { ipAddress: '192.0.2.7', userAgent: 'test', requestId: 'r1' };
let clockSkewMs = 0;
const now = (): Date => new Date(Date.now() + clockSkewMs);

let test: TestDatabase;
let dir: string;
let authority: Authority;
let deviceTokens: DeviceTokens;
let telemetryCache: TelemetryCache;
let ingest: Ingest;
let optional: DeviceUseCases;
let required: DeviceUseCases;

beforeAll(async () => {
  test = await createTestDatabase();
  dir = await mkdtemp(join(tmpdir(), 'device-'));
  authority = await openAuthority({ dir });
  deviceTokens = await openDeviceTokens({ dir, now });
  telemetryCache = await startTelemetryCache({ database: test.database, log: SILENT });
  ingest = startIngest({
    database: test.database,
    telemetry: telemetryCache,
    log: SILENT,
    now,
    retry: false,
  });
  const deps = {
    database: test.database,
    authority,
    deviceTokens,
    ingest,
    telemetryCache,
    deviceCertificateDays: 30,
    secretBox: (await openTestEncryption(test.database, dir)).secretBox,
    now,
  };
  optional = createDeviceUseCases({ ...deps, deviceMtls: 'optional' });
  required = createDeviceUseCases({ ...deps, deviceMtls: 'required' });
});
afterAll(async () => {
  await ingest.stop();
  await telemetryCache.stop();
  await test.drop();
  await rm(dir, { recursive: true, force: true });
});

let fleets = 0;
async function seedOne(state: 'pending' | 'active' = 'active'): Promise<SeededDevice> {
  fleets += 1;
  const { devices } = await seedFleet({
    database: test.database,
    authority,
    slug: `device-${fleets}`,
    count: 1,
    state,
  });
  return devices[0] as SeededDevice;
}
const fingerprintOf = (device: SeededDevice): string => readCertificate(device.chainPem).fingerprintSha256;
async function signIn(device: SeededDevice) {
  const caller = await optional.authenticateCertificate(device.serial, fingerprintOf(device), origin);
  const { auth_token } = await optional.issueToken(caller);
  return { caller, jwt: auth_token };
}

describe('authentication of a device', () => {
  it('takes a token alone, or beside its own certificate', async () => {
    const device = await seedOne();
    const { jwt } = await signIn(device);
    const expected = {
      kind: 'device',
      deviceId: device.device,
      orgSlug: device.org,
      certificateSerial: device.serial,
    };
    expect(await optional.authenticateToken(jwt, null, origin)).toMatchObject(expected);
    expect(await optional.authenticateToken(jwt, fingerprintOf(device), origin)).toMatchObject(expected);
    expect(await required.authenticateToken(jwt, fingerprintOf(device), origin)).toMatchObject(expected);
  });

  it('refuses a token beside another certificate, and alone where both are required', async () => {
    const device = await seedOne();
    const { jwt } = await signIn(device);
    const other = fingerprintOf(await seedOne());
    const refusal = { code: 'auth.required' };
    await expect(optional.authenticateToken(jwt, other, origin)).rejects.toMatchObject(refusal);
    await expect(optional.authenticateToken(jwt, 'nonsense', origin)).rejects.toMatchObject(refusal);
    await expect(required.authenticateToken(jwt, null, origin)).rejects.toMatchObject(refusal);
  });

  it('ends with the revocation of the certificate, for token and certificate alike', async () => {
    const device = await seedOne();
    const { jwt } = await signIn(device);
    await test.database.certificates.revokeOfDevice(device.orgId, device.device, 'lost', new Date());
    await expect(optional.authenticateToken(jwt, null, origin)).rejects.toMatchObject({
      code: 'auth.required',
    });
    await expect(
      optional.authenticateCertificate(device.serial, fingerprintOf(device), origin),
    ).rejects.toMatchObject({
      code: 'auth.required',
    });
  });

  it('ends with the certificate’s own life', async () => {
    const device = await seedOne();
    clockSkewMs = 31 * 86_400_000;
    await expect(
      optional.authenticateCertificate(device.serial, fingerprintOf(device), origin),
    ).rejects.toMatchObject({
      code: 'auth.required',
    });
    clockSkewMs = 0;
  });

  it('forbids a disabled device, and knows no foreign serial', async () => {
    const device = await seedOne();
    const { jwt } = await signIn(device);
    await test.database.devices.update(device.orgId, device.device, { intent: 'disabled' });
    await expect(optional.authenticateToken(jwt, null, origin)).rejects.toMatchObject({
      code: 'auth.forbidden',
    });
    await expect(optional.authenticateCertificate('abcdef', '00'.repeat(32), origin)).rejects.toMatchObject({
      code: 'auth.required',
    });
  });
});

describe('heartbeat over HTTPS', () => {
  it('shows the device degraded, notes its address and activates the proven certificate', async () => {
    const device = await seedOne('pending');
    const { jwt } = await signIn(device);
    const caller = await optional.authenticateToken(jwt, null, origin);
    const reply = await optional.heartbeat(caller, {
      status: 'online',
      uptime: 9,
      certificate_serial: 'abcdef',
    });
    expect(reply).toMatchObject({ ack: true, pending_config: null });
    expect(reply.auth_token).toBeUndefined();
    const row = await test.database.devices.find(device.orgId, device.device);
    expect(row).toMatchObject({ observation: 'degraded', ipAddress: '192.0.2.7' });
    expect((await test.database.certificates.findBySerial(device.serial))?.state).toBe('active');
  });

  it('carries a new token when the presented one is near its end', async () => {
    const device = await seedOne();
    const { jwt } = await signIn(device);
    clockSkewMs = 46 * 60_000;
    const caller = await optional.authenticateToken(jwt, null, origin);
    const reply = await optional.heartbeat(caller, { status: 'online', uptime: 9 });
    expect(reply.auth_token).not.toBe(jwt);
    expect(await optional.authenticateToken(reply.auth_token ?? '', null, origin)).toMatchObject({
      deviceId: device.device,
    });
    clockSkewMs = 0;
  });
});

describe('metrics over HTTPS', () => {
  const metrics = [{ timestamp: new Date().toISOString(), metric_type: 'cpu', value: { percent: 1 } }];

  it('stores a numbered batch once and names the gap', async () => {
    const { caller } = await signIn(await seedOne());
    const send = (seq: number) => optional.metrics(caller, { boot_id: 'boot-0001', seq, metrics });
    expect(await send(1)).toMatchObject({ accepted: 1, rejected: 0, seq: 1 });
    expect(await send(1)).toMatchObject({ accepted: 0, seq: 1 });
    await expect(send(3)).rejects.toMatchObject({ code: 'ingest.gap' });
    expect(await optional.metrics(caller, { metrics })).toMatchObject({ accepted: 1, seq: null });
    await expect(optional.metrics(caller, { seq: 2, metrics })).rejects.toMatchObject({
      code: 'request.invalid',
    });
  });
});

describe('renewal', () => {
  const csr = () => createCsr(createKeyPair().privateKeyPem);

  it('issues for a new key, again for the same key, and lets old and new overlap', async () => {
    const device = await seedOne();
    const { caller } = await signIn(device);
    const request = csr();
    const first = await optional.renew(caller, request);
    const again = await optional.renew(caller, request);
    expect(again).toEqual(first);
    const leaf = readCertificate(first.certificate_chain);
    expect(leaf).toMatchObject({ commonName: `${device.org}/${device.device}`, unit: 'device' });
    expect(first.certificate_chain.match(/BEGIN CERTIFICATE/g)).toHaveLength(2);
    const next = await optional.authenticateCertificate(leaf.serial, leaf.fingerprintSha256, origin);
    await optional.heartbeat(next, { status: 'online', uptime: 1 });
    expect((await test.database.certificates.findBySerial(leaf.serial))?.state).toBe('active');
    expect(
      await optional.authenticateCertificate(device.serial, fingerprintOf(device), origin),
    ).toMatchObject({
      deviceId: device.device,
    });
    const audit = await test.database.audit.list(
      device.orgId,
      { object: `device:${device.device}` },
      { limit: 9 },
    );
    expect(audit.items).toMatchObject([{ action: 'device.certificate.renew', outcome: 'success' }]);
  });

  it('is limited, also for requests that come at once', async () => {
    const device = await seedOne();
    const { caller } = await signIn(device);
    const results = await Promise.allSettled(Array.from({ length: 10 }, () => optional.renew(caller, csr())));
    const issued = results.filter(({ status }) => status === 'fulfilled');
    expect(issued).toHaveLength(MAX_ISSUED_PER_HOUR - 1);
    expect(await test.database.certificates.ofDevice(device.orgId, device.device)).toHaveLength(
      MAX_ISSUED_PER_HOUR,
    );
    await expect(optional.renew(caller, csr())).rejects.toMatchObject({ code: 'rate.limited' });
  });

  it('refuses a request that is none, and leaves a row of it', async () => {
    const device = await seedOne();
    const { caller } = await signIn(device);
    await expect(optional.renew(caller, 'no csr')).rejects.toMatchObject({ code: 'enrollment.csr_invalid' });
    const audit = await test.database.audit.list(
      device.orgId,
      { object: `device:${device.device}` },
      { limit: 9 },
    );
    expect(audit.items).toMatchObject([{ outcome: 'refused', detail: { code: 'enrollment.csr_invalid' } }]);
  });
});

describe('configuration', () => {
  it('is version 0 where there is none', async () => {
    const { caller } = await signIn(await seedOne());
    expect(await optional.config(caller)).toEqual({ config_version: 0, config_data: {}, sha256: null });
  });
});
