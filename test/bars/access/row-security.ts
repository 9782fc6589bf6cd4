/**
 * Bar of access: with the conditions on the organisation taken out of every statement of every store, a tenant is still
 * given no row of another organisation, and changes none. The same statements run as the owner show that they leak.
 * `node test/bars/access/row-security.ts`
 */
import pg from 'pg';
import type { Database, Stores, TenantScope } from '#db';
import { type Queries, queriesOn } from '../../../db/stores/queries.ts';
import { createStores } from '../../../db/stores/stores.ts';
import { asOwner, asTenant } from '../../../db/tenant.ts';
import { dialectOf } from '../../../db/timeseries/dialect-of.ts';
import { runBar } from '../../support/bar.ts';
import { createTestDatabase } from '../../support/database.ts';
import { startTestServer } from '../../support/database-server.ts';
import { OWNERS_ALONE, OWNERS_STORES, STORE_CALLS, type StoreCall } from '../../support/store-calls.ts';
import { type Side, seedSide } from '../../support/two-organizations.ts';
import { withoutOrganization } from '../../support/without-organization.ts';

/** Statements of the bar itself stay as they are. */
const AS_IT_IS = '/* as it is */';
/** The mutation must reach the bulk of the calls, or the bar says little. */
const LEAST_LEAKS_AS_OWNER = 80;
const LIMIT = '0 foreign rows';

let isMutating = false;
const mutated = new Set<string>();
const refusedByPostgres = new Map<string, string>();

/** A connection whose author forgot the organisation. */
class ForgetfulClient extends pg.Client {
  // biome-ignore lint/suspicious/noExplicitAny: pg's query has nine shapes; this stands before all of them
  override query(config: any, ...rest: any[]): any {
    const text: unknown = typeof config === 'string' ? config : config?.text;
    if (!isMutating || typeof text !== 'string' || text.startsWith(AS_IT_IS))
      return super.query(config, ...rest);
    const stripped = withoutOrganization(text);
    if (stripped.removed > 0) mutated.add(text);
    return super.query(
      typeof config === 'string' ? stripped.text : { ...config, text: stripped.text },
      ...rest,
    );
  }
}

class Undone extends Error {}
interface Ran {
  readonly result: string;
  /** Whether a row of the other side is another one afterwards. */
  readonly changed: boolean;
}

async function measure(database: Database, url: string, pool: pg.Pool) {
  const ours = await seedSide(database, url, 'ours');
  const theirs = await seedSide(database, url, 'theirs');
  const queries = queriesOn(pool);
  const run = (call: StoreCall, side: Side, scope: TenantScope | null, mutating: boolean) =>
    runOnce(queries, database, call, side, theirs, scope, mutating);
  const scope: TenantScope = { orgs: [ours.orgId], userId: ours.userId };
  const sides: readonly Side[] = [ours, { ...theirs, orgId: ours.orgId, slug: ours.slug }, theirs];
  const missing = methodsOf(database).filter((name) => !(name in STORE_CALLS) && !isOwners(name));
  const foreign: string[] = [];
  let calls = 0;
  let leaksAsOwner = 0;
  for (const [name, variants] of Object.entries(STORE_CALLS)) {
    for (const call of variants) {
      const plain = await run(call, ours, scope, false);
      const again = await run(call, ours, scope, false);
      for (const [index, side] of sides.entries()) {
        calls += 1;
        const seen = await run(call, side, scope, true);
        const isOther = index === 0 && plain.result === again.result && seen.result !== plain.result;
        if (seen.changed || theirs.marks.test(withoutEcho(name, seen.result, side)) || isOther) {
          foreign.push(
            `${name} (${['own', 'crossed', 'foreign'][index]}): ${seen.changed ? 'changed' : seen.result.slice(0, 200)}`,
          );
        }
      }
      const asIs = await run(call, ours, null, false);
      const leaked = await run(call, ours, null, true);
      const crossed = await run(call, sides[1] as Side, null, true);
      const isLeak = leaked.changed || crossed.changed || theirs.marks.test(leaked.result + crossed.result);
      if (isLeak || leaked.result !== asIs.result) leaksAsOwner += 1;
    }
  }
  for (const line of foreign) console.log(`foreign: ${line}`);
  for (const name of missing) console.log(`not called: ${name}`);
  for (const [text, message] of refusedByPostgres) console.log(`not run: ${message}: ${text}`);
  console.log(
    `${Object.keys(STORE_CALLS).length} methods, ${calls} calls as a tenant, ${mutated.size} statements mutated`,
  );
  console.log(`the same as the owner: ${leaksAsOwner} calls give or change foreign rows`);
  const isTold = missing.length === 0 && refusedByPostgres.size === 0 && leaksAsOwner >= LEAST_LEAKS_AS_OWNER;
  return {
    name: 'row-security',
    figure: `${foreign.length} of ${calls} calls with foreign rows, ${leaksAsOwner} leak as the owner`,
    limit: LIMIT,
    holds: foreign.length === 0 && isTold,
  };
}

