/** Log lines as they are read: by device, level, service, time and words, from a place in either direction. */
import type { LogLine, LogPlace, LogQuery, LogSearch, LogStore } from './contracts/logs.ts';
import { isGrouped } from './device-scope.ts';
import { type LogTerm, parseLogText, tsqueryOf } from './log-text.ts';
import { NARROW_MICROS, type Window, type WindowWalk, walkWindows } from './log-windows.ts';
import type { Queries } from './queries.ts';
import { StoreError } from './store-error.ts';

/** After this a page is given as far as it is; the next one goes on. */
const PAGE_BUDGET_MS = 350;
/** The first window; whoever waits has given up by then. */
const SEARCH_TIMEOUT_MS = 5000;
/** Less than this is not worth another window. */
const LEAST_WINDOW_MS = 50;
const MAX_LINES = 10_000;
/** Devices that a service narrows a search to; more narrow it too little. */
const MAX_SERVICE_DEVICES = 500;
/** Services are noted once an hour. */
const SERVICE_PRECISION_MS = 3_600_000;
/** Counted at most: what is shown is "many". */
const MAX_ERRORS = 1_000_000;
const STATEMENT_TIMED_OUT = '57014';
const SEVERE: readonly string[] = ['error', 'critical'];

type Direction = Parameters<LogStore['search']>[2];
/** Of PostgreSQL's bigint: after every line of its microsecond. */
const LAST_ID = 9_223_372_036_854_775_807n;
const NO_LINES: LogSearch = { lines: [], reached: null };
type LineRow = Omit<LogLine, 'place'> & { readonly atMicros: string; readonly id: string };

/** @param pageBudgetMs after which a page is given as far as it is. */
export function createLogStore(
  queries: Queries,
  { now = Date.now, pageBudgetMs = PAGE_BUDGET_MS } = {},
): LogStore {
  const { rows } = queries;
  return {
    async search(orgId, query, direction, place, limit) {
      const terms = query.text === null ? null : parseText(query.text);
      const text = terms === null ? null : tsqueryOf(terms);
      // Without a word that must occur the words' index has nothing to look up.
      const hasPositive = terms?.some(({ without }) => !without) ?? false;
      const narrowed = await narrowByService(queries, orgId, query);
      if (narrowed === null || narrowed.deviceIds?.length === 0) return NO_LINES;
      const nowMs = now();
      const walk = walkWindows(direction, rangeOf(narrowed, direction === 'older', place, nowMs));
      const found = await searchWindows(
        queries,
        walk,
        (window) => {
          const wordsFirst = hasPositive && isWide(window);
          return {
            ...pageSql({ orgId, query: narrowed, text, direction, place, window, wordsFirst }),
            wordsFirst,
          };
        },
        { limit: Math.min(limit, MAX_LINES), budgetMs: pageBudgetMs },
      );
      const lines = (direction === 'older' ? found.rows : found.rows.reverse()).map(toLine);
      return { lines, reached: placeReached(direction, found.reachedMicros, nowMs) };
    },

    async services(orgId, deviceId, since) {
      const found = await rows<{ name: string }>(
        `SELECT s.service_name AS name FROM device_log_services s JOIN edge_devices d ON d.id = s.device_id
         WHERE d.organization_id = $1 AND d.id = $2 AND s.last_at >= $3::timestamptz - interval '1 hour'
         ORDER BY s.service_name`,
        [orgId, deviceId, since],
      );
      return found.map(({ name }) => name);
    },

    async countErrors(scope, since) {
      const { orgIds, groupIds } = isGrouped(scope) ? scope : { orgIds: scope, groupIds: [] };
      const ofLevel = `"timestamp" >= $2 AND log_level IN ('error', 'critical') LIMIT ${MAX_ERRORS}`;
      // Apart, so that each has its index.
      const [counted] = await rows<{ lines: number }>(
        `SELECT least((SELECT count(*) FROM (
           SELECT FROM device_logs
           WHERE organization_id IN (SELECT id FROM organizations WHERE $1::uuid[] IS NULL OR id = ANY ($1))
             AND ${ofLevel}) AS line)
         + (SELECT count(*) FROM (
           SELECT FROM device_logs
           WHERE device_id IN (SELECT device_id FROM device_group_members WHERE group_id = ANY ($3::uuid[]))
             AND ${ofLevel}) AS line), ${MAX_ERRORS})::float8 AS lines`,
        [orgIds, since, groupIds],
      );
      return counted?.lines ?? 0;
    },
  };
}

/** @throws StoreError 'invalid' of `q` */
function parseText(text: string): LogTerm[] {
  const terms = parseLogText(text);
  if (terms.length === 0) {
    throw new StoreError('invalid', 'q holds no word to search for', { field: 'q' });
  }
  return terms;
}

