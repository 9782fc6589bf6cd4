/** The rows that a batch becomes: placed in time, redacted, within the organisation's limits. Pure but for the series seen. */
import {
  EVENT_SERVICE,
  type EventRecord,
  type LogRecord,
  type MetricLabels,
  type MetricRecord,
} from '#contract';
import type { LogRow, MetricRow } from '#db';
import type { OrgTelemetry } from '../settings-delivery/org-telemetry.ts';
import { clockSkew, type PlacedTime, placeInTime, timeOf } from './device-time.ts';
import type { BatchMessage } from './message.ts';
import type { Rejected, Rejection } from './reasons.ts';
import type { DeviceSeries, KnownSeries } from './series-limit.ts';

export interface Prepared {
  readonly metrics: readonly MetricRow[];
  readonly logs: readonly LogRow[];
  /** Those of the decoder and those found here. */
  readonly rejected: readonly Rejected[];
  /** Metric types that the organisation did not have before. */
  readonly newTypes: ReadonlySet<string>;
  /** Rows whose time is not the device's own. */
  readonly retimed: number;
  /** Newest row's time; null where there is none, or the batch was held back. */
  readonly newestMs: number | null;
}

interface Owner {
  readonly deviceId: string;
  readonly orgId: string;
}

export function prepareRows(
  message: BatchMessage,
  owner: Owner,
  telemetry: OrgTelemetry,
  series: DeviceSeries,
): Prepared {
  const work = startWork(message, owner, telemetry);
  const { content } = message;
  if (content.stream === 'metrics') addMetrics(work, content.records, series);
  else if (content.stream === 'logs') addLogs(work, telemetry.redactor.records(content.records), null);
  else addEvents(work, telemetry.redactor.events(content.records));
  return work;
}

/** What is gathered while the records of one batch are gone through. */
interface Work {
  readonly message: BatchMessage;
  readonly owner: Owner;
  readonly telemetry: OrgTelemetry;
  readonly receivedAtMs: number;
  readonly skewMs: number;
  readonly oldestMs: number;
  readonly metrics: MetricRow[];
  readonly logs: LogRow[];
  readonly rejected: Rejected[];
  readonly newTypes: Set<string>;
  retimed: number;
  newestMs: number | null;
}

function startWork(message: BatchMessage, owner: Owner, telemetry: OrgTelemetry): Work {
  const { content } = message;
  const receivedAtMs = message.receivedAt.getTime();
  const keptMs = content.stream === 'metrics' ? telemetry.metricsKeptMs : telemetry.logsKeptMs;
  return {
    message,
    owner,
    telemetry,
    receivedAtMs,
    skewMs: clockSkew(content.sentAtMs, receivedAtMs),
    oldestMs: receivedAtMs - keptMs,
    metrics: [],
    logs: [],
    rejected: [...content.rejected],
    newTypes: new Set(),
    retimed: 0,
    newestMs: null,
  };
}

function addMetrics(work: Work, records: readonly MetricRecord[], series: DeviceSeries): void {
  const { owner, telemetry, receivedAtMs } = work;
  const { deviceId, orgId } = owner;
  for (let index = 0; index < records.length; index += 1) {
    const record = records[index] as MetricRecord;
    const placed = placeRecord(work, record, index);
    if (placed === null) continue;
    const { metric_type: metricType } = record;
    const limits = telemetry.limitsOf(metricType);
    if (limits === null && !telemetry.takesUnknownTypes) {
      reject(work, index, record, 'unknown_metric', `metric_type: ${metricType} is not declared`);
      continue;
    }
    const stray = limits?.allowedLabels == null ? null : strayLabel(record, limits.allowedLabels);
    if (stray !== null) {
      reject(work, index, record, 'undeclared_label', `labels.${stray}: is not declared for ${metricType}`);
      continue;
    }
    const known = series.admit(metricType, record.labels, limits?.maxSeries ?? Number.POSITIVE_INFINITY);
    if (known === null) {
      reject(work, index, record, 'too_many_series', `labels: too many series of ${metricType}`);
      continue;
    }
    if (limits === null) work.newTypes.add(metricType);
    const { value, labels, aggregate } = withoutSecrets(record, known, telemetry);
    work.metrics.push({
      deviceId,
      orgId,
      atMs: placed.atMs,
      receivedAtMs,
      metricType,
      value,
      labels: labels ?? null,
      metadata: metadataOf(work, placed, aggregate === undefined ? null : { aggregate }),
    });
  }
}

/** Numbers hide nothing, and labels are looked through with the first record of their series. */
function withoutSecrets(
  record: MetricRecord,
  known: KnownSeries,
  { redactor }: OrgTelemetry,
): Pick<MetricRecord, 'value' | 'aggregate'> & { labels?: MetricLabels | null } {
  if (hasText(record.value)) return redactor.metric(record);
  if (known.labels === undefined) known.labels = redactor.metric(record).labels ?? null;
  return known.labels === null ? record : { ...record, labels: known.labels };
}

function addLogs(work: Work, records: readonly LogRecord[], event: readonly EventRecord[] | null): void {
  const { deviceId, orgId } = work.owner;
  for (let index = 0; index < records.length; index += 1) {
    const record = records[index] as LogRecord;
    const placed = placeRecord(work, record, index);
    if (placed === null) continue;
    const kind = event?.[index]?.kind;
    const own = kind === undefined ? (record.metadata ?? null) : { ...record.metadata, event: kind };
    work.logs.push({
      deviceId,
      orgId,
      atMs: placed.atMs,
      receivedAtMs: work.receivedAtMs,
      level: record.log_level,
      service: record.service_name,
      message: record.message,
      metadata: metadataOf(work, placed, own),
    });
  }
}

function addEvents(work: Work, records: readonly EventRecord[]): void {
  const lines = records.map(({ timestamp, log_level, message, metadata }) => ({
    timestamp,
    log_level,
    service_name: EVENT_SERVICE,
    message,
    ...(metadata === undefined ? {} : { metadata }),
  }));
  addLogs(work, lines, records);
}

/** Null where the record is refused: the row would be deleted at once. */
function placeRecord(work: Work, record: MetricRecord | LogRecord, index: number): PlacedTime | null {
  const { timestamp } = record;
  const placed = placeInTime(timeOf(timestamp), timestamp, work.skewMs, work.receivedAtMs);
  if (placed.atMs < work.oldestMs) {
    reject(work, index, record, 'older_than_retention', `timestamp: ${timestamp} is older than retention`);
    return null;
  }
  if (placed.flags !== null) work.retimed += 1;
  if (!work.message.content.backfill && (work.newestMs === null || placed.atMs > work.newestMs)) {
    work.newestMs = placed.atMs;
  }
  return placed;
}

function metadataOf(
  work: Work,
  { flags }: PlacedTime,
  own: Readonly<Record<string, unknown>> | null,
): Readonly<Record<string, unknown>> | null {
  const { backfill } = work.message.content;
  if (flags === null && !backfill) return own;
  return { ...own, ...flags, ...(backfill ? { backfill: true } : null) };
}

function reject(work: Work, index: number, value: unknown, code: Rejection, reason: string): void {
  const place = work.message.content.places?.[index] ?? index;
  work.rejected.push({
    index: place,
    code,
    reason: `${work.message.content.list}.${place}.${reason}`,
    value,
  });
}

function hasText(value: MetricRecord['value']): boolean {
  for (const name in value) if (typeof value[name] === 'string') return true;
  return false;
}

function strayLabel({ labels }: MetricRecord, allowed: ReadonlySet<string>): string | null {
  for (const name in labels) if (!allowed.has(name)) return name;
  return null;
}
