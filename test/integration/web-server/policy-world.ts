/** Two organisations with everything in them, and everybody who may knock. */
import { randomBytes, randomUUID } from 'node:crypto';
import { createCsr, createKeyPair } from '#certs/csr';
import type { Person } from '#control-plane';
import { createPasswords } from '../../../control-plane/access/passwords.ts';
import { makeTokenSecret } from '../../../control-plane/enrollment/token-secret.ts';
import type { OpenSession, RealStack } from './real-stack.ts';

export const PASSWORD = 'correct horse battery';

/** One object of each kind, of one organisation; or ids that no object has. */
export interface Objects {
  readonly organization_id: string;
  readonly device_id: string;
  readonly token_id: string;
  readonly integrator_id: string;
  readonly user_id: string;
  /** Declared. */
  readonly metric_type: string;
}

export interface Org {
  readonly id: string;
  readonly slug: string;
  readonly standing: Objects;
  /** New ones, for what a probe destroys. */
  fresh(): Promise<Objects>;
  /** Secret of a new registration token. */
  registrationToken(): Promise<string>;
}

export interface Enrolled {
  readonly deviceId: string;
  readonly jwt: string;
  readonly key: string;
  readonly cert: string;
}

export type PrincipalName =
  | 'anonymous'
  | 'expired session'
  | 'device'
  | 'org member'
  | 'org admin'
  | 'other-org member'
  | 'other-org admin'
  | 'system admin';

export interface Principal {
  readonly name: PrincipalName;
  /** Whose objects are its own. */
  readonly home: 'first' | 'second';
  /** What the policy decides on; null for whoever is no person. */
  readonly person: (Pick<Person, 'isSystemAdmin' | 'roles'> & { readonly email: string }) | null;
  readonly device: Enrolled | null;
  /** A new session for each probe, since some end it. */
  session(): Promise<OpenSession | null>;
}

export interface World {
  readonly first: Org;
  readonly second: Org;
  readonly principals: readonly Principal[];
  random(): Objects;
  /** Makes PASSWORD the password of everybody again. */
  resetPasswords(): Promise<void>;
}

export async function openWorld(stack: RealStack): Promise<World> {
  const passwordHash = await createPasswords(randomBytes).hash(PASSWORD);
  const first = await openOrg(stack, 'first');
  const second = await openOrg(stack, 'second');
  const userIds: string[] = [];

  async function person(
    name: PrincipalName,
    home: 'first' | 'second',
    role: 'org_admin' | 'org_member' | null,
  ): Promise<Principal> {
    const email = `${name.replaceAll(' ', '-')}@example.com`;
    const userId = await stack.addUser({ email, isSystemAdmin: name === 'system admin', passwordHash });
    userIds.push(userId);
    const orgId = (home === 'first' ? first : second).id;
    if (role !== null) await stack.database.users.addMember(orgId, userId, role);
    const roles = new Map(role === null ? [] : [[orgId, role]]);
    return {
      name,
      home,
      person: { isSystemAdmin: name === 'system admin', roles, email },
      device: null,
      session: () => stack.openSession(userId),
    };
  }

  const member = await person('org member', 'first', 'org_member');
  const [memberId = ''] = userIds;
  const strangers: Principal[] = [
    { name: 'anonymous', home: 'first', person: null, device: null, session: async () => null },
    {
      name: 'expired session',
      home: 'first',
      person: null,
      device: null,
      session: () => stack.openSession(memberId, new Date(Date.now() - 1000)),
    },
    {
      name: 'device',
      home: 'first',
      person: null,
      device: await enrol(stack, first),
      session: async () => null,
    },
  ];
  return {
    first,
    second,
    principals: [
      ...strangers,
      member,
      await person('org admin', 'first', 'org_admin'),
      await person('other-org member', 'second', 'org_member'),
      await person('other-org admin', 'second', 'org_admin'),
      await person('system admin', 'first', null),
    ],
    random: () => ({
      organization_id: randomUUID(),
      device_id: randomUUID(),
      token_id: randomUUID(),
      integrator_id: randomUUID(),
      user_id: randomUUID(),
      metric_type: `random_${randomUUID().slice(0, 8)}`,
    }),
    async resetPasswords() {
      for (const id of userIds) await stack.database.users.setPassword(id, passwordHash, false);
    },
  };
}

