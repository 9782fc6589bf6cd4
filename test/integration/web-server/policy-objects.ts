/** One object of every kind, of one organisation: made as the product keeps them, kind by kind. */
import { randomBytes, randomUUID } from 'node:crypto';
import type { Database } from '#db';
import { makeKeySecret } from '../../../control-plane/access/key-secret.ts';
import { makeTokenSecret } from '../../../control-plane/enrollment/token-secret.ts';

/** One object of each kind, of one organisation; or ids that no object has. */
export interface Objects {
  readonly organization_id: string;
  readonly organization_name: string;
  readonly device_id: string;
  /** Of a certificate of the device. */
  readonly serial: string;
  readonly token_id: string;
  readonly integrator_id: string;
  readonly user_id: string;
  /** Of a person of the organisation. */
  readonly session_id: string;
  /** Of that person, or of the service account where one is addressed. */
  readonly key_id: string;
  readonly account_id: string;
  readonly approval_id: string;
  /** Declared. */
  readonly metric_type: string;
  readonly secret_name: string;
  /** Holds the device. */
  readonly group_id: string;
}
export type Kind = keyof Objects;

export interface NewToken {
  readonly id: string;
  readonly secret: string;
}

export interface ObjectMakers {
  token(): Promise<NewToken>;
  device(): Promise<string>;
  certificate(deviceId: string): Promise<string>;
  integrator(): Promise<string>;
  user(): Promise<string>;
  session(userId: string): Promise<string>;
  key(holder: { userId: string; orgId: string | null }): Promise<string>;
  account(): Promise<string>;
  approval(): Promise<string>;
  metricType(): Promise<string>;
  secret(): Promise<string>;
  group(): Promise<string>;
}

const HOUR_MS = 3_600_000;
const hash = (): string => randomBytes(32).toString('hex');
const suffix = (): string => randomUUID().slice(0, 8);

export function objectMakers(database: Database, orgId: string, slug: string): ObjectMakers {
  const makeToken = () => newToken(database, orgId, slug);
  return {
    token: makeToken,
    async device() {
      const name = suffix();
      const made = { name: `device ${name}`, type: 'gateway', hardwareId: `hardware-${name}` } as const;
      return (await database.devices.create(orgId, made)).id;
    },
    async certificate(deviceId) {
      const serial = hash().slice(0, 32);
      await database.certificates.add({
        ...{ serial, orgId, deviceId, integratorId: null, state: 'active' },
        ...{ subject: `CN=${slug}-${serial}`, fingerprintSha256: hash(), keyThumbprint: hash(), pem: 'none' },
        ...{ notBefore: new Date(), notAfter: new Date(Date.now() + HOUR_MS) },
      });
      return serial;
    },
    integrator: async () => (await database.integrators.create(orgId, `integrator-${suffix()}`)).id,
    async user() {
      const email = `${suffix()}@${slug}.example`;
      const { id } = await database.users.create({
        ...{ email, name: email, passwordHash: 'cannot sign in' },
        ...{ isSystemAdmin: false, mustChangePassword: false },
      });
      await database.users.addMember(orgId, id, 'org_member');
      return id;
    },
    session: (userId) => newSession(database, userId),
    async key(holder) {
      const { prefix, secretHash } = makeKeySecret(randomBytes);
      const made = await database.apiKeys.create({
        ...{ ...holder, prefix, secretHash, name: slug, scopes: ['device.read'], createdBy: slug },
        ...{ createdAt: new Date(), expiresAt: new Date(Date.now() + HOUR_MS) },
      });
      return made.id;
    },
    async account() {
      const input = { name: `account-${suffix()}`, role: 'operator', createdBy: slug } as const;
      return (await database.serviceAccounts.create(orgId, input)).id;
    },
    async approval() {
      const { id: tokenId } = await makeToken();
      return database.enrollmentRequests.create(orgId, {
        ...{ tokenId, hardwareId: `waiting-${suffix()}`, keyThumbprint: hash(), csrPem: 'none' },
        ...{ name: `waiting ${suffix()}`, type: 'gateway', firmwareVersion: '1', ipAddress: null },
        at: new Date(),
      });
    },
    async metricType() {
      const type = await database.metricTypes.put(orgId, {
        ...{ name: `${slug}_${suffix()}`, description: null, unit: null, kind: 'gauge' },
        ...{ allowedLabels: null, maxSeries: 100 },
      });
      return type.name;
    },
    async secret() {
      const name = `secret-${suffix()}`;
      const place = { provider: 'vault', path: 'somewhere', field: null, updatedBy: 'test' } as const;
      return (await database.secrets.put(orgId, { name, ...place })).name;
    },
    async group() {
      const made = await database.groups.create(orgId, { name: suffix(), description: null });
      if (made === null) throw new Error('no group was made');
      return made.id;
    },
  };
}

export const randomObjects = (): Objects => ({
  ...{ organization_id: randomUUID(), organization_name: 'none' },
  ...{ device_id: randomUUID(), serial: hash().slice(0, 32), token_id: randomUUID() },
  ...{ integrator_id: randomUUID(), user_id: randomUUID(), session_id: randomUUID(), key_id: randomUUID() },
  ...{ account_id: randomUUID(), approval_id: randomUUID(), group_id: randomUUID() },
  ...{ metric_type: `random_${suffix()}`, secret_name: `random-${suffix()}` },
});

async function newToken(database: Database, orgId: string, slug: string): Promise<NewToken> {
  const secret = makeTokenSecret(randomBytes);
  const token = await database.tokens.create(orgId, {
    ...{ prefix: secret.prefix, name: `Token of ${slug}`, deviceType: null, tags: [], maxUses: 1000 },
    ...{ expiresAt: new Date(Date.now() + HOUR_MS), replacesDeviceId: null },
    ...{ tokenHash: secret.tokenHash, createdBy: null },
  });
  return { id: token.id, secret: secret.token };
}

async function newSession(database: Database, userId: string): Promise<string> {
  const userAgent = hash();
  const createdAt = new Date();
  await database.sessions.create({
    ...{ tokenHash: hash(), userId, csrfToken: hash(), createdAt, ipAddress: null, userAgent },
    expiresAt: new Date(createdAt.getTime() + HOUR_MS),
  });
  const { items } = await database.sessions.list(userId, createdAt, new Date(0), { limit: 500 });
  const made = items.find((session) => session.userAgent === userAgent);
  if (made === undefined) throw new Error('no session was made');
  return made.id;
}
