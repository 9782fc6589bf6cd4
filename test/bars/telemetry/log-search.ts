/**
 * The first page of a log search over tens of millions of lines: for words that are rare, frequent, absent, together or
 * in a phrase, within a device or a level, and at an old place; each from a cold start and warm.
 * `node test/bars/telemetry/log-search.ts [--long] [--lines 1000000]`; --long: 50 million lines, built once and kept.
 */
import { parseArgs } from 'node:util';
import { type LogPlace, type LogQuery, StoreError } from '#db';
import { parseLogText, tsqueryOf } from '../../../db/stores/log-text.ts';
import { walkWindows } from '../../../db/stores/log-windows.ts';
import { isWide, pageSql } from '../../../db/stores/logs.ts';
import { runBar } from '../../support/bar.ts';
import { FULL, openHistory, type SeededHistory } from '../../support/seeded-history.ts';
import { RARE_WORD } from '../../support/seeded-logs.ts';

const LIMIT_MS = 500;
/** About where the store gives a search up; its plan would take far longer still. */
const GIVEN_UP_MS = 4900;
const PAGE = 100;
const MOST_PAGES = 50;
/** About what the store takes for a page; the plans are told as far. */
const PAGE_MS = 350;
const DAY_MS = 86_400_000;

const { values } = parseArgs({
  options: { long: { type: 'boolean', default: false }, lines: { type: 'string', default: '1000000' } },
});
const size = values.long ? FULL.logs : { days: 6, devices: 200, lines: Number(values.lines) };

interface Search {
  readonly name: string;
  readonly query: Partial<LogQuery>;
  /** Days before the newest line at which it begins; 0 = the newest. */
  readonly ageDays?: number;
  /** Lines at least. */
  readonly finds: number;
}

function searchesOf({ deviceIds }: SeededHistory): Search[] {
  const device = { deviceIds: [deviceIds[7] ?? ''] };
  return [
    { name: 'no filter', query: {}, finds: PAGE },
    { name: 'frequent word', query: { text: 'request' }, finds: PAGE },
    { name: 'rare word', query: { text: RARE_WORD }, finds: values.long ? 1 : 0 },
    { name: 'word that does not occur', query: { text: 'nevermore' }, finds: 0 },
    { name: 'two frequent words', query: { text: 'connection retry' }, finds: PAGE },
    { name: 'two words that never meet', query: { text: 'worker refused' }, finds: 0 },
    { name: 'phrase', query: { text: '"connection refused"' }, finds: PAGE },
    { name: 'path', query: { text: '/var/run/backend-7.sock' }, finds: 1 },
    { name: 'prefix and without', query: { text: 'calib* -usage' }, finds: 0 },
    { name: 'word in a device', query: { ...device, text: 'refused' }, finds: 1 },
    { name: 'critical lines', query: { levels: ['critical'] }, finds: PAGE },
    { name: 'word in errors', query: { levels: ['error', 'critical'], text: 'refused' }, finds: PAGE },
    { name: 'word in a service', query: { service: 'kernel', text: 'upstream' }, finds: 0 },
    { name: 'frequent word, old place', query: { text: 'request' }, ageDays: size.days - 2, finds: PAGE },
    { name: 'rare word, old place', query: { text: RARE_WORD }, ageDays: Math.ceil(size.days / 2), finds: 0 },
    { name: 'device, old place', query: device, ageDays: size.days - 2, finds: 1 },
  ];
}

const queryOf = ({ end }: SeededHistory, { query }: Search): LogQuery => ({
  ...{ deviceIds: null, levels: null, service: null, text: null, from: null, to: end },
  ...query,
});
const placeOf = ({ end }: SeededHistory, { ageDays = 0 }: Search): LogPlace | null =>
  ageDays === 0 ? null : { atMicros: BigInt(+end - ageDays * DAY_MS) * 1000n, id: 0n };

interface Measured {
  /** Of the slowest page. */
  readonly ms: number;
  readonly lines: number;
  /** How far back the first page looked where it was not full in its time. */
  readonly until: Date | null;
}