async function openOrg({ database, addUser }: RealStack, slug: string): Promise<Org> {
  const { id } = await database.organizations.create({ slug, name: `Organisation ${slug}` });

  async function registrationToken(): Promise<{ id: string; secret: string }> {
    const secret = makeTokenSecret(randomBytes);
    const token = await database.tokens.create(id, {
      prefix: secret.prefix,
      name: `Token of ${slug}`,
      deviceType: null,
      tags: [],
      maxUses: 1000,
      expiresAt: new Date(Date.now() + 3_600_000),
      replacesDeviceId: null,
      tokenHash: secret.tokenHash,
      createdBy: null,
    });
    return { id: token.id, secret: secret.token };
  }

  async function fresh(): Promise<Objects> {
    const suffix = randomUUID().slice(0, 8);
    const device = await database.devices.create(id, {
      name: `device ${suffix}`,
      type: 'gateway',
      hardwareId: `hardware-${suffix}`,
    });
    const integrator = await database.integrators.create(id, `integrator-${suffix}`);
    const userId = await addUser({ email: `${suffix}@${slug}.example` });
    await database.users.addMember(id, userId, 'org_member');
    const type = await database.metricTypes.put(id, {
      name: `${slug}_${suffix}`,
      description: null,
      unit: null,
      kind: 'gauge',
      allowedLabels: null,
      maxSeries: 100,
    });
    return {
      organization_id: id,
      device_id: device.id,
      token_id: (await registrationToken()).id,
      integrator_id: integrator.id,
      user_id: userId,
      metric_type: type.name,
    };
  }

  const standing = await fresh();
  await database.audit.append({
    orgId: id,
    actor: 'system',
    ipAddress: null,
    action: 'device.update',
    object: `device:${standing.device_id}`,
    outcome: 'success',
    detail: {},
  });
  await database.telemetry.deadLetter([
    {
      orgSlug: slug,
      device: standing.device_id,
      channel: 'metrics',
      topic: 'edge/v1',
      reason: 'payload is not JSON in UTF-8',
      sample: Buffer.from('{'),
      receivedAt: new Date(),
    },
  ]);
  await database.refusals.append(
    {
      refusals: [
        { org: slug, device: standing.device_id, reason: 'publish.topic', detail: 'edge/v1', count: 1 },
      ],
    },
    new Date(),
  );
  return { id, slug, standing, fresh, registrationToken: async () => (await registrationToken()).secret };
}

/** By the real route, with an own key. */
async function enrol({ web }: RealStack, org: Org): Promise<Enrolled> {
  const { privateKeyPem } = createKeyPair();
  const answer = await web.call(`${web.httpsUrl}/api/v1/edge/devices/register`, {
    method: 'POST',
    body: {
      device_name: 'the device that knocks',
      device_type: 'gateway',
      hardware_id: 'hardware-that-knocks',
      firmware_version: '1.0.0',
      registration_token: await org.registrationToken(),
      csr: createCsr(privateKeyPem),
    },
  });
  const reply = answer.json();
  if (answer.status !== 201 || typeof reply !== 'object' || reply === null) throw new Error(answer.text);
  return {
    deviceId: textField(reply, 'device_id'),
    jwt: textField(reply, 'auth_token'),
    key: privateKeyPem,
    cert: textField(reply, 'certificate_chain'),
  };
}

function textField(value: object, name: string): string {
  const field: unknown = Object.entries(value).find(([key]) => key === name)?.[1];
  if (typeof field !== 'string') throw new Error(`${name} is missing`);
  return field;
}
