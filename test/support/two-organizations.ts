/** Two organisations with a row of each kind, alike but for their names: whatever of the one shows for the other is seen. */
import { randomBytes, randomUUID } from 'node:crypto';
import type { Database, Device } from '#db';
import { withClient } from './database-server.ts';

export interface Side {
  readonly orgId: string;
  readonly slug: string;
  readonly userId: string;
  readonly device: Device;
  readonly deviceId: string;
  readonly hardwareId: string;
  readonly serial: string;
  readonly tokenId: string;
  readonly tokenHash: string;
  readonly integratorId: string;
  readonly groupId: string;
  readonly secretId: string;
  readonly secretName: string;
  readonly sessionId: string;
  readonly sessionHash: string;
  readonly keyId: string;
  readonly keyPrefix: string;
  readonly accountId: string;
  readonly requestId: string;
  readonly codeHash: string;
  readonly dataKeyId: string;
  readonly auditId: string;
  /** Of it in any text of a row or an answer. */
  readonly marks: RegExp;
}

const DAY_MS = 86_400_000;
const hash = (): string => randomBytes(32).toString('hex');

/** @param name in every text of the side, and of no other */
export async function seedSide(database: Database, url: string, name: string): Promise<Side> {
  const at = new Date();
  const later = new Date(at.getTime() + DAY_MS);
  const slug = `${name}-${randomBytes(4).toString('hex')}`;
  const { id: orgId } = await database.organizations.create({ slug, name });
  const { id: userId } = await database.users.create({
    ...{ email: `${slug}@${name}.example`, name, passwordHash: `${name} hash` },
    ...{ isSystemAdmin: false, mustChangePassword: false },
  });
  const { id: groupId } = present(
    await database.groups.create(orgId, { name: `${name} group`, description: name }),
  );
  await database.users.addMember(orgId, userId, 'org_admin');
  const device = await database.devices.create(orgId, {
    ...{
      name: `${name} device`,
      type: 'gateway',
      hardwareId: `${slug}-hardware`,
      tags: [name],
      metadata: { name },
    },
  });
  await database.groups.addDevices(orgId, groupId, [device.id]);
  const integrator = await database.integrators.create(orgId, name);
  const serial = hash().slice(0, 32);
  const certificate = {
    state: 'active' as const,
    ...{ orgId, subject: `CN=${slug}`, pem: `${name} PEM`, notBefore: at, notAfter: later },
    ...{ fingerprintSha256: hash(), keyThumbprint: hash() },
  };
  await database.certificates.add({ ...certificate, serial, deviceId: device.id, integratorId: null });
  await database.certificates.add({
    ...{ ...certificate, serial: hash().slice(0, 32), deviceId: null, integratorId: integrator.id },
  });
  const tokenHash = hash();
  const token = await database.tokens.create(orgId, {
    ...{
      prefix: slug,
      name,
      deviceType: null,
      tags: [name],
      maxUses: 9,
      expiresAt: later,
      replacesDeviceId: null,
    },
    ...{ tokenHash, createdBy: name },
  });
  await database.tokens.recordUse(token.id, {
    ...{ deviceId: device.id, hardwareId: device.hardwareId, keyThumbprint: hash(), at },
  });
  const requestId = await database.enrollmentRequests.create(orgId, {
    ...{
      tokenId: token.id,
      hardwareId: `${slug}-waiting`,
      keyThumbprint: hash(),
      csrPem: name,
      name,
      type: 'gateway',
    },
    ...{ firmwareVersion: '1', ipAddress: null, at },
  });
  const codeHash = hash();
  await database.claimCodes.put(orgId, device.id, { codeHash, expiresAt: later, createdBy: name });
  const secret = await database.secrets.put(orgId, {
    ...{ name: `${name}Secret`, provider: 'builtin', path: null, field: null, updatedBy: name },
  });
  await database.secrets.addVersion(orgId, {
    ...{ secretId: secret.id, version: secret.version, sealed: `v1.${name}.a.b.c`, createdBy: name },
  });
  const sessionHash = hash();
  await database.sessions.create({
    ...{ tokenHash: sessionHash, userId, csrfToken: name, createdAt: at, expiresAt: later },
    ...{ ipAddress: null, userAgent: name },
  });
  const [session] = (await database.sessions.list(userId, at, new Date(0), { limit: 1 })).items;
  await database.secondFactors.begin(userId, `v1.${name}.a.b.c`, at);
  await database.secondFactors.replaceRecoveryCodes(userId, [hash()]);
  const account = await database.serviceAccounts.create(orgId, { name, role: 'operator', createdBy: name });
  const key = await database.apiKeys.create({
    ...{
      prefix: slug.slice(0, 20),
      userId: account.id,
      orgId,
      name,
      scopes: ['device.read'],
      createdBy: name,
    },
    ...{ createdAt: at, expiresAt: later, secretHash: hash() },
  });
  const dataKeyId = randomUUID();
  const wrapped = { provider: 'local', wrapped: `${name} key`, generation: 1 } as const;
  await database.dataKeys.activate(orgId, { ...wrapped, id: dataKeyId, rowsAtStart: 0 }, null);
  await database.organizationSecurity.replace(orgId, 0, {
    ...{ requireTotp: false, sessionIdleMinutes: null, allowedNetworks: [], enrollmentApproval: 'never' },
    ...{ maxApiKeyDays: 30, updatedBy: name },
  });
  await database.audit.append({
    ...{
      orgId,
      actor: `person:${name}`,
      ipAddress: null,
      action: 'device.update',
      object: `device:${device.id}`,
    },
    ...{ outcome: 'success', detail: { name } },
  });
  await database.refusals.append(
    {
      refusals: [{ org: slug, device: device.id, reason: 'not_authorised', detail: name, count: 3 }],
    } as never,
    at,
  );
  await seedTelemetry(database, { orgId, slug, device, name, at });
  await seedRest(url, { orgId, device, name });
  const auditId = present((await database.audit.list(orgId, {}, { limit: 1 })).items[0]).id;
  const ids = [
    orgId,
    userId,
    device.id,
    token.id,
    integrator.id,
    groupId,
    secret.id,
    account.id,
    key.id,
    requestId,
  ];
  return {
    ...{ orgId, slug, userId, device, deviceId: device.id, hardwareId: device.hardwareId, serial },
    ...{ tokenId: token.id, tokenHash, integratorId: integrator.id, groupId, requestId, codeHash, dataKeyId },
    ...{ secretId: secret.id, secretName: secret.name, sessionId: present(session).id, sessionHash },
    ...{ keyId: key.id, keyPrefix: key.prefix, accountId: account.id, auditId },
    marks: new RegExp([name, serial, dataKeyId, ...ids].join('|')),
  };
}

