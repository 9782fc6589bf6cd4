/** Log lines as people read them: page by page in both directions, from a time, around a line, and as a file. */
import { LOG_LEVELS, type LogLevel } from '#contract';
import type { Database, LogLine, LogPlace, LogQuery, LogSearch } from '#db';
import type { LogPage, LogView } from '#web-api';
import { auditedOutside, byPerson } from '../audit/audited.ts';
import type { TelemetryUseCases } from '../telemetry-use-cases.ts';
import { chooseDevices } from './device-choice.ts';
import {
  decodeCursor,
  encodeCursor,
  filterMark,
  type LogDirection,
  lineIdOf,
  placeAfterLine,
  placeAt,
  placeOfLine,
  timeAt,
} from './log-place.ts';
import { type ExportDeps, exportObject, readPage } from './metric-export.ts';
import { permittedDevice } from './permitted-device.ts';
import { invalid, openTimeRange, timeOf } from './time-range.ts';

type LogsUseCases = Pick<TelemetryUseCases, 'deviceLogs' | 'searchLogs' | 'logServices' | 'exportLogs'>;

const DEFAULT_LINES = 100;
/** Lines in memory at a time; a line has at most 16 KiB, usually 200 bytes. */
const EXPORT_PAGE_LINES = 1000;
const SERVICES_DAYS = 7;
/** Where a list was empty, its tail begins so long before: lines may come late. */
const TAIL_BACK_MS = 3_600_000;
const DAY_MS = 86_400_000;
const NOTHING: LogSearch = { lines: [], reached: null };

interface LogFilterQuery {
  readonly level?: string;
  readonly service?: string;
  readonly q?: string;
  readonly from?: string;
  readonly to?: string;
}
interface LogPagingQuery {
  readonly cursor?: string;
  readonly at?: string;
  readonly around?: string;
  readonly limit?: number;
}

export function createLogs(deps: ExportDeps): LogsUseCases {
  const { database, now } = deps;
  return {
    async deviceLogs(person, deviceId, query) {
      const device = await permittedDevice(database, person, 'log.read', deviceId);
      const filter = logQuery([device.id], query, now());
      return readLogPage(database, device.orgId, filter, query, now());
    },

    async searchLogs(person, query) {
      const chosen = await chooseDevices(database, person, 'log.read', query);
      const deviceIds = chosen.isWholeOrganization ? null : chosen.devices.map(({ id }) => id);
      return readLogPage(database, chosen.orgId, logQuery(deviceIds, query, now()), query, now());
    },

    async logServices(person, deviceId) {
      const device = await permittedDevice(database, person, 'log.read', deviceId);
      const since = new Date(now().getTime() - SERVICES_DAYS * DAY_MS);
      return { items: [...(await database.logs.services(device.orgId, device.id, since))] };
    },

    async exportLogs(person, query) {
      const draft = byPerson(person, 'logs.export', exportObject(query));
      return auditedOutside(deps, draft, async () => {
        const chosen = await chooseDevices(database, person, 'log.read', query, draft);
        const deviceIds = chosen.isWholeOrganization ? null : chosen.devices.map(({ id }) => id);
        const filter = logQuery(deviceIds, query, now());
        draft.object = `organization:${chosen.orgId}`;
        draft.detail = {
          devices: deviceIds?.length ?? 'all',
          level: query.level ?? null,
          service: query.service ?? null,
          from: filter.from?.toISOString() ?? null,
          to: filter.to?.toISOString() ?? null,
          format: query.format ?? 'csv',
          // Of the words only that there were some: people paste what they look for, secrets too.
          is_searched: filter.text !== null,
        };
        await database.audit.append({ ...draft, outcome: 'success' });
        return deps.slots(() => linesOf(database, chosen.orgId, filter));
      });
    },
  };
}

/** @throws AppError 'request.invalid' naming the field */
export function logQuery(deviceIds: readonly string[] | null, query: LogFilterQuery, now: Date): LogQuery {
  const levels = query.level?.split(',');
  return {
    deviceIds,
    levels: levels === undefined ? null : LOG_LEVELS.filter((level: LogLevel) => levels.includes(level)),
    service: query.service ?? null,
    text: query.q ?? null,
    ...openTimeRange(query, now),
  };
}

