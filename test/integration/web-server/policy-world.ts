/** Two organisations with everything in them, and everybody who may knock. */
import { randomBytes, randomUUID, scryptSync } from 'node:crypto';
import { newGenerationId } from '#certs';
import { createCsr, createKeyPair } from '#certs/csr';
import type { Action, Role } from '#web-api';
import type { Subject } from '../../../control-plane/access/policy.ts';
import { generationRow } from '../../../control-plane/authorities/generation-row.ts';
import { makeClaimCode } from '../../../control-plane/enrollment/claim-code.ts';
import { type Kind, type ObjectMakers, type Objects, objectMakers, randomObjects } from './policy-objects.ts';
import type { OpenSession, RealStack } from './real-stack.ts';

export const PASSWORD = 'correct horse battery';

export type { Objects } from './policy-objects.ts';

export interface Org {
  readonly id: string;
  readonly slug: string;
  readonly standing: Objects;
  /** A row of its audit log. */
  readonly entryId: string;
  readonly makers: ObjectMakers;
  /** New ones of these kinds, or of all, for what a probe destroys; a new device is in the standing group. */
  fresh(kinds?: readonly Kind[]): Promise<Objects>;
  /** A device in no group, with a certificate, for roles that are limited to some groups. */
  outside(): Promise<Objects>;
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
  | 'operator'
  | 'release manager'
  | 'auditor'
  | 'org admin'
  | 'operator of a group'
  | 'disabled admin'
  | 'admin of a suspended org'
  | 'key of an admin for reading devices'
  | 'other-org member'
  | 'other-org admin'
  | 'system admin';

type Home = 'first' | 'second' | 'suspended';

export interface Principal {
  readonly name: PrincipalName;
  /** Whose objects are its own. */
  readonly home: Home;
  /** What the policy decides on; null for whoever is no person. */
  readonly person: (Subject & { readonly email: string; readonly userId: string }) | null;
  readonly device: Enrolled | null;
  /** An API key, instead of a session. */
  readonly key?: string;
  /** A new session for each probe, since some end it. */
  session(): Promise<OpenSession | null>;
}

export interface World {
  readonly first: Org;
  readonly second: Org;
  readonly suspended: Org;
  readonly principals: readonly Principal[];
  random(): Objects;
  /** Of an authority that is on its way out. */
  readonly authorityId: string;
  /** An organisation for a probe that ends it, or that gives a suspended one back. */
  doomed(isSuspended?: boolean): Promise<Pick<Objects, 'organization_id' | 'organization_name'>>;
  /** Of a new device of a third organisation. */
  claimCode(): Promise<string>;
  /** Nobody has a second factor, and PASSWORD is everybody's password again. */
  resetPasswords(): Promise<void>;
}

interface More {
  readonly groupIds?: readonly string[];
}

export async function openWorld(stack: RealStack): Promise<World> {
  const passwordHash = cheapHash(PASSWORD);
  const first = await openOrg(stack, 'first');
  const second = await openOrg(stack, 'second');
  const suspended = await openOrg(stack, 'suspended');
  const orgs = { first, second, suspended };
  const maker = await stack.database.organizations.create({ slug: 'maker', name: 'Maker of devices' });
  const userIds: string[] = [];

  async function person(
    name: PrincipalName,
    home: Home,
    role: Role | null,
    more: More = {},
  ): Promise<Principal> {
    const email = `${name.replaceAll(' ', '-')}@example.com`;
    const userId = await stack.addUser({ email, isSystemAdmin: name === 'system admin', passwordHash });
    userIds.push(userId);
    const { id } = orgs[home];
    const groupIds = more.groupIds ?? null;
    if (role !== null) await stack.database.users.addMember(id, userId, role, groupIds);
    return {
      name,
      home,
      person: {
        isSystemAdmin: name === 'system admin',
        roles: new Map(role === null ? [] : [[id, role]]),
        groups: new Map(groupIds === null ? [] : [[id, groupIds]]),
        barred: new Map(home === 'suspended' ? [[id, 'organization.suspended' as const]] : []),
        email,
        userId,
      },
      device: null,
      session: () => stack.openSession(userId),
    };
  }

  /** The holder keeps the session's power; the key has its scopes alone. */
  async function keyOf(
    holder: Principal,
    name: PrincipalName,
    scopes: readonly Action[],
  ): Promise<Principal> {
    const session = await holder.session();
    const answer = await stack.web.call(`${stack.web.httpUrl}/api/v1/auth/keys`, {
      method: 'POST',
      headers: { cookie: session?.cookie ?? '', 'x-csrf-token': session?.csrfToken ?? '' },
      body: { name, scopes, expires_in_days: 1 },
    });
    const reply = answer.json();
    if (answer.status !== 201 || typeof reply !== 'object' || reply === null) throw new Error(answer.text);
    if (holder.person === null) throw new Error('nobody holds the key');
    const apiKey = { id: '', prefix: '', scopes: new Set(scopes) };
    return {
      ...holder,
      name,
      person: { ...holder.person, apiKey },
      key: textField(reply, 'key'),
      session: async () => null,
    };
  }

  const disabled = await person('disabled admin', 'first', 'org_admin');
  if (disabled.person === null) throw new Error('nobody is disabled');
  const { userId: disabledId } = disabled.person;
  await stack.database.accounts.update(disabledId, { disabled: true });
  const inSuspended = await person('admin of a suspended org', 'suspended', 'org_admin');
  await stack.database.organizations.suspend(suspended.id, {
    at: new Date(),
    reason: 'test',
    deleteAfter: null,
  });
  const orgAdmin = await person('org admin', 'first', 'org_admin');
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
    suspended,
    principals: [
      ...strangers,
      member,
      await person('operator', 'first', 'operator'),
      await person('release manager', 'first', 'release_manager'),
      await person('auditor', 'first', 'auditor'),
      await person('operator of a group', 'first', 'operator', { groupIds: [first.standing.group_id] }),
      // Nobody signs in with it, so it is nobody.
      { ...disabled, person: null },
      inSuspended,
      orgAdmin,
      await keyOf(orgAdmin, 'key of an admin for reading devices', ['device.read']),
      await person('other-org member', 'second', 'org_member'),
      await person('other-org admin', 'second', 'org_admin'),
      await person('system admin', 'first', null),
    ],
    random: randomObjects,
    authorityId: await retiringAuthority(stack),
    async doomed(isSuspended = false) {
      const slug = `doomed-${randomUUID().slice(0, 8)}`;
      const { id, name } = await stack.database.organizations.create({ slug, name: slug });
      const suspension = { at: new Date(), reason: 'test', deleteAfter: null };
      if (isSuspended) await stack.database.organizations.suspend(id, suspension);
      return { organization_id: id, organization_name: name };
    },
    claimCode: () => newClaimCode(stack, maker.id),
    async resetPasswords() {
      for (const id of userIds) {
        await stack.database.users.setPassword(id, passwordHash, false);
        await stack.database.secondFactors.remove(id);
      }
    },
  };
}