async function seedTelemetry(
  database: Database,
  of: { orgId: string; slug: string; device: Device; name: string; at: Date },
): Promise<void> {
  const { orgId, slug, device, name, at } = of;
  const row = {
    deviceId: device.id,
    orgId,
    atMs: at.getTime() - 60_000,
    receivedAtMs: at.getTime(),
    metadata: { name },
  };
  await database.telemetry.insertMetrics(
    [1, 2, 3].map((value) => ({
      ...row,
      metricType: `${name}_cpu`,
      value: { percent: value },
      labels: { name },
    })),
  );
  await database.telemetry.insertMetrics([
    { ...row, metricType: 'cpu', value: { percent: name.length }, labels: null },
  ]);
  await database.telemetry.insertLogs([
    { ...row, level: 'error', service: 'sshd', message: `a line of ${name}` },
    { ...row, level: 'info', service: name, message: `another of ${name}` },
  ]);
  await database.telemetry.deadLetter([
    ...[
      {
        orgSlug: slug,
        device: device.id,
        channel: 'metrics',
        topic: slug,
        reason: `bad ${name}`,
        receivedAt: at,
      },
    ].map((letter) => ({ ...letter, sample: Buffer.from(name) })),
  ]);
  await database.telemetry.addMinutes([
    {
      ...{ orgId, at, messages: name.length, points: 3, logLines: 2, deadLetters: 1, duplicates: 0 },
      lagMsMax: 5,
      commitMsMax: 7,
    },
  ]);
  await database.metricTypes.noteSeen(orgId, [`${name}_cpu`], at);
  const [presence] = await database.presence.lock([{ org: slug, device: device.id }]);
  await database.presence.save([
    {
      ...present(presence),
      observation: 'online',
      since: at,
      connected: true,
      lastHeartbeatAt: at,
      goodbyeReason: name,
    },
  ]);
  await database.presence.saveHeartbeats([
    {
      deviceId: device.id,
      receivedAt: at,
      heartbeat: {
        ...{ session_epoch: 1, status: 'online', uptime_seconds: 5, services: [{ name, status: 'running' }] },
        ...{
          metrics: { cpu_percent: 40 + name.length },
          outbox: { records: name.length, bytes: 9, dropped: 0 },
        },
      } as never,
    },
  ]);
  await database.presence.appendChanges([
    {
      ...{ deviceId: device.id, orgId, at, from: 'never_seen', to: 'online', reason: name },
      sessionEpoch: 1,
    },
  ]);
  await database.series.refreshRollups(new Date(at.getTime() + 2 * DAY_MS), 100);
}

/** What no store writes. */
async function seedRest(
  url: string,
  { orgId, device, name }: { orgId: string; device: Device; name: string },
): Promise<void> {
  await withClient(url, async (client) => {
    await client.query(
      `INSERT INTO device_configurations (device_id, config_version, config_data, reason) VALUES ($1, 1, $2, $3)`,
      [device.id, { name }, name],
    );
    await client.query(
      `INSERT INTO telemetry_settings (organization_id, version, settings, retention_days, unknown_metrics, updated_by)
       VALUES ($1, 1, '{}', '{"metrics": 30, "metrics_1m": 30, "metrics_1h": 30, "metrics_1d": 30, "logs": 30}', 'declare', $2)`,
      [orgId, name],
    );
    await client.query(
      `INSERT INTO deleted_devices (id, organization_id, device_name, device_id, created_at)
       VALUES (gen_random_uuid(), $1, $2, $2, now())`,
      [orgId, name],
    );
  });
}

function present<T>(value: T | null | undefined): T {
  if (value === null || value === undefined) throw new Error('the row was not made');
  return value;
}