async function readLogPage(
  database: Database,
  orgId: string,
  filter: LogQuery,
  paging: LogPagingQuery,
  now: Date,
): Promise<LogPage> {
  if ([paging.cursor, paging.at, paging.around].filter((given) => given !== undefined).length > 1) {
    throw invalid('cursor', 'give one of cursor, at and around');
  }
  const limit = paging.limit ?? DEFAULT_LINES;
  const mark = filterMark([orgId, filter.deviceIds?.toSorted() ?? null, { ...filter, deviceIds: null }]);
  // A group without any device has no line; null would mean all of them.
  const search = async (direction: LogDirection, place: LogPlace | null, lines: number) =>
    lines === 0 || filter.deviceIds?.length === 0
      ? NOTHING
      : database.logs.search(orgId, filter, direction, place, lines);

  if (paging.around !== undefined) {
    const place = placeOfLine(paging.around);
    const newer = await search('newer', place, Math.floor((limit - 1) / 2));
    const older = await search('older', placeAfterLine(place), limit - newer.lines.length);
    const found = { lines: [...newer.lines, ...older.lines], older: older.reached, newer: newer.reached };
    return logPage(found, mark, { before: true, fallback: place });
  }
  if (paging.cursor !== undefined) {
    const { direction, place } = decodeCursor(mark, paging.cursor);
    const { lines, reached } = await search(direction, place, limit);
    const before = direction === 'newer' || lines.length === limit;
    return logPage({ lines, [direction]: reached }, mark, { before, fallback: place });
  }
  const start = paging.at === undefined ? null : placeAt(timeOf('at', paging.at));
  const { lines, reached } = await search('older', start, limit);
  return logPage({ lines, older: reached }, mark, {
    before: lines.length === limit,
    fallback: start ?? placeAt(filter.from ?? new Date(now.getTime() - TAIL_BACK_MS)),
  });
}

/** Lines newest first, and where the search stopped on either side for want of time. */
export interface FoundLines {
  readonly lines: readonly LogLine[];
  readonly older?: LogPlace | null;
  readonly newer?: LogPlace | null;
}

/** Pure. @param edge whether older lines may follow, and the place from which an empty page leads on */
export function logPage(
  { lines, older = null, newer = null }: FoundLines,
  mark: string,
  edge: { readonly before: boolean; readonly fallback: LogPlace },
): LogPage {
  const newest = newer ?? lines[0]?.place ?? edge.fallback;
  const oldest = older ?? lines.at(-1)?.place ?? edge.fallback;
  const stopped = older ?? newer;
  return {
    items: lines.map(logView),
    older_cursor:
      edge.before || older !== null ? encodeCursor(mark, { direction: 'older', place: oldest }) : null,
    newer_cursor: encodeCursor(mark, { direction: 'newer', place: newest }),
    searched_until: stopped === null ? null : timeAt(stopped).toISOString(),
  };
}

const logView = (line: LogLine): LogView => ({
  id: lineIdOf(line.place),
  device_id: line.deviceId,
  device_name: line.deviceName,
  timestamp: line.at.toISOString(),
  received_at: line.receivedAt.toISOString(),
  log_level: line.level,
  service_name: line.service,
  message: line.message,
  metadata: metadataView(line.metadata),
});

/** Flat, as it was sent; what ingest noted of the time may be deeper and is shown as JSON. */
function metadataView(metadata: LogLine['metadata']): LogView['metadata'] {
  if (metadata === null) return null;
  return Object.fromEntries(
    Object.entries(metadata).map(([name, value]) => [
      name,
      typeof value === 'object' && value !== null
        ? JSON.stringify(value)
        : (value as string | number | boolean | null),
    ]),
  );
}

async function* linesOf(database: Database, orgId: string, filter: LogQuery): AsyncGenerator<LogView> {
  if (filter.deviceIds?.length === 0) return;
  let place: LogPlace | null = null;
  for (;;) {
    const page: LogSearch = await readPage(() =>
      database.logs.search(orgId, filter, 'older', place, EXPORT_PAGE_LINES),
    );
    for (const line of page.lines) yield logView(line);
    const last = page.reached ?? page.lines.at(-1)?.place;
    if (last === undefined || (page.reached === null && page.lines.length < EXPORT_PAGE_LINES)) return;
    place = last;
  }
}