async function openOrg({ database }: RealStack, slug: string): Promise<Org> {
  const { id, name } = await database.organizations.create({ slug, name: `Organisation ${slug}` });
  const group = await database.groups.create(id, { name: `Group of ${slug}`, description: null });
  if (group === null) throw new Error('no group was made');

  const makers = objectMakers(database, id, slug);

  async function madeOf(kinds: readonly Kind[], before: Objects): Promise<Objects> {
    const made = new Map<Kind, string>();
    // One after the other: certificates, sessions and keys are of what was made before them.
    for (const kind of MADE_KINDS) {
      if (!kinds.includes(kind)) continue;
      made.set(kind, await makeOne(makers, kind, { ...before, ...Object.fromEntries(made) }, kinds));
    }
    return { ...before, ...Object.fromEntries(made) };
  }

  async function fresh(kinds: readonly Kind[] = MADE_KINDS): Promise<Objects> {
    const made = await madeOf(kinds, standing);
    await database.groups.addDevices(id, made.group_id, [made.device_id]);
    await database.groups.addDevices(id, group?.id ?? '', [made.device_id]);
    return made;
  }

  const none = { ...randomObjects(), organization_id: id, organization_name: name, group_id: group.id };
  const kinds = MADE_KINDS.filter((kind) => kind !== 'group_id');
  const standing = await madeOf(kinds, none);
  await database.groups.addDevices(id, group.id, [standing.device_id]);
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
  const [entry] = (await database.audit.list(id, {}, { limit: 1 })).items;
  if (entry === undefined) throw new Error('no audit row was written');
  return {
    id,
    slug,
    standing,
    entryId: entry.id,
    makers,
    fresh,
    outside: () => madeOf(['device_id', 'serial'], standing),
    registrationToken: async () => (await makers.token()).secret,
  };
}

