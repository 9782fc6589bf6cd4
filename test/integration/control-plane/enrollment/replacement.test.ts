/** New hardware for a device: what stays, what ends at once, and where it shows. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createCsr, createKeyPair, readCertificate } from '#certs';
import type { BodyOf } from '#web-api';
import { auditOf, type Installation, originOf, startInstallation, until } from '../access/installation.ts';

let installation: Installation;
beforeAll(async () => {
  installation = await startInstallation();
});
afterAll(() => installation?.stop());

const registration = (token: string, hardwareId: string): BodyOf<'device.register'> => ({
  device_name: 'whatever the new machine is called',
  device_type: 'gateway',
  hardware_id: hardwareId,
  firmware_version: '3.0.0',
  registration_token: token,
  csr: createCsr(createKeyPair().privateKeyPem),
});

describe('replacing the hardware of a device', () => {
  it('keeps telemetry, metadata and audit, locks the old machine out, and shows in the timeline', async () => {
    const { controlPlane, acme, acmeAdmin, database, revokedSerials } = installation;
    const newToken = (more: Partial<BodyOf<'tokens.create'>> = {}) =>
      controlPlane.enrollment.createToken(acmeAdmin, { organization_id: acme.id, ...more });
    const old = await controlPlane.enrollment.register(
      registration((await newToken()).token, 'old-board'),
      originOf('198.51.100.1'),
    );
    const deviceId = old.device_id;
    const origin = originOf('198.51.100.1');
    const caller = await controlPlane.device.authenticateToken(old.auth_token, null, origin);
    await controlPlane.device.heartbeat(caller, { status: 'online', uptime: 60 });
    const at = new Date().toISOString();
    await controlPlane.device.metrics(caller, {
      boot_id: `boot-${randomUUID()}`,
      seq: 1,
      metrics: [{ timestamp: at, metric_type: 'room', value: { celsius: 21.5 } }],
    });
    await controlPlane.fleet.update(acmeAdmin, deviceId, {
      device_name: 'pump room',
      metadata: { floor: 'cellar' },
    });
    const metricsOf = async () =>
      (await controlPlane.fleet.get(acmeAdmin, deviceId)).recent_metrics.filter(
        ({ metric_type }) => metric_type === 'room',
      );
    expect(await metricsOf()).toHaveLength(1);
    const rowsBefore = await auditOf(database, { object: `device:${deviceId}` });

    const { token } = await newToken({ replaces_device_id: deviceId });
    const fresh = await controlPlane.enrollment.register(
      registration(token, 'new-board'),
      originOf('198.51.100.2'),
    );
    expect(fresh.device_id).toBe(deviceId);
    expect(fresh.client_id).toBe(old.client_id);
    const oldSerial = readCertificate(old.certificate_chain).serial;
    await until(() => revokedSerials.includes(oldSerial), 'the word to the brokers');
    await expect(controlPlane.device.authenticateToken(old.auth_token, null, origin)).rejects.toMatchObject({
      code: 'auth.required',
    });

    const detail = await controlPlane.fleet.get(acmeAdmin, deviceId);
    expect(detail).toMatchObject({
      device_name: 'pump room',
      hardware_id: 'new-board',
      firmware_version: '3.0.0',
      metadata: { floor: 'cellar' },
    });
    expect(detail.certificates.map(({ state }) => state).toSorted()).toEqual(['pending', 'revoked']);
    expect(await metricsOf()).toHaveLength(1);
    const { items } = await controlPlane.fleet.presence(acmeAdmin, deviceId, {});
    expect(items.map(({ reason }) => reason)).toContain('hardware_replaced');
    const [newest, ...older] = await auditOf(database, { object: `device:${deviceId}` });
    expect(older.map(({ id }) => id)).toEqual(rowsBefore.map(({ id }) => id));
    expect(newest).toMatchObject({
      action: 'device.enrol',
      detail: { how: 'replaced', hardware_id: 'new-board', hardware_id_before: 'old-board' },
    });

    // The new machine counts its sessions from 1 again and is heard.
    const successor = await controlPlane.device.authenticateToken(fresh.auth_token, null, origin);
    await controlPlane.device.heartbeat(successor, { status: 'online', uptime: 1 });
    expect((await controlPlane.fleet.get(acmeAdmin, deviceId)).last_seen).not.toBeNull();
    // The old hardware is free: it may become a device of its own.
    const again = await controlPlane.enrollment.register(
      { ...registration((await newToken()).token, 'old-board'), device_name: 'old board again' },
      originOf('198.51.100.1'),
    );
    expect(again.device_id).not.toBe(deviceId);
  });
});