/** A service stands in no index of the lines: the devices that have it, and until when, narrow the search. */
async function narrowByService({ rows }: Queries, orgId: string, query: LogQuery): Promise<LogQuery | null> {
  if (query.service === null) return query;
  const devices = await rows<{ id: string; lastAt: Date }>(
    `SELECT d.id, s.last_at AS "lastAt" FROM device_log_services s JOIN edge_devices d ON d.id = s.device_id
     WHERE d.organization_id = $1 AND s.service_name = $2 AND ($3::uuid[] IS NULL OR d.id = ANY ($3))
     LIMIT ${MAX_SERVICE_DEVICES + 1}`,
    [orgId, query.service, query.deviceIds],
  );
  if (devices.length === 0) return null;
  if (devices.length > MAX_SERVICE_DEVICES) return query;
  const last = Math.max(...devices.map(({ lastAt }) => +lastAt)) + SERVICE_PRECISION_MS;
  const to = query.to === null || +query.to > last ? new Date(last) : query.to;
  return { ...query, deviceIds: devices.map(({ id }) => id), to };
}

const MICROS_PER_MS = 1000n;
const microsOf = (at: Date | null): bigint | null => (at === null ? null : BigInt(+at) * MICROS_PER_MS);

function rangeOf({ from, to }: LogQuery, older: boolean, place: LogPlace | null, nowMs: number) {
  const fromMicros = microsOf(from);
  const toMicros = microsOf(to);
  const presentMicros = BigInt(Math.trunc(nowMs)) * MICROS_PER_MS;
  if (place === null) {
    const end = least(toMicros, presentMicros);
    return { anchorMicros: older ? end : fromMicros, fromMicros, toMicros, presentMicros };
  }
  // One microsecond is the precision of the place, and its own line may have neighbours in it.
  const upper = place.atMicros + 1n;
  return older
    ? { anchorMicros: place.atMicros, fromMicros, toMicros: least(toMicros, upper), presentMicros }
    : { anchorMicros: place.atMicros, fromMicros: most(fromMicros, place.atMicros), toMicros, presentMicros };
}
const least = (a: bigint | null, b: bigint): bigint => (a === null || b < a ? b : a);
const most = (a: bigint | null, b: bigint): bigint => (a === null || b > a ? b : a);

/**
 * A wide window is only reached by words that are rare in the narrow one before it. The planner takes words that never
 * meet for ones that meet often, and would read every line by time in hope of them; so the words' index goes first.
 */
const WORDS_FIRST = `SELECT set_config('enable_indexscan', 'off', true), set_config('enable_seqscan', 'off', true)`;

export const isWide = ({ fromMicros, toMicros }: Window): boolean =>
  fromMicros === null || toMicros === null || toMicros - fromMicros > NARROW_MICROS;

type Statement = (window: Window) => {
  readonly text: string;
  readonly parameters: readonly unknown[];
  readonly wordsFirst: boolean;
};

interface Found {
  readonly rows: LineRow[];
  /** Null: the limit was reached, or the end of the range. */
  reachedMicros: bigint | null;
}

/** Until there are `limit` lines or the time for a page is over. @throws StoreError 'unavailable' of `q` */
async function searchWindows(
  queries: Queries,
  walk: WindowWalk,
  statement: Statement,
  { limit, budgetMs }: { readonly limit: number; readonly budgetMs: number },
): Promise<Found> {
  const found: Found = { rows: [], reachedMicros: null };
  const startedAt = performance.now();
  const leftMs = (): number => budgetMs - (performance.now() - startedAt);
  let searchedMicros: bigint | null = null;
  try {
    await queries.inTransaction(async ({ rows }) => {
      let window = walk.next({ tookMs: 0, leftMs: budgetMs });
      while (window !== null) {
        const windowAt = performance.now();
        // What is searched already can be given: only without anything is waiting longer better than nothing.
        const timeoutMs =
          searchedMicros === null ? SEARCH_TIMEOUT_MS : Math.max(LEAST_WINDOW_MS, Math.ceil(leftMs()));
        await rows(`SELECT set_config('statement_timeout', $1, true)`, [String(timeoutMs)]);
        const { text, parameters, wordsFirst } = statement(window);
        if (wordsFirst) await rows(WORDS_FIRST);
        found.rows.push(...(await rows<LineRow>(text, [...parameters, limit - found.rows.length])));
        searchedMicros = walk.reachedMicros;
        if (found.rows.length >= limit) return;
        window = walk.next({ tookMs: performance.now() - windowAt, leftMs: leftMs() });
        if (window !== null && !walk.isDone && leftMs() < LEAST_WINDOW_MS) {
          found.reachedMicros = searchedMicros;
          return;
        }
      }
    });
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === STATEMENT_TIMED_OUT)) throw error;
    if (searchedMicros === null) {
      throw new StoreError(
        'unavailable',
        `the search took longer than ${SEARCH_TIMEOUT_MS / 1000} s; narrow it by device, time or rarer words in q`,
        { field: 'q', cause: error },
      );
    }
    found.reachedMicros = searchedMicros;
  }
  return found;
}

