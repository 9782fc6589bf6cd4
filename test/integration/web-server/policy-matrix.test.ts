/**
 * Every operation of the running OpenAPI document × everybody × own, foreign and random ids, against the policy
 * table. A route without a policy fails here, and so does an answer that tells a foreign id from a made-up one.
 */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ACTIONS, type Action, ROUTES } from '#web-api';
import { decide } from '../../../control-plane/access/policy.ts';
import { aimOf, bodyOf, isDestructive, type Operation, readOperations, urlOf } from './policy-operations.ts';
import { type Objects, openWorld, type Principal, type World } from './policy-world.ts';
import { type RealStack, startRealStack } from './real-stack.ts';
import type { Answer } from './web-fixture.ts';

const TARGETS = ['none', 'own', 'foreign', 'random'] as const;
type Target = (typeof TARGETS)[number];

let stack: RealStack;
let world: World;
let operations: Operation[];

beforeAll(async () => {
  stack = await startRealStack();
  world = await openWorld(stack);
  operations = readOperations((await stack.web.call(`${stack.web.httpUrl}/api/docs/openapi.json`)).json());
});
afterAll(() => stack.stop());

const isAction = (word: string | undefined): word is Action => ACTIONS.some((action) => action === word);
const homeOf = (principal: Principal) => (principal.home === 'first' ? world.first : world.second);
const awayOf = (principal: Principal) => (principal.home === 'first' ? world.second : world.first);

function targetsOf(operation: Operation): readonly Target[] {
  switch (aimOf(operation)) {
    case 'none':
      return ['none'];
    case 'filter':
      return TARGETS;
    default:
      return ['own', 'foreign', 'random'];
  }
}

async function objectsFor(
  operation: Operation,
  principal: Principal,
  target: Target,
): Promise<Objects | null> {
  if (target === 'none') return null;
  if (target === 'random') return world.random();
  const org = target === 'own' ? homeOf(principal) : awayOf(principal);
  const objects = isDestructive(operation) ? await org.fresh() : org.standing;
  if (principal.device !== null && target === 'own')
    return { ...objects, device_id: principal.device.deviceId };
  return objects;
}

/** `200`, or `404 device.not_found`; the code of a hidden object depends on its kind and is compared elsewhere. */
function expectedOf(
  operation: Operation,
  principal: Principal,
  target: Target,
  objects: Objects | null,
): string {
  const { action, auth, success } = operation;
  if (auth === 'public') return String(success);
  if (auth === 'device' || auth === 'certificate') {
    if (principal.device === null) return '401 auth.required';
    return target === 'own' ? String(success) : '404 device.not_found';
  }
  if (principal.person === null || !isAction(action)) return '401 auth.required';
  // A random id belongs to no organisation, whoever asks.
  const verdict =
    target === 'random' ? 'hide' : decide(principal.person, action, objects?.organization_id ?? null);
  return { allow: String(success), forbid: '403 auth.forbidden', hide: '404' }[verdict];
}

async function probe(operation: Operation, principal: Principal, objects: Objects | null): Promise<Answer> {
  const session = await principal.session();
  const isWrite = operation.method !== 'GET';
  const body = bodyOf(operation, objects, {
    email: principal.person?.email ?? 'org-admin@example.com',
    registrationToken: operation.id === 'device.register' ? await homeOf(principal).registrationToken() : '',
    settingsVersion: await settingsVersionOf(objects),
  });
  const { device } = principal;
  return stack.web.call(
    `${device === null ? stack.web.httpUrl : stack.web.httpsUrl}${urlOf(operation, objects)}`,
    {
      method: operation.method,
      headers: {
        ...(session === null ? {} : { cookie: session.cookie }),
        ...(session === null || !isWrite ? {} : { 'x-csrf-token': session.csrfToken }),
        ...(device === null ? {} : { authorization: `Bearer ${device.jwt}` }),
      },
      ...(body === undefined ? {} : { body }),
      ...(device === null ? {} : { client: { key: device.key, cert: device.cert } }),
    },
  );
}

/** Every change of the settings names the version that it was made from. */
async function settingsVersionOf(objects: Objects | null): Promise<number> {
  if (objects === null) return 0;
  const stored = await stack.database.telemetrySettings.get(objects.organization_id);
  return stored?.settings.version ?? 0;
}

function codeOf(answer: Answer): string {
  const body = answer.status >= 400 ? answer.json() : null;
  return typeof body === 'object' && body !== null && 'code' in body ? String(body.code) : '';
}

/** What the caller sees, apart from the request's own id. */
const shownOf = (answer: Answer): unknown => {
  const body = answer.json();
  return { status: answer.status, body: typeof body === 'object' ? { ...body, instance: null } : body };
};

const idsOf = (objects: Objects): string[] => Object.values(objects);

describe('the OpenAPI document', () => {
  it('has every route, each with an action that the policy knows', () => {
    expect(operations.map(({ id }) => id).sort()).toEqual(Object.keys(ROUTES).sort());
    expect(operations.filter(({ action }) => !isAction(action)).map(({ id }) => id)).toEqual([]);
  });
});

