/** Every write of a signed-in person leaves exactly one row in the audit log: done, refused, not valid, or broken half-way. */
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ROUTES, type Route, type RouteName } from '#web-api';
import { bodyOf, type Operation, readOperations, urlOf } from './policy-operations.ts';
import { type Objects, openWorld, type PrincipalName, type World } from './policy-world.ts';
import { type RealStack, startRealStack } from './real-stack.ts';
import type { Answer } from './web-fixture.ts';

/** Ask, and change nothing: `POST` is for what an address has no room for. */
const QUESTIONS: readonly RouteName[] = ['redaction.test'];
/** One row for each object that they name, each with the outcome of its own. */
const BATCHES: readonly RouteName[] = ['approvals.approve', 'approvals.reject'];
const WRITES = (Object.entries(ROUTES) as [RouteName, Route][])
  .filter(([name, { method, auth }]) => method !== 'GET' && auth === 'session' && !QUESTIONS.includes(name))
  .map(([name]) => name);

let stack: RealStack;
let world: World;
let operations: Operation[];
let client: pg.Client;
let lastId = 0;

/** Beside the server, with every right. */
const sql = async (text: string): Promise<pg.QueryResultRow[]> => (await client.query(text)).rows;

beforeAll(async () => {
  stack = await startRealStack();
  world = await openWorld(stack);
  client = new pg.Client({ connectionString: stack.databaseUrl });
  await client.connect();
  operations = readOperations((await stack.web.call(`${stack.web.httpUrl}/api/docs/openapi.json`)).json());
  await sql(`CREATE TABLE broken (on_success boolean NOT NULL)`);
  await sql(`CREATE FUNCTION break_success() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
    BEGIN
      IF NEW.outcome = 'success' AND EXISTS (SELECT FROM broken WHERE on_success) THEN
        RAISE EXCEPTION 'the disk is gone' USING ERRCODE = '58030';
      END IF;
      RETURN NEW;
    END $$`);
  await sql(
    'CREATE TRIGGER a_break BEFORE INSERT ON audit_log FOR EACH ROW EXECUTE FUNCTION break_success()',
  );
});
afterAll(async () => {
  await client.end();
  await stack.stop();
});

interface Row {
  readonly id: string;
  readonly action: string;
  readonly outcome: string;
  readonly error_code: string | null;
  readonly actor: string;
}

/** Since the last look. */
async function newRows(): Promise<Row[]> {
  const rows = (await sql(
    `SELECT id::text, action, outcome, error_code, actor FROM audit_log WHERE id > ${lastId} ORDER BY id`,
  )) as unknown as Row[];
  lastId = Number(rows.at(-1)?.id ?? lastId);
  return rows;
}

async function write(name: RouteName, who: PrincipalName, body?: unknown): Promise<Answer> {
  const operation = operations.find(({ id }) => id === name);
  const principal = world.principals.find((one) => one.name === who);
  if (operation === undefined || principal?.person == null) throw new Error(`${name} as ${who}`);
  const objects: Objects = await world.first.fresh();
  const session = await principal.session();
  const made = bodyOf(operation, objects, {
    email: principal.person.email,
    registrationToken: await world.first.registrationToken(),
    settingsVersion:
      (await stack.database.telemetrySettings.get(objects.organization_id))?.settings.version ?? 0,
  });
  await newRows();
  return stack.web.call(`${stack.web.httpUrl}${urlOf(operation, objects)}`, {
    method: operation.method,
    headers: { cookie: session?.cookie ?? '', 'x-csrf-token': session?.csrfToken ?? '' },
    ...(body === undefined ? (made === undefined ? {} : { body: made }) : { body }),
  });
}

const codeOf = (answer: Answer): unknown => (answer.json() as { code?: unknown }).code;

describe('a write leaves one row', () => {
  it.each(WRITES)('%s: done, or refused for its own reasons', async (name) => {
    const answer = await write(name, 'system admin');
    const rows = await newRows();
    expect(rows, answer.text).toHaveLength(1);
    if (BATCHES.includes(name)) return;
    const isDone = answer.status < 400;
    expect(rows[0], answer.text).toMatchObject({
      outcome: isDone ? 'success' : answer.status < 500 ? 'refused' : 'failed',
      error_code: isDone ? null : codeOf(answer),
      actor: 'person:system-admin@example.com',
    });
    if (name === 'auth.password') await world.resetPasswords();
  });

  it.each(WRITES.filter((name) => ROUTES[name].action !== 'self'))('%s: forbidden', async (name) => {
    const answer = await write(name, 'org member');
    expect(answer.status, answer.text).toBeGreaterThanOrEqual(400);
    expect(await newRows(), answer.text).toMatchObject([
      { outcome: 'refused', error_code: codeOf(answer), actor: 'person:org-member@example.com' },
    ]);
  });

  it.each(WRITES.filter((name) => 'body' in ROUTES[name]))('%s: not valid', async (name) => {
    const answer = await write(name, 'system admin', 'no object');
    expect(answer.status, answer.text).toBe(400);
    expect(await newRows()).toMatchObject([
      { action: name, outcome: 'refused', error_code: 'request.invalid' },
    ]);
  });

  it.each(WRITES)('%s: the database breaks before the end', async (name) => {
    await sql('INSERT INTO broken VALUES (true)');
    try {
      const answer = await write(name, 'system admin');
      const rows = await newRows();
      expect(rows, answer.text).toHaveLength(1);
      if (BATCHES.includes(name)) return;
      expect(answer.status, answer.text).toBeGreaterThanOrEqual(400);
      expect(rows[0]?.outcome).toBe(answer.status < 500 ? 'refused' : 'failed');
    } finally {
      await sql('DELETE FROM broken');
    }
  });
});

describe('a write of nobody', () => {
  it('leaves no row: there is nobody to name', async () => {
    await newRows();
    const answer = await stack.web.call(`${stack.web.httpUrl}/api/v1/admin/organizations`, {
      method: 'POST',
      body: {},
    });
    expect(answer.status).toBe(401);
    expect(await newRows()).toEqual([]);
  });
});
