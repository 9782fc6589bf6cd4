/** One request of the matrix: as whom, about what, and what it takes to be right. */
import { randomBytes } from 'node:crypto';
import { Agent } from 'node:http';
import { TOTP } from 'otpauth';
import { hashSecret } from '../../../control-plane/access/secrets.ts';
import { makeRecoveryCodes, setupOf, TOTP_SECRET_BYTES } from '../../../control-plane/access/totp.ts';
import type { Target } from './policy-expectations.ts';
import { randomObjects } from './policy-objects.ts';
import {
  type Aimed,
  bodyOf,
  endsOrganization,
  isDestructive,
  kindsOf,
  type Operation,
  urlOf,
} from './policy-operations.ts';
import type { Org, Principal, World } from './policy-world.ts';
import type { OpenSession, RealStack } from './real-stack.ts';
import type { Answer } from './web-fixture.ts';

export interface Prober {
  aim(operation: Operation, principal: Principal, target: Target): Promise<Aimed | null>;
  probe(operation: Operation, principal: Principal, objects: Aimed | null, more?: More): Promise<Answer>;
  close(): void;
}

interface More {
  readonly body?: unknown;
  /** Added to the address. */
  readonly query?: Readonly<Record<string, string>>;
}

/** Kept connections at a time: as many as callers. */
const MAX_SOCKETS = 16;

export function createProber(stack: RealStack, world: World): Prober {
  const agent = new Agent({ keepAlive: true, maxSockets: MAX_SOCKETS });
  const sessions = new Map<Principal, Promise<OpenSession | null>>();

  /** One for all probes of a caller, but a new one for those that may end it. */
  function sessionOf(operation: Operation, principal: Principal): Promise<OpenSession | null> {
    const isRisky = operation.action === 'self' && operation.method !== 'GET';
    if (isRisky) {
      sessions.clear();
      return principal.session();
    }
    const open = sessions.get(principal) ?? principal.session();
    sessions.set(principal, open);
    return open;
  }

  return {
    aim: (operation, principal, target) => aimAt(world, operation, principal, target),

    async probe(operation, principal, objects, more = {}) {
      const session = await sessionOf(operation, principal);
      const { device, key } = principal;
      // The device's way in is TLS with its certificate; elsewhere its token is shown, and opens nothing.
      const isTls = device !== null && operation.auth !== 'session';
      const body = more.body ?? (await madeBody(stack, world, operation, principal, objects));
      const address = urlOf(operation, objects);
      const query = new URLSearchParams(more.query).toString();
      const url = query === '' ? address : `${address}${address.includes('?') ? '&' : '?'}${query}`;
      const isForm = operation.id === 'oidc.backchannel_logout';
      return stack.web.call(`${isTls ? stack.web.httpsUrl : stack.web.httpUrl}${url}`, {
        method: operation.method,
        agent,
        headers: {
          ...(operation.id.startsWith('oidc.') ? { accept: 'text/html' } : {}),
          ...(session === null ? {} : { cookie: session.cookie }),
          ...(session === null || operation.method === 'GET' ? {} : { 'x-csrf-token': session.csrfToken }),
          ...(device === null ? {} : { authorization: `Bearer ${device.jwt}` }),
          ...(key === undefined ? {} : { authorization: `Bearer ${key}` }),
        },
        ...(isForm ? { form: { logout_token: 'none' } } : body === undefined ? {} : { body }),
        ...(isTls ? { client: { key: device.key, cert: device.cert } } : {}),
      });
    },

    close: () => agent.destroy(),
  };
}

async function aimAt(
  world: World,
  operation: Operation,
  principal: Principal,
  target: Target,
): Promise<Aimed | null> {
  if (target === 'none') return null;
  // The id is well formed, and beyond every row; of an authority that never was.
  if (target === 'random') {
    return { ...randomObjects(), entry_id: '999999999999', authority_id: 'ca-ffffffff' };
  }
  const home = world[principal.home];
  if (target === 'outside') return home.outside();
  const org = target === 'own' ? home : awayOf(world, principal);
  const made = isDestructive(operation) ? await org.fresh(kindsOf(operation)) : org.standing;
  const objects = { ...made, entry_id: org.entryId, authority_id: world.authorityId };
  if (operation.action === 'self') return { ...objects, ...(await ownProof(org, principal, target)) };
  if (endsOrganization(operation) && principal.person?.isSystemAdmin) {
    return { ...objects, ...(await world.doomed(operation.id === 'organizations.resume')) };
  }
  // A key of the service account that stands.
  if (operation.id === 'service_account_keys.revoke') {
    const holder = { userId: objects.account_id, orgId: org.id };
    return { ...objects, key_id: await org.makers.key(holder) };
  }
  return principal.device !== null && target === 'own'
    ? { ...objects, device_id: principal.device.deviceId }
    : objects;
}

export const awayOf = (world: World, { home }: Principal): Org =>
  home === 'first' ? world.second : world.first;

/** A session and a key of the caller, or of somebody else. */
async function ownProof({ makers, standing }: Org, { person }: Principal, target: Target) {
  const userId = target === 'own' && person !== null ? person.userId : standing.user_id;
  return { session_id: await makers.session(userId), key_id: await makers.key({ userId, orgId: null }) };
}

async function madeBody(
  stack: RealStack,
  world: World,
  operation: Operation,
  principal: Principal,
  objects: Aimed | null,
) {
  const { id } = operation;
  return bodyOf(operation, objects, {
    email: principal.person?.email ?? 'org-admin@example.com',
    registrationToken: id === 'device.register' ? await world[principal.home].registrationToken() : '',
    settingsVersion: await settingsVersionOf(stack, operation, objects),
    ...(id === 'claims.create' ? { claimCode: await world.claimCode() } : {}),
    ...(id.startsWith('second_factor.') ? { code: await readySecondFactor(stack, id, principal) } : {}),
  });
}

/** Every change of the settings names the version that it was made from. */
async function settingsVersionOf(
  { database }: RealStack,
  { id }: Operation,
  objects: Aimed | null,
): Promise<number> {
  if (objects === null) return 0;
  if (id === 'security.update') {
    return (await database.organizationSecurity.get(objects.organization_id)).version;
  }
  if (id !== 'telemetry.update') return 0;
  const stored = await database.telemetrySettings.get(objects.organization_id);
  return stored?.settings.version ?? 0;
}

/** Sets the caller's second factor up as far as the operation expects it. @returns the code that is right then */
async function readySecondFactor(
  { database, secretBox }: RealStack,
  id: string,
  { person }: Principal,
): Promise<string> {
  if (person === null) return '000000';
  const { userId } = person;
  await database.secondFactors.remove(userId);
  if (id === 'second_factor.get' || id === 'second_factor.begin') return '';
  const secret = randomBytes(TOTP_SECRET_BYTES);
  const context = { object: `totp:${userId}`, version: 1 };
  const sealed = await secretBox.seal({ orgId: null }, context, secret);
  await database.secondFactors.begin(userId, sealed, new Date());
  if (id === 'second_factor.confirm') {
    return new TOTP({ secret: setupOf(secret, person.email).secret }).generate();
  }
  await database.secondFactors.confirm(userId, 0, new Date());
  const [code = ''] = makeRecoveryCodes(randomBytes);
  await database.secondFactors.replaceRecoveryCodes(userId, [hashSecret(code.replaceAll('-', ''))]);
  return code;
}