describe('every operation', () => {
  it.each(Object.keys(ROUTES))('%s answers each caller as the policy says', async (id) => {
    const operation = operations.find((one) => one.id === id);
    if (operation === undefined) throw new Error('not in the document');
    const differences: string[] = [];
    for (const principal of world.principals) {
      const hidden = new Map<Target, unknown>();
      for (const target of targetsOf(operation)) {
        const objects = await objectsFor(operation, principal, target);
        const expected = expectedOf(operation, principal, target, objects);
        const answer = await probe(operation, principal, objects);
        const code = codeOf(answer);
        const seen = expected === '404' || code === '' ? String(answer.status) : `${answer.status} ${code}`;
        const place = `${principal.name}, ${target} id`;
        if (seen !== expected) differences.push(`${place}: ${seen} instead of ${expected}: ${answer.text}`);
        if (answer.status === 404) hidden.set(target, shownOf(answer));
        if (principal.person !== null && !principal.person.isSystemAdmin) {
          const leaked = idsOf(awayOf(principal).standing).filter((foreign) => answer.text.includes(foreign));
          if (leaked.length > 0) differences.push(`${place}: shows foreign ids`);
        }
      }
      if (hidden.has('foreign')) expect(hidden.get('foreign')).toEqual(hidden.get('random'));
    }
    if (operation.id === 'auth.password') await world.resetPasswords();
    expect(differences).toEqual([]);
  });
});

describe('every list', () => {
  const ownId: Readonly<Record<string, keyof Objects>> = {
    'organizations.list': 'organization_id',
    'members.list': 'user_id',
    'audit.list': 'device_id',
    'devices.list': 'device_id',
    'tokens.list': 'token_id',
    'integrators.list': 'integrator_id',
    'refusals.list': 'device_id',
    'dead_letters.list': 'device_id',
    'metric_types.list': 'metric_type',
  };

  it('is known to this test', () => {
    const lists = operations.filter(({ id }) => id.endsWith('.list')).map(({ id }) => id);
    expect(lists.sort()).toEqual(Object.keys(ownId).sort());
  });

  it.each(Object.entries(ownId))(
    '%s shows an admin the own objects alone, a system admin all',
    async (id, kind) => {
      const operation = operations.find((one) => one.id === id);
      if (operation === undefined) throw new Error('not in the document');
      for (const name of ['org admin', 'other-org admin', 'system admin'] as const) {
        const principal = world.principals.find((one) => one.name === name);
        if (principal === undefined) throw new Error(`nobody is ${name}`);
        const aim = aimOf(operation) === 'path' ? homeOf(principal).standing : null;
        const { text, status } = await probe(operation, principal, aim);
        expect(status).toBe(200);
        expect(text).toContain(homeOf(principal).standing[kind]);
        const isForeignShown = text.includes(awayOf(principal).standing[kind]);
        expect(isForeignShown).toBe(name === 'system admin' && aim === null);
      }
    },
  );
});

describe('an own organisation', () => {
  const admin = () => {
    const principal = world.principals.find(({ name }) => name === 'org admin');
    if (principal === undefined) throw new Error('nobody is org admin');
    return principal;
  };
  async function call(method: string, path: string, body?: unknown): Promise<Answer> {
    const session = await admin().session();
    if (session === null) throw new Error('no session');
    return stack.web.call(`${stack.web.httpUrl}${path}`, {
      method,
      headers: { cookie: session.cookie, 'x-csrf-token': session.csrfToken },
      ...(body === undefined ? {} : { body }),
    });
  }

  it('lends no arm to people of another one', async () => {
    const path = (userId: string) => `/api/v1/admin/organizations/${world.first.id}/members/${userId}`;
    for (const [method, body] of [
      ['PUT', { role: 'org_admin' }],
      ['DELETE', undefined],
    ] as const) {
      const foreign = await call(method, path(world.second.standing.user_id), body);
      const random = await call(method, path(randomUUID()), body);
      expect([foreign.status, codeOf(foreign)]).toEqual([404, 'member.not_found']);
      expect(shownOf(foreign)).toEqual(shownOf(random));
    }
  });

  it('hands out no token for a device of another one', async () => {
    const body = (replaces_device_id: string) => ({ organization_id: world.first.id, replaces_device_id });
    const path = '/api/v1/admin/edge/registration-tokens';
    const foreign = await call('POST', path, body(world.second.standing.device_id));
    const random = await call('POST', path, body(randomUUID()));
    expect([foreign.status, codeOf(foreign)]).toEqual([404, 'device.not_found']);
    expect(shownOf(foreign)).toEqual(shownOf(random));
    expect((await call('POST', path, body(world.first.standing.device_id))).status).toBe(201);
  });

  it('filters its refusals by a device of another one to nothing', async () => {
    const path = `/api/v1/admin/edge/refusals?device_id=${world.second.standing.device_id}`;
    expect((await call('GET', path)).json()).toEqual({ items: [], total: 0, next_cursor: null });
  });

  it('gives its cursor no power over another one', async () => {
    const mine = await call('GET', '/api/v1/admin/edge/devices?page_size=1');
    const page = mine.json();
    const cursor =
      typeof page === 'object' && page !== null && 'next_cursor' in page ? page.next_cursor : null;
    expect(typeof cursor).toBe('string');
    const other = world.principals.find(({ name }) => name === 'other-org admin');
    const session = await other?.session();
    const theirs = await stack.web.call(
      `${stack.web.httpUrl}/api/v1/admin/edge/devices?page_size=500&cursor=${encodeURIComponent(String(cursor))}`,
      { headers: { cookie: session?.cookie ?? '' } },
    );
    for (const id of idsOf(world.first.standing)) expect(theirs.text).not.toContain(id);
  });
});
