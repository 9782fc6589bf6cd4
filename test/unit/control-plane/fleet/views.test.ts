/** Devices in the shapes of the contract, and the plan of an import. */
import { describe, expect, it } from 'vitest';
import { decodeValue } from '#contract';
import type { Certificate, Device, PresenceSnapshot } from '#db';
import { DeviceDetail, DeviceView } from '#web-api';
import { deviceDetail } from '../../../../control-plane/fleet/device-detail.ts';
import { certificateView, deviceView } from '../../../../control-plane/fleet/device-view.ts';
import { planImport } from '../../../../control-plane/fleet/import-devices.ts';

const now = new Date('2026-11-23T12:00:00Z');
const ID = '11111111-1111-4111-8111-111111111111';
const ORG = '22222222-2222-4222-8222-222222222222';

const device: Device = {
  id: ID,
  orgId: ORG,
  orgSlug: 'acme',
  isOrgSuspended: false,
  name: 'line 4',
  type: 'gateway',
  hardwareId: 'hw-1',
  intent: 'active',
  observation: 'never_seen',
  status: 'never_seen',
  lastSeen: null,
  firmwareVersion: null,
  agentVersion: null,
  ipAddress: null,
  tags: ['floor=2'],
  metadata: { rack: 'b' },
  claimedFromOrgId: null,
  createdAt: now,
  updatedAt: now,
};

const certificate: Certificate = {
  serial: '0a',
  orgId: ORG,
  deviceId: ID,
  integratorId: null,
  state: 'active',
  subject: 'CN=acme/x',
  fingerprintSha256: 'ab',
  keyThumbprint: 'cd',
  pem: '',
  notBefore: new Date('2026-09-01T00:00:00Z'),
  notAfter: new Date('2026-11-23T12:00:01Z'),
  createdAt: now,
  revokedAt: null,
  revocationReason: null,
  authorityId: null,
};

const snapshot: PresenceSnapshot = {
  deviceId: ID,
  orgId: ORG,
  orgSlug: 'acme',
  observation: 'online',
  since: now,
  sessionEpoch: 7,
  connected: true,
  lastHeartbeatAt: now,
  goodbyeReason: null,
  clockSkewMs: 1500,
  facts: { hostname: 'line4' },
  heartbeat: {
    status: 'online',
    uptime: 60,
    services: [{ name: 'vllm', status: 'running' }],
    metrics: { cpu_percent: 4.5 },
    outbox: { records: 1, bytes: 2, dropped: 0 },
  },
};

describe('deviceView', () => {
  it('has the shape of the contract', () => {
    expect(decodeValue(DeviceView, deviceView(device))).toMatchObject({ ok: true });
    expect(deviceView({ ...device, lastSeen: now }).last_seen).toBe('2026-11-23T12:00:00.000Z');
  });
});

describe('certificateView', () => {
  it.each([
    ['active before its end', certificate, 'active'],
    ['expired at its end', { ...certificate, notAfter: now }, 'expired'],
    ['revoked even after its end', { ...certificate, state: 'revoked' as const, notAfter: now }, 'revoked'],
  ])('is %s', (_sentence, row, state) => {
    expect(certificateView(row, now).state).toBe(state);
  });
});

describe('deviceDetail', () => {
  it('shows a device that never spoke with empty parts and configuration 0', () => {
    const detail = deviceDetail(
      device,
      { snapshot: null, config: null, metrics: [], certificates: [], groups: [] },
      now,
    );
    expect(decodeValue(DeviceDetail, detail)).toMatchObject({ ok: true });
    expect(detail).toMatchObject({
      facts: {},
      services: [],
      uptime_seconds: null,
      session_epoch: null,
      current_config: { config_version: 0, applied_at: null },
    });
  });

  it('takes what the last heartbeat said', () => {
    const parts = {
      snapshot,
      config: { version: 3, data: { vllm: {} }, sha256: null, appliedAt: now },
      metrics: [{ timestamp: now, metricType: 'cpu', labels: null, value: { percent: 4.5 } }],
      certificates: [certificate],
      groups: [{ id: device.id, name: 'line 3' }],
    };
    const detail = deviceDetail(device, parts, now);
    expect(decodeValue(DeviceDetail, detail)).toMatchObject({ ok: true });
    expect(detail).toMatchObject({
      facts: { hostname: 'line4' },
      uptime_seconds: 60,
      services: [{ name: 'vllm', status: 'running' }],
      metrics: { cpu_percent: 4.5 },
      session_epoch: 7,
      outbox: { records: 1 },
      current_config: { config_version: 3, applied_at: '2026-11-23T12:00:00.000Z' },
      recent_metrics: [{ metric_type: 'cpu' }],
      certificates: [{ serial: '0a', state: 'active' }],
      groups: [{ id: device.id, name: 'line 3' }],
    });
  });
});

describe('planImport', () => {
  const row = { device_name: 'a', device_type: 'gateway', hardware_id: 'h1' };

  it('takes good rows and names what is wrong with the others, each by its number', () => {
    const plans = planImport([
      row,
      { ...row, device_name: 'b' },
      { ...row, hardware_id: 'h2' },
      { ...row, device_name: 'c', hardware_id: 'h3', device_type: 'toaster' },
      'nonsense',
      { ...row, device_name: 'd', hardware_id: 'h4', tags: ['x'] },
    ]);
    expect(plans).toMatchObject([
      { row: 1, device: row },
      { row: 2, error: 'enrollment.hardware_known' },
      { row: 3, error: 'device.name_taken' },
      { row: 4, error: 'request.invalid', detail: expect.stringContaining('device_type') },
      { row: 5, error: 'request.invalid' },
      { row: 6, device: { tags: ['x'] } },
    ]);
  });

  it('keeps a name free for a later row when the row that had it fails', () => {
    const [, second] = planImport([{ ...row, device_type: 'toaster' }, row]);
    expect(second).toMatchObject({ row: 2, device: row });
  });
});