/** In this order. */
const MADE_KINDS = [
  ...(['device_id', 'serial', 'token_id', 'integrator_id', 'user_id', 'session_id', 'account_id'] as const),
  ...(['key_id', 'approval_id', 'metric_type', 'secret_name', 'group_id'] as const),
] satisfies readonly Kind[];

function makeOne(
  makers: ObjectMakers,
  kind: (typeof MADE_KINDS)[number],
  known: Objects,
  kinds: readonly Kind[],
): Promise<string> {
  const orgId = known.organization_id;
  switch (kind) {
    case 'device_id':
      return makers.device();
    case 'serial':
      return makers.certificate(known.device_id);
    case 'token_id':
      return makers.token().then(({ id }) => id);
    case 'integrator_id':
      return makers.integrator();
    case 'user_id':
      return makers.user();
    case 'session_id':
      return makers.session(known.user_id);
    case 'account_id':
      return makers.account();
    case 'key_id':
      return kinds.includes('account_id')
        ? makers.key({ userId: known.account_id, orgId })
        : makers.key({ userId: known.user_id, orgId: null });
    case 'approval_id':
      return makers.approval();
    case 'metric_type':
      return makers.metricType();
    case 'secret_name':
      return makers.secret();
    case 'group_id':
      return makers.group();
  }
}

/** The one before the present one: nothing depends on it any more. */
async function retiringAuthority({ database, authority }: RealStack): Promise<string> {
  const prepared = await authority.prepare(newGenerationId(), { newRoot: false });
  const [activateAt, serveAt] = [new Date(), new Date()];
  const state = { state: 'retiring', serves: false, activatedAt: activateAt } as const;
  await database.authorities.add(
    generationRow(prepared, { ...state, activateAt, serveAt, createdBy: 'test' }),
  );
  return prepared.id;
}

async function newClaimCode({ database }: RealStack, orgId: string): Promise<string> {
  const hardwareId = `claimable-${randomUUID()}`;
  const device = await database.devices.create(orgId, { name: hardwareId, type: 'gateway', hardwareId });
  const { code, codeHash } = makeClaimCode(randomBytes);
  const expiresAt = new Date(Date.now() + 3_600_000);
  await database.claimCodes.put(orgId, device.id, { codeHash, expiresAt, createdBy: null });
  return code;
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

/** Of the product's form, with its own parameters: the least work, since hundreds of probes prove a password. */
function cheapHash(password: string): string {
  const salt = randomBytes(16);
  const hash = scryptSync(password, salt, 32, { N: 16, r: 8, p: 1 });
  return `scrypt$N=16,r=8,p=1$${salt.toString('base64url')}$${hash.toString('base64url')}`;
}

function textField(value: object, name: string): string {
  const field: unknown = Object.entries(value).find(([key]) => key === name)?.[1];
  if (typeof field !== 'string') throw new Error(`${name} is missing`);
  return field;
}