/** What a method repeats of its arguments in its answer: in a row of the own organisation, or found or not. */
const ECHOES: Readonly<Record<string, keyof Side>> = {
  'audit.chainSlice': 'orgId',
  'secrets.put': 'secretName',
  'tokens.create': 'deviceId',
};
function withoutEcho(name: string, result: string, side: Side): string {
  const echoed = ECHOES[name];
  return echoed === undefined ? result : result.replaceAll(String(side[echoed]), '');
}

/** In a transaction that is undone. */
async function runOnce(
  queries: Queries,
  database: Database,
  call: StoreCall,
  side: Side,
  other: Side,
  scope: TenantScope | null,
  mutating: boolean,
): Promise<Ran> {
  let ran: Ran = { result: '', changed: false };
  const work = () =>
    queries.inTransaction(async (inside) => {
      const stores: Stores = createStores(inside, dialectOf(database.timeseries));
      if (mutating) rowsBefore ??= await asOwner(() => rowsOf(inside, other));
      await inside.count(`${AS_IT_IS} SAVEPOINT before_call`);
      isMutating = mutating;
      let result: unknown;
      try {
        result = await call(stores, side);
      } catch (error) {
        result = refusalOf(error);
        await inside.count(`${AS_IT_IS} ROLLBACK TO SAVEPOINT before_call`);
      } finally {
        isMutating = false;
        // A search leaves its own limits behind, which are not meant for the bar.
        await inside.count(`${AS_IT_IS} SET LOCAL statement_timeout = 0`);
      }
      const after = mutating ? await asOwner(() => rowsOf(inside, other)) : rowsBefore;
      ran = { result: JSON.stringify(result, replaceBig) ?? '', changed: after !== rowsBefore };
      throw new Undone();
    });
  try {
    await (scope === null ? asOwner(work) : asTenant(scope, work));
  } catch (error) {
    if (!(error instanceof Undone)) throw error;
  }
  return ran;
}

/** What the wall or a constraint refused is no row; an error of our own mutation is told. */
function refusalOf(error: unknown): string {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  const code = cause instanceof pg.DatabaseError ? (cause.code ?? '') : '';
  const message = cause instanceof Error ? cause.message : String(cause);
  // Insufficient privilege, integrity, a check option, one row that became several, and what a store throws of itself.
  if (
    !(
      code === '' ||
      code === '42501' ||
      code.startsWith('23') ||
      code === '44000' ||
      code === 'P0001' ||
      code === '21000'
    )
  ) {
    refusedByPostgres.set(message, code);
  }
  return 'refused';
}

const replaceBig = (_key: string, value: unknown): unknown => {
  if (typeof value === 'bigint') return String(value);
  return value instanceof Map ? [...value] : value;
};

let tables: readonly { readonly name: string; readonly owned: boolean }[] | undefined;
/** Every call is undone, so they are the same before each. */
let rowsBefore: string | undefined;

/** A fingerprint of every row that is the side's: by its organisation, and where a row has none, by any name or id in it. */
async function rowsOf({ rows }: Queries, side: Side): Promise<string> {
  tables ??= await rows<{ name: string; owned: boolean }>(
    `${AS_IT_IS} SELECT c.oid::regclass::text AS name, EXISTS (SELECT FROM pg_attribute a
         WHERE a.attrelid = c.oid AND a.attname = 'organization_id' AND NOT a.attisdropped) AS owned FROM pg_class c
       WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
         AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e') ORDER BY 1`,
  );
  const parts = tables.map(
    ({ name, owned }) =>
      `SELECT '${name}' AS t, string_agg(r::text, '|' ORDER BY r::text) AS s FROM public.${name} r
       WHERE ${owned ? 'organization_id = $2' : 'r::text ~ $1'}`,
  );
  const [found] = await rows<{ mark: string }>(
    `${AS_IT_IS} SELECT md5(string_agg(t || coalesce(s, ''), '|' ORDER BY t)) AS mark FROM (${parts.join(' UNION ALL ')}) all_rows`,
    [side.marks.source, side.orgId],
  );
  return found?.mark ?? '';
}

const methodsOf = (database: Database): string[] =>
  Object.entries(database).flatMap(([store, value]) =>
    typeof value === 'object' && value !== null
      ? Object.keys(value)
          .filter((method) => typeof (value as never)[method] === 'function')
          .map((method) => `${store}.${method}`)
      : [],
  );
const isOwners = (name: string): boolean =>
  OWNERS_ALONE.has(name) || OWNERS_STORES.has(name.slice(0, name.indexOf('.')));

await runBar(async () => {
  const server = await startTestServer();
  const test = await createTestDatabase();
  const pool = new pg.Pool({ connectionString: test.url, max: 2, Client: ForgetfulClient as never });
  try {
    return await measure(test.database, test.url, pool);
  } finally {
    await pool.end();
    await test.drop();
    await server.stop();
  }
});
