/** Two organisations with people and devices, a real database and a real broker, under one control plane. */
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type LogLevel, type MetricRecord, topicFor } from '#contract';
import { type ControlPlane, createControlPlane, type Person } from '#control-plane';
import type { Database, Device } from '#db';
import { openDeviceTokens } from '../../../control-plane/credentials/device-token.ts';
import {
  device as devicePrincipal,
  service,
  startTestBroker,
  type TestBroker,
} from '../../support/broker.ts';
import { createTestDatabase } from '../../support/database.ts';
import { openTestEncryption } from '../../support/encryption.ts';
import type { RawClient } from '../../support/raw-mqtt-client.ts';
import { signIn } from '../control-plane/access/installation.ts';

export interface World {
  readonly database: Database;
  readonly controlPlane: ControlPlane;
  readonly broker: TestBroker;
  readonly orgs: { readonly acme: string; readonly globex: string };
  readonly admin: Person;
  readonly member: Person;
  readonly stranger: Person;
  readonly root: Person;
  readonly logLines: string[];
  addDevice(org: 'acme' | 'globex', name: string, tags?: readonly string[]): Promise<Device>;
  /** As ingest would: rows of one device. */
  addMetrics(device: Device, rows: readonly MetricRow[]): Promise<void>;
  addLogs(device: Device, rows: readonly LogRow[]): Promise<void>;
  /** A connection of the device, subscribed to what is meant for it. */
  connect(device: Device): Promise<RawClient>;
  stop(): Promise<void>;
}
export interface MetricRow {
  readonly atMs: number;
  readonly type: string;
  readonly value: MetricRecord['value'];
  readonly labels?: Readonly<Record<string, string>>;
}
export interface LogRow {
  readonly atMs: number;
  readonly message: string;
  readonly level?: LogLevel;
  readonly service?: string;
}

export async function openWorld(): Promise<World> {
  const folder = await mkdtemp(join(tmpdir(), 'edge-telemetry-'));
  const testDatabase = await createTestDatabase();
  const { database } = testDatabase;
  const broker = await startTestBroker();
  const logLines: string[] = [];
  const write = (fields: object, text: string) => void logLines.push(JSON.stringify({ ...fields, text }));
  const web = broker.keysFor(service('web'));
  const controlPlane = await createControlPlane({
    encryption: await openTestEncryption(database, folder),
    database,
    authority: broker.authority,
    deviceTokens: await openDeviceTokens({ dir: folder }),
    addresses: {
      publicUrl: 'https://edge.example',
      mqttUrl: 'mqtts://edge.example',
      serverPin: 'sha256//pin=',
    },
    settings: { deviceMtls: 'optional', deviceCertificateDays: 60 },
    broker: {
      url: `mqtts://127.0.0.1:${broker.broker.port}`,
      tls: { keyPem: web.tls.key, chainPem: web.tls.cert },
      trustPem: broker.authority.trustPem,
      servername: 'localhost',
    },
    log: { debug: write, info: write, warn: write, error: write },
  });
  const acme = await database.organizations.create({ slug: 'acme', name: 'Acme' });
  const globex = await database.organizations.create({ slug: 'globex', name: 'Globex' });
  const people = { database, controlPlane };
  const orgs = { acme: acme.id, globex: globex.id };
  return {
    database,
    controlPlane,
    broker,
    orgs,
    admin: await signIn(people, { email: 'admin@acme.example', org: acme, role: 'org_admin' }),
    member: await signIn(people, { email: 'member@acme.example', org: acme, role: 'org_member' }),
    stranger: await signIn(people, { email: 'admin@globex.example', org: globex, role: 'org_admin' }),
    root: await signIn(people, { email: 'root@example.org', isSystemAdmin: true }),
    logLines,
    addDevice: (org, name, tags = []) =>
      database.devices.create(orgs[org], { name, type: 'gateway', hardwareId: randomUUID(), tags }),
    addMetrics: (device, rows) =>
      database.transaction(async (stores) => {
        await stores.presence.lock([{ org: device.orgSlug, device: device.id }]);
        await stores.telemetry.insertMetrics(
          rows.map(({ atMs, type, value, labels }) => ({
            deviceId: device.id,
            orgId: device.orgId,
            atMs,
            receivedAtMs: atMs,
            metricType: type,
            value,
            labels: labels ?? null,
            metadata: null,
          })),
        );
      }),
    addLogs: (device, rows) =>
      database.transaction(async (stores) => {
        await stores.presence.lock([{ org: device.orgSlug, device: device.id }]);
        await stores.telemetry.insertLogs(
          rows.map(({ atMs, message, level, service: name }) => ({
            deviceId: device.id,
            orgId: device.orgId,
            atMs,
            receivedAtMs: atMs,
            level: level ?? 'info',
            service: name ?? 'vllm',
            message,
            metadata: null,
          })),
        );
      }),
    async connect(device) {
      const client = await broker.connect(broker.keysFor(devicePrincipal(device.orgSlug, device.id)));
      await client.subscribe(topicFor('control', { org: device.orgSlug, device: device.id }));
      return client;
    },
    async stop() {
      await controlPlane.stop();
      await broker.stop();
      await testDatabase.drop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** All that an export gives. */
export async function collect<T>(rows: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const row of rows) all.push(row);
  return all;
}
