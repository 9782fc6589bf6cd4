/**
 * Every operation of the running OpenAPI document × everybody × own, foreign and random ids, against the policy
 * table. A route without a policy fails here, and so does an answer that tells a foreign id from a made-up one.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ROUTES } from '#web-api';
import { expectedOf, isAction, type Target, targetsOf } from './policy-expectations.ts';
import type { Objects } from './policy-objects.ts';
import { type Operation, readOperations } from './policy-operations.ts';
import { awayOf, createProber, type Prober } from './policy-probe.ts';
import { openWorld, type Principal, type World } from './policy-world.ts';
import { type RealStack, startRealStack } from './real-stack.ts';
import { type Answer, codeOf, shownOf } from './web-fixture.ts';

/** Their callers stand in each other's way: a version, a limit per address, the one proof of a person. */
const ONE_BY_ONE: readonly string[] = [
  ...['security.update', 'telemetry.update', 'claims.create', 'authorities.rollover', 'authorities.retire'],
  ...['encryption.rotate', 'encryption.rotate_master', 'auth.login', 'organizations.export'],
  ...['metrics.export', 'logs.export', 'audit.export'],
];

let stack: RealStack;
let world: World;
let operations: Operation[];
let prober: Prober;

beforeAll(async () => {
  stack = await startRealStack();
  world = await openWorld(stack);
  prober = createProber(stack, world);
  operations = readOperations((await stack.web.call(`${stack.web.httpUrl}/api/docs/openapi.json`)).json());
});
afterAll(async () => {
  prober.close();
  await stack.stop();
});

/** What must not be read in an answer to somebody of another organisation; too short ones are in every text. */
const marksOf = (objects: Objects): string[] => Object.values(objects);

describe('the OpenAPI document', () => {
  it('has every route, each with an action that the policy knows', () => {
    expect(operations.map(({ id }) => id).sort()).toEqual(Object.keys(ROUTES).sort());
    expect(operations.filter(({ action }) => !isAction(action)).map(({ id }) => id)).toEqual([]);
  });
});

/** @returns how the answers to one caller differ from the policy. */
async function differencesFor(operation: Operation, principal: Principal): Promise<string[]> {
  const differences: string[] = [];
  const hidden = new Map<Target, unknown>();
  for (const target of targetsOf(operation, principal)) {
    const objects = await prober.aim(operation, principal, target);
    const expected = expectedOf(operation, principal, target, objects);
    const answer = await prober.probe(operation, principal, objects);
    const place = `${principal.name}, ${target} id`;
    const seen = seenAs(answer, expected);
    if (seen !== expected) differences.push(`${place}: ${seen} instead of ${expected}: ${answer.text}`);
    const isBatch = operation.id.startsWith('approvals.') && operation.method === 'POST';
    if (isBatch && answer.status === 200 && !answer.text.includes('"decided":1')) {
      differences.push(`${place}: nothing was decided: ${answer.text}`);
    }
    if (answer.status === 404) hidden.set(target, shownOf(answer));
    if (principal.person === null || principal.person.isSystemAdmin) continue;
    const isLeaking = marksOf(awayOf(world, principal).standing).some((mark) => answer.text.includes(mark));
    if (isLeaking) differences.push(`${place}: shows what is foreign`);
  }
  const texts = new Set([...hidden.values()].map((shown) => JSON.stringify(shown)));
  if (texts.size > 1) differences.push(`${principal.name}: ids are told apart: ${[...texts].join(' ')}`);
  return differences;
}

const seenAs = (answer: Answer, expected: string): string => {
  const code = codeOf(answer);
  return expected === '404' || code === '' ? String(answer.status) : `${answer.status} ${code}`;
};

describe('every operation', () => {
  it.each(Object.keys(ROUTES))('%s answers each caller as the policy says', async (id) => {
    const operation = operations.find((one) => one.id === id);
    if (operation === undefined) throw new Error('not in the document');
    const differences: string[] = [];
    const callers = [...world.principals];
    const isOneByOne = ONE_BY_ONE.includes(id) || (operation.action === 'self' && operation.method !== 'GET');
    const work = async () => {
      for (let next = callers.shift(); next !== undefined; next = callers.shift()) {
        differences.push(...(await differencesFor(operation, next)));
      }
    };
    await Promise.all(Array.from({ length: isOneByOne ? 1 : callers.length }, work));
    if (id === 'auth.password' || id.startsWith('second_factor.')) await world.resetPasswords();
    expect(differences).toEqual([]);
  });
});