/** Pages until as many lines are found as there must be, or the search is at its end; each page counts. */
async function measure(history: SeededHistory, search: Search): Promise<Measured> {
  const { logs } = history.database();
  const query = queryOf(history, search);
  let place = placeOf(history, search);
  let [ms, lines, pages] = [0, 0, 0];
  let until: Date | null = null;
  do {
    const startedAt = performance.now();
    try {
      const page = await logs.search(history.orgId, query, 'older', place, PAGE);
      lines += page.lines.length;
      place = page.reached;
      if (pages === 0 && place !== null) until = new Date(Number(place.atMicros / 1000n));
    } catch (error) {
      // The store gave up: as slow as it can be, and the other searches are worth knowing.
      if (!(error instanceof StoreError && error.code === 'unavailable')) throw error;
      place = null;
    }
    ms = Math.max(ms, performance.now() - startedAt);
    pages += 1;
  } while (lines < search.finds && place !== null && pages < MOST_PAGES);
  return { ms, lines, until };
}

/** Of each window up to the one that filled the page. */
async function printPlans(history: SeededHistory, search: Search): Promise<void> {
  const query = queryOf(history, search);
  const place = placeOf(history, search);
  const text = query.text === null ? null : tsqueryOf(parseLogText(query.text));
  const anchorMicros = place?.atMicros ?? BigInt(+history.end) * 1000n;
  let left = PAGE;
  const walk = walkWindows('older', {
    anchorMicros,
    fromMicros: null,
    toMicros: anchorMicros,
    presentMicros: anchorMicros,
  });
  let spent = { tookMs: 0, leftMs: PAGE_MS };
  for (let window = walk.next(spent); window !== null && spent.leftMs > 0; window = walk.next(spent)) {
    const startedAt = performance.now();
    const wordsFirst = text !== null && isWide(window);
    const page = pageSql({
      orgId: history.orgId,
      query,
      text,
      direction: 'older',
      place,
      window,
      wordsFirst,
    });
    const first = wordsFirst ? 'off' : 'on';
    await history.client().query(`SET enable_indexscan = ${first}; SET enable_seqscan = ${first}`);
    const { rows } = await history
      .client()
      .query<{ 'QUERY PLAN': string }>(`EXPLAIN (ANALYZE, BUFFERS) ${page.text}`, [...page.parameters, left]);
    const plan = rows.map((row) => row['QUERY PLAN']);
    console.log(plan.map((line) => `    ${line}`).join('\n'));
    left -= Number(/rows=(\d+)/.exec(/actual.*/.exec(plan[0] ?? '')?.[0] ?? '')?.[1] ?? 0);
    if (left <= 0) return;
    const tookMs = performance.now() - startedAt;
    spent = { tookMs, leftMs: spent.leftMs - tookMs };
  }
}

await runBar(async () => {
  const history = await openHistory('logs', size, { keep: values.long, end: new Date() });
  try {
    let worst = { ms: 0, name: '' };
    let slow = 0;
    const searches = searchesOf(history);
    for (const search of searches) {
      await history.chill();
      const cold = await measure(history, search);
      const warm = await measure(history, search);
      console.log(
        `${search.name}: ${cold.ms.toFixed(0)} ms cold, ${warm.ms.toFixed(0)} ms warm, ${cold.lines} lines`,
      );
      for (const { until } of [cold, warm]) {
        if (until !== null) console.log(`    searched until ${until.toISOString()}; the cursor goes on`);
      }
      if (cold.lines < search.finds) throw new Error(`${search.name} found ${cold.lines} lines`);
      const ms = Math.max(cold.ms, warm.ms);
      if (ms < GIVEN_UP_MS) await printPlans(history, search);
      if (ms >= LIMIT_MS) slow += 1;
      if (ms > worst.ms) worst = { ms, name: search.name };
    }
    return {
      name: 'log-search',
      figure: `${searches.length - slow} of ${searches.length} searches in time, ${worst.ms.toFixed(0)} ms at worst (${worst.name}), of ${size.lines.toLocaleString('en')} lines`,
      limit: `all < ${LIMIT_MS} ms`,
      holds: worst.ms < LIMIT_MS,
    };
  } finally {
    await history.stop();
  }
});