/** Newer lines are yet to come, so that a search towards them never goes on beyond the present. */
function placeReached(direction: Direction, micros: bigint | null, nowMs: number): LogPlace | null {
  if (micros === null) return null;
  if (direction === 'older') return { atMicros: micros, id: 0n };
  const nowMicros = BigInt(Math.trunc(nowMs)) * MICROS_PER_MS;
  return { atMicros: (micros < nowMicros ? micros : nowMicros) - 1n, id: LAST_ID };
}

/** One window; the limit is the parameter after the given ones. Only what is asked for stands in it, for the planner. */
export function pageSql(asked: {
  readonly orgId: string;
  readonly query: LogQuery;
  readonly text: string | null;
  readonly direction: Direction;
  readonly place: LogPlace | null;
  readonly window: Window;
  /** Orders by an expression that no index has, so that the planner cannot walk along the time. */
  readonly wordsFirst: boolean;
}): { text: string; parameters: readonly unknown[] } {
  const { orgId, query, text, direction, place, window, wordsFirst } = asked;
  const parameters: unknown[] = [];
  const next = (value: unknown): string => `$${parameters.push(value)}`;
  const conditions = [`l.organization_id = ${next(orgId)}`];
  const { deviceIds, levels, service } = query;
  if (deviceIds?.length === 1) conditions.push(`l.device_id = ${next(deviceIds[0])}::uuid`);
  else if (deviceIds !== null) conditions.push(`l.device_id = ANY (${next(deviceIds)}::uuid[])`);
  if (levels !== null) {
    conditions.push(`l.log_level = ANY (${next(levels)}::text[])`);
    // In the words of the partial index.
    if (levels.every((level) => SEVERE.includes(level)))
      conditions.push(`l.log_level IN ('error', 'critical')`);
  }
  if (service !== null) conditions.push(`l.service_name = ${next(service)}`);
  if (text !== null)
    conditions.push(`log_words(l.message) @@ to_tsquery('pg_catalog.simple', ${next(text)})`);
  if (window.fromMicros !== null)
    conditions.push(`l."timestamp" >= ${next(isoOfMicros(window.fromMicros))}::timestamptz`);
  if (window.toMicros !== null)
    conditions.push(`l."timestamp" < ${next(isoOfMicros(window.toMicros))}::timestamptz`);
  if (place !== null) {
    const sign = direction === 'older' ? '<' : '>';
    conditions.push(
      `(l."timestamp", l.id) ${sign} (${next(isoOfMicros(place.atMicros))}::timestamptz, ${next(String(place.id))}::bigint)`,
    );
  }
  const order = direction === 'older' ? 'DESC' : 'ASC';
  const time = wordsFirst ? `l."timestamp" + interval '0'` : 'l."timestamp"';
  return {
    text: `SELECT (extract(epoch FROM l."timestamp") * 1000000)::bigint::text AS "atMicros", l.id::text AS id,
             l.device_id AS "deviceId", d.device_name AS "deviceName", l."timestamp" AS at,
             l.received_at AS "receivedAt", l.log_level AS level, l.service_name AS service, l.message, l.metadata
           FROM (SELECT * FROM device_logs l WHERE ${conditions.join(' AND ')}
                 ORDER BY ${time} ${order}, l.id ${order} LIMIT $${parameters.length + 1}) AS l
           JOIN edge_devices d ON d.id = l.device_id
           ORDER BY l."timestamp" ${order}, l.id ${order}`,
    parameters,
  };
}

/** With all six digits, which a Date cannot hold. */
function isoOfMicros(micros: bigint): string {
  const ms = micros / MICROS_PER_MS - (micros % MICROS_PER_MS < 0n ? 1n : 0n);
  const rest = micros - ms * MICROS_PER_MS;
  return `${new Date(Number(ms)).toISOString().slice(0, -1)}${String(rest).padStart(3, '0')}Z`;
}

const toLine = ({ atMicros, id, ...line }: LineRow): LogLine => ({
  place: { atMicros: BigInt(atMicros), id: BigInt(id) },
  ...line,
});
