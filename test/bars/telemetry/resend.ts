/**
 * Bar A5: batches sent again, in any order and company, under new packet ids or not: once in the table. 100,000 random
 * cases of the pure plan against a model, and some thousands through ingest into a real database.
 * `node test/bars/telemetry/resend.ts [--cases 100000] [--stored 2000] [--long]`
 */
import { parseArgs } from 'node:util';
import fc from 'fast-check';
import pg from 'pg';
import { openDatabase } from '#db';
import { decodeContent } from '../../../control-plane/ingest/decode-batch.ts';
import { startIngest } from '../../../control-plane/ingest/ingest.ts';
import type { BatchMessage } from '../../../control-plane/ingest/message.ts';
import { cursorKey, type LocatedDevice, planBatches } from '../../../control-plane/ingest/plan-batches.ts';
import { prepareRows } from '../../../control-plane/ingest/rows.ts';
import { createSeriesLimit } from '../../../control-plane/ingest/series-limit.ts';
import { orgTelemetryOf } from '../../../control-plane/settings-delivery/org-telemetry.ts';
import { startTelemetryCache } from '../../../control-plane/settings-delivery/telemetry-cache.ts';
import { SILENT } from '../../../db/log.ts';
import { runBar } from '../../support/bar.ts';
import { createTestDatabase } from '../../support/database.ts';
import { startTestServer } from '../../support/database-server.ts';

const { values } = parseArgs({
  options: {
    cases: { type: 'string', default: '100000' },
    stored: { type: 'string' },
    long: { type: 'boolean', default: false },
  },
});
const planned = Number(values.cases);
const stored = Number(values.stored ?? (values.long ? 20_000 : 2000));
const BOOTS = ['boot-0001', 'boot-0002', 'boot-0003'];
const DEVICE = '0b6f3a1e-58a1-4c8e-9a44-0f3a1be5a001';

/** What is sent: boot, number; and how many messages one transaction holds. */
const sendings = fc.tuple(
  fc.array(fc.tuple(fc.integer({ min: 0, max: BOOTS.length - 1 }), fc.integer({ min: 1, max: 6 })), {
    minLength: 1,
    maxLength: 24,
  }),
  fc.integer({ min: 1, max: 8 }),
);

const RECEIVED_AT = new Date();
const AT = RECEIVED_AT.toISOString();
const asShipped = orgTelemetryOf(null, []);
const series = createSeriesLimit();

await runBar(async () => {
  const startedAt = performance.now();
  fc.assert(
    fc.property(sendings, ([sends, size]) => planIsRight(sends, size)),
    { numRuns: planned },
  );
  console.log(`${planned} plans in ${Math.round(performance.now() - startedAt)} ms`);
  const wrong = await storeAndCompare();
  return {
    name: 'telemetry-resend',
    figure: `${planned} plans without a difference from the model; ${wrong} wrong of ${stored} cases in the database`,
    limit: '0',
    holds: wrong === 0 && planned >= 100_000,
  };
});

/** The model: of each boot, 1, 2, 3 … as far as they came in order. */
function modelOf(sends: readonly (readonly [number, number])[]): number[] {
  const cursors = BOOTS.map(() => 0);
  for (const [boot, seq] of sends) if (seq === (cursors[boot] ?? 0) + 1) cursors[boot] = seq;
  return cursors;
}

function planIsRight(sends: readonly (readonly [number, number])[], size: number): boolean {
  const device: LocatedDevice = { deviceId: DEVICE, orgId: DEVICE, orgSlug: 'acme', isDisabled: false };
  const located = new Map([[`acme/${DEVICE}`, device]]);
  const cursors = new Map<string, number>();
  const rows = new Map<string, number>();
  for (let from = 0; from < sends.length; from += size) {
    const messages = sends.slice(from, from + size).map(([boot, seq]) => batchOf('acme', DEVICE, boot, seq));
    const plan = planBatches(messages, located, cursors, (message, owner) =>
      prepareRows(message, owner, asShipped, series.of(DEVICE, 0, asShipped.redactor)),
    );
    for (const { value } of plan.metrics) {
      const key = `${value.boot} ${value.seq}`;
      rows.set(key, (rows.get(key) ?? 0) + 1);
    }
    for (const move of plan.moves) cursors.set(cursorKey(move), move.seq);
    for (const [index, { ack }] of plan.outcomes.entries()) {
      const batch = messages[index]?.content.batch;
      const cursor = cursors.get(
        cursorKey({ deviceId: DEVICE, stream: 'metrics', bootId: batch?.bootId ?? '' }),
      );
      if (ack === null || ack.seq > (cursor ?? 0)) return false;
    }
  }
  const expected = modelOf(sends).flatMap((last, boot) =>
    Array.from({ length: last }, (_, index) => `${boot} ${index + 1}`),
  );
  return rows.size === expected.length && expected.every((key) => rows.get(key) === 1);
}

