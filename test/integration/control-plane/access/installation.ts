/** A whole control plane over a real database, with two organisations and their people, for the tests of this room. */
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Authority, openAuthority } from '#certs';
import { type ControlPlane, createControlPlane, type Person } from '#control-plane';
import type { Database, Organization } from '#db';
import type { LiveEvent } from '#web-api';
import { openSession } from '../../../../control-plane/access/sessions.ts';
import { openDeviceTokens } from '../../../../control-plane/credentials/device-token.ts';
import type { Encryption } from '../../../../control-plane/secrets/encryption.ts';
import { createTestDatabase } from '../../../support/database.ts';
import { openTestEncryption } from '../../../support/encryption.ts';

export const HOUR_MS = 3_600_000;
const CONDITION_DEADLINE_MS = 10_000;

export interface Installation {
  readonly database: Database;
  readonly controlPlane: ControlPlane;
  readonly authority: Authority;
  readonly encryption: Encryption;
  /** Added to the real time. */
  readonly clock: { aheadMs: number };
  readonly acme: Organization;
  readonly globex: Organization;
  readonly systemAdmin: Person;
  readonly acmeAdmin: Person;
  readonly acmeMember: Person;
  readonly globexAdmin: Person;
  /** Everything logged, as JSON lines. */
  readonly logLines: string[];
  readonly liveEvents: LiveEvent[];
  /** Serials told to brokers. */
  readonly revokedSerials: string[];
  stop(): Promise<void>;
}

export const originOf = (ipAddress: string) => ({ ipAddress, userAgent: 'test', requestId: 'request-1' });

export async function startInstallation(): Promise<Installation> {
  const folder = await mkdtemp(join(tmpdir(), 'edge-control-plane-'));
  const testDatabase = await createTestDatabase();
  const { database } = testDatabase;
  const clock = { aheadMs: 0 };
  const now = () => new Date(Date.now() + clock.aheadMs);
  const logLines: string[] = [];
  const write = (fields: object, text: string) => void logLines.push(JSON.stringify({ ...fields, text }));
  const authority = await openAuthority({ dir: join(folder, 'ca'), now });
  const encryption = await openTestEncryption(database, join(folder, 'keys'));
  const controlPlane = await createControlPlane({
    encryption,
    database,
    authority,
    deviceTokens: await openDeviceTokens({ dir: join(folder, 'tokens'), now }),
    addresses: {
      publicUrl: 'https://edge.example:8443',
      mqttUrl: 'mqtts://edge.example:8883',
      serverPin: 'sha256//pin=',
    },
    settings: { deviceMtls: 'optional', deviceCertificateDays: 60 },
    log: { debug: write, info: write, warn: write, error: write },
    now,
  });
  const liveEvents: LiveEvent[] = [];
  controlPlane.subscribe((event) => liveEvents.push(event));
  const revokedSerials: string[] = [];
  const listening = await database.listen('edge_revocations', {
    onMessage: (payload) => revokedSerials.push(...serialsOf(payload)),
    onResync: () => undefined,
  });

  const acme = await database.organizations.create({ slug: 'acme', name: 'Acme' });
  const globex = await database.organizations.create({ slug: 'globex', name: 'Globex' });
  const people = { database, controlPlane };
  return {
    database,
    controlPlane,
    authority,
    encryption,
    clock,
    acme,
    globex,
    systemAdmin: await signIn(people, { email: 'root@example.org', isSystemAdmin: true }),
    acmeAdmin: await signIn(people, { email: 'admin@acme.example', org: acme, role: 'org_admin' }),
    acmeMember: await signIn(people, { email: 'member@acme.example', org: acme, role: 'org_member' }),
    globexAdmin: await signIn(people, { email: 'admin@globex.example', org: globex, role: 'org_admin' }),
    logLines,
    liveEvents,
    revokedSerials,
    async stop() {
      await listening.stop();
      await controlPlane.stop();
      await testDatabase.drop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** A person with a session, made without the cost of a password hash. */
export async function signIn(
  { database, controlPlane }: Pick<Installation, 'database' | 'controlPlane'>,
  input: {
    email: string;
    isSystemAdmin?: boolean;
    mustChangePassword?: boolean;
    passwordHash?: string;
    org?: Organization;
    role?: 'org_admin' | 'org_member';
  },
): Promise<Person> {
  const user = await database.users.create({
    email: input.email,
    name: input.email,
    passwordHash: input.passwordHash ?? 'none',
    isSystemAdmin: input.isSystemAdmin ?? false,
    mustChangePassword: input.mustChangePassword ?? false,
  });
  if (input.org !== undefined) {
    await database.users.addMember(input.org.id, user.id, input.role ?? 'org_member');
  }
  const origin = originOf('192.0.2.1');
  const opened = await openSession(database.sessions, {
    userId: user.id,
    origin,
    now: new Date(),
    random: randomBytes,
  });
  return controlPlane.access.authenticate(opened.sessionToken, origin);
}

/** All audit rows of an object, newest first. */
export async function auditOf(database: Database, filter: { object?: string } = {}) {
  const page = await database.audit.list(null, filter, { limit: 500 });
  return page.items;
}

/** Waits for a condition that other processes bring about. @throws Error after the deadline. */
export async function until(condition: () => boolean, what: string): Promise<void> {
  const deadline = Date.now() + CONDITION_DEADLINE_MS;
  while (!condition()) {
    if (Date.now() > deadline) throw new Error(`${what} did not happen in time`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

function serialsOf(payload: unknown): string[] {
  if (typeof payload !== 'object' || payload === null || !('serials' in payload)) return [];
  return Array.isArray(payload.serials) ? payload.serials.map(String) : [];
}
