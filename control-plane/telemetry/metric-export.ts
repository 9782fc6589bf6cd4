/** Measurements as they were sent, for a file: page after page, as fast as they are taken. */
import type { Database, RawMetric } from '#db';
import { toAppError } from '../access/store-failure.ts';
import { auditedOutside, byPerson } from '../audit/audited.ts';
import type { Logger } from '../log.ts';
import type { MetricExportRow, TelemetryUseCases } from '../telemetry-use-cases.ts';
import { chooseDevices } from './device-choice.ts';
import type { ExportSlots } from './export-slots.ts';
import { timeRange } from './time-range.ts';

/** Rows in memory at a time; a row has some 300 bytes. */
const PAGE_ROWS = 2000;

export interface ExportDeps {
  readonly database: Database;
  readonly log: Logger;
  readonly now: () => Date;
  readonly slots: ExportSlots;
}

export const createMetricExport =
  (deps: ExportDeps): TelemetryUseCases['exportMetrics'] =>
  async (person, query) => {
    const { database, now } = deps;
    const draft = byPerson(person, 'metrics.export', exportObject(query));
    return auditedOutside(deps, draft, async () => {
      const chosen = await chooseDevices(database, person, 'telemetry.read', query, draft);
      const range = timeRange(query, now());
      draft.object = `organization:${chosen.orgId}`;
      draft.detail = {
        metric_type: query.metric_type ?? null,
        devices: chosen.devices.length,
        from: range.from.toISOString(),
        to: range.to.toISOString(),
        format: query.format ?? 'csv',
      };
      await database.audit.append({ ...draft, outcome: 'success' });
      const names = new Map(chosen.devices.map(({ id, name }) => [id, name]));
      const filter = {
        deviceIds: [...names.keys()],
        metricType: query.metric_type ?? null,
        ...range,
      };
      return deps.slots(() => rowsOf(database, chosen.orgId, filter, names));
    });
  };

/** What a refused export was aimed at; a granted one names its organisation. */
export const exportObject = (query: { readonly org_id?: string; readonly device_ids?: string }): string =>
  query.org_id === undefined
    ? `device:${query.device_ids?.split(',')[0] ?? 'none'}`
    : `organization:${query.org_id}`;

type RawFilter = Parameters<Database['series']['rawPage']>[1];
type RawPlace = NonNullable<Parameters<Database['series']['rawPage']>[2]>;

async function* rowsOf(
  database: Database,
  orgId: string,
  filter: RawFilter,
  names: ReadonlyMap<string, string>,
): AsyncGenerator<MetricExportRow> {
  let after: RawPlace | null = null;
  if (filter.deviceIds.length === 0) return;
  for (;;) {
    const page: readonly RawMetric[] = await readPage(() =>
      database.series.rawPage(orgId, filter, after, PAGE_ROWS),
    );
    for (const row of page) yield exportRow(row, names);
    if (page.length < PAGE_ROWS) return;
    after = placeAfter(page, after);
  }
}

/** Several rows may share device and time: `skip` says how many of these have been read. Pure. */
export function placeAfter(page: readonly RawMetric[], before: RawPlace | null): RawPlace | null {
  const last = page.at(-1);
  if (last === undefined) return before;
  const atMs = last.at.getTime();
  const isHere = (row: RawMetric): boolean => row.deviceId === last.deviceId && row.at.getTime() === atMs;
  let skip = 0;
  while (skip < page.length && isHere(page[page.length - 1 - skip] ?? last)) skip += 1;
  const isSamePlace = before?.deviceId === last.deviceId && before.atMs === atMs;
  return {
    deviceId: last.deviceId,
    atMs,
    skip: skip === page.length && isSamePlace ? before.skip + skip : skip,
  };
}

/** The guard of the use cases ends with their promise; a page read later needs its own. */
export async function readPage<T>(read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    throw toAppError(error);
  }
}

const exportRow = (row: RawMetric, names: ReadonlyMap<string, string>): MetricExportRow => ({
  device_id: row.deviceId,
  device_name: names.get(row.deviceId) ?? '',
  timestamp: row.at.toISOString(),
  received_at: row.receivedAt.toISOString(),
  metric_type: row.metricType,
  labels: row.labels ?? {},
  value: row.value,
});