/** Each case has a device of its own, so that all of them can be counted in the end. @returns cases that differ */
async function storeAndCompare(): Promise<number> {
  const server = await startTestServer();
  const test = await createTestDatabase();
  const second = await openDatabase({ url: test.url });
  const telemetry = await startTelemetryCache({ database: test.database, log: SILENT });
  // Two of them, as MQTT and HTTPS are: they meet at the cursor's row.
  const ingests = [test.database, second].map((database) =>
    startIngest({ database, telemetry, log: SILENT, retry: true }),
  );
  const cases = fc.sample(sendings, stored);
  const { id: orgId, slug } = await test.database.organizations.create({ slug: 'resend', name: 'resend' });
  const sql = new pg.Client({ connectionString: test.url });
  await sql.connect();
  const { rows: devices } = await sql.query<{ id: string }>(
    `INSERT INTO edge_devices (organization_id, device_name, device_type, device_id)
     SELECT $1, 'device ' || i, 'gateway', 'hardware-' || i FROM generate_series(1, $2::int) AS i RETURNING id`,
    [orgId, stored],
  );
  let lowest = 0;
  for (let from = 0; from < cases.length; from += 100) {
    await Promise.all(
      cases.slice(from, from + 100).map(async ([sends], offset) => {
        const device = devices[from + offset]?.id ?? '';
        const outcomes = await Promise.all(
          sends.map(([boot, seq], index) =>
            // Every fifth message is sent five times, over both ways.
            Promise.all(
              Array.from({ length: index % 5 === 0 ? 5 : 1 }, (_, copy) =>
                ingests[(index + copy) % (from % 200 === 0 ? 2 : 1)]?.submit(
                  batchOf(slug, device, boot, seq),
                ),
              ),
            ),
          ),
        );
        if (outcomes.flat().some((outcome) => outcome === undefined || outcome.ack === null)) lowest += 1;
      }),
    );
  }
  const { rows } = await sql.query<{ device: string; boot: number; seqs: number[] }>(
    `SELECT device_id AS device, (metric_value->>'boot')::int AS boot,
            array_agg((metric_value->>'seq')::int ORDER BY (metric_value->>'seq')::int) AS seqs
     FROM device_metrics GROUP BY 1, 2`,
  );
  const found = new Map(rows.map(({ device, boot, seqs }) => [`${device} ${boot}`, seqs]));
  let wrong = lowest;
  for (const [index, [sends]] of cases.entries()) {
    const isOneWay = (index - (index % 100)) % 200 !== 0;
    const right = modelOf(sends).every((last, boot) => {
      const seqs = found.get(`${devices[index]?.id} ${boot}`) ?? [];
      const isContiguous = seqs.every((seq, place) => seq === place + 1);
      // Over two ways at once the order is anybody's; what is stored is each once and without a hole all the same.
      return isContiguous && (!isOneWay || seqs.length === last);
    });
    if (!right) wrong += 1;
  }
  await sql.end();
  await Promise.all(ingests.map((ingest) => ingest.stop()));
  await telemetry.stop();
  await second.close();
  await test.drop();
  await server.stop();
  return wrong;
}

function batchOf(org: string, device: string, boot: number, seq: number): BatchMessage {
  const record = { timestamp: AT, metric_type: 'cpu', value: { boot, seq } };
  const decoded = decodeContent('metrics', { boot_id: BOOTS[boot], seq }, [record], 'records', true);
  if (!decoded.ok) throw new Error(decoded.reason);
  return {
    kind: 'batch',
    address: { org, device },
    receivedAt: RECEIVED_AT,
    content: decoded.content,
    bytes: 100,
  };
}
