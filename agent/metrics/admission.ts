/** What may leave the device as a custom metric: names, labels, declared types, series and rate. */
import { decodeValue, MAX_METRIC_FIELDS, MAX_METRIC_LABELS, METRIC_TYPES, MetricRecord } from '#contract';
import { type Declaration, MAX_DECLARED } from './config.ts';
import { labelNameOf, metricTypeOf } from './names.ts';
import type { Refusal, Refusals } from './refusals.ts';
import { seriesKey } from './series.ts';

/** A series that nobody fed for this long gives its place to another. */
export const SERIES_IDLE_MS = 3_600_000;
/** Seconds of the rate that may come at once. */
const BURST_SECONDS = 10;
/** Timestamps of others: as old as the outbox keeps metrics, and hardly ahead of our own clock. */
export const MAX_AGE_MS = 7 * 86_400_000;
export const MAX_AHEAD_MS = 120_000;
const MAX_LABEL_TEXT = 100;
/** New and changed declarations by programs: each is told to the platform, in the class that is never thinned. */
const DECLARATIONS_PER_SECOND = 0.1;
const DECLARATION_BURST_SECONDS = MAX_DECLARED / DECLARATIONS_PER_SECOND;

/** Names that only the agent itself may use. */
export const RESERVED: ReadonlySet<string> = new Set([...METRIC_TYPES, 'agent']);

export interface Candidate {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: Readonly<Record<string, unknown>>;
  readonly timestamp: Date;
}

export interface Series {
  readonly key: string;
  readonly metricType: string;
  readonly labels: Readonly<Record<string, string>>;
}

export interface Refused {
  readonly refused: Refusal;
  /** One sentence that begins with the field. */
  readonly reason: string;
}

export interface AdmissionOptions {
  readonly declared: readonly Declaration[];
  readonly undeclared: 'accept' | 'reject';
  readonly maxSeries: number;
  readonly maxRecordsPerSecond: number;
  readonly refusals: Refusals;
  readonly now: () => Date;
  readonly monotonicMs?: () => number;
}

export interface Admission {
  /** Name and labels alone, made to fit; takes a place among the series. A refusal is counted. */
  series(name: string, labels: Readonly<Record<string, string>>): Series | Refused;
  /**
   * The record as it may be sent. A refusal is counted. `isRated`: comes when a program pleases, so it is held to the
   * rate; what is flushed or scraped once an interval is bounded by the series already.
   */
  record(candidate: Candidate, isRated?: boolean): MetricRecord | Refused;
  /** A declaration by a program, which may change its own; those of the configuration stay as they are. */
  declare(declaration: Declaration): { readonly problem: string | null; readonly isNew: boolean };
  seriesCount(): number;
}

export const isRefused = (result: object): result is Refused => 'refused' in result;

export function createAdmission(options: AdmissionOptions): Admission {
  const { undeclared, maxSeries, maxRecordsPerSecond, refusals, now } = options;
  const monotonicMs = options.monotonicMs ?? (() => performance.now());
  const fixed = byType(options.declared);
  const declared = new Map(fixed);
  const places = createPlaces(maxSeries, monotonicMs);
  const takeToken = createBucket(maxRecordsPerSecond, BURST_SECONDS, monotonicMs);
  const takeDeclaration = createBucket(DECLARATIONS_PER_SECOND, DECLARATION_BURST_SECONDS, monotonicMs);

  const refuse = (refused: Refusal, reason: string): Refused => {
    refusals.count(refused);
    return { refused, reason };
  };
  const series = (name: string, labels: Readonly<Record<string, string>>): Series | Refused => {
    const metricType = metricTypeOf(name);
    if (metricType === null) {
      return refuse('bad_name', 'metric_type: a letter, then at most 49 of a-z 0-9 _ . -');
    }
    if (RESERVED.has(metricType)) {
      return refuse('reserved_name', `metric_type: ${metricType} is the agent’s own`);
    }
    const declaration = declared.get(metricType);
    if (declaration === undefined && undeclared === 'reject') {
      return refuse('undeclared', `metric_type: ${metricType} is not declared`);
    }
    const checked = checkLabels(labels, declaration);
    if (!(checked instanceof Map)) return refuse(checked.refused, checked.reason);
    const known = { metricType, labels: Object.fromEntries(checked) };
    const key = seriesKey(metricType, known.labels);
    return places.take(key, metricType, declaration?.max_series)
      ? { key, ...known }
      : refuse('too_many_series', 'metric_type: this would be one series too many');
  };
  return {
    series,
    seriesCount: places.count,
    record(candidate, isRated = false) {
      const value = checkFields(candidate.value);
      if ('refused' in value) return refuse(value.refused, value.reason);
      const aheadMs = candidate.timestamp.getTime() - now().getTime();
      if (!(aheadMs <= MAX_AHEAD_MS && aheadMs >= -MAX_AGE_MS)) {
        return refuse('bad_timestamp', 'timestamp: is no time between 7 days ago and 2 minutes ahead');
      }
      if (isRated && !takeToken()) return refuse('rate', `record: more than ${maxRecordsPerSecond} a second`);
      const found = series(candidate.name, candidate.labels);
      if ('refused' in found) return found;
      const record: MetricRecord = {
        timestamp: candidate.timestamp.toISOString(),
        metric_type: found.metricType,
        value: value.fields,
        ...(Object.keys(found.labels).length === 0 ? {} : { labels: found.labels }),
      };
      const decoded = decodeValue(MetricRecord, record);
      return decoded.ok ? record : refuse('bad_value', decoded.reason);
    },
    declare(declaration) {
      const metricType = metricTypeOf(declaration.name);
      const problem = declarationProblem(metricType);
      if (metricType === null || problem !== null) return { problem, isNew: false };
      const isNew = JSON.stringify(declared.get(metricType)) !== JSON.stringify(declaration);
      if (isNew && !takeDeclaration()) return { problem: 'declare: too many of late', isNew: false };
      declared.set(metricType, declaration);
      return { problem: null, isNew };
    },
  };

  function declarationProblem(metricType: string | null): string | null {
    if (metricType === null) return 'declare.name: a letter, then at most 49 of a-z 0-9 _ . -';
    if (RESERVED.has(metricType)) return `declare.name: ${metricType} is the agent’s own`;
    if (fixed.has(metricType)) return `declare.name: ${metricType} is declared by the configuration`;
    return !declared.has(metricType) && declared.size >= fixed.size + MAX_DECLARED
      ? `declare: more than ${MAX_DECLARED} declarations`
      : null;
  }
}

const byType = (declared: readonly Declaration[]): Map<string, Declaration> =>
  new Map(
    declared.flatMap((declaration) => {
      const metricType = metricTypeOf(declaration.name);
      return metricType === null ? [] : [[metricType, declaration] as const];
    }),
  );

function checkLabels(
  labels: Readonly<Record<string, string>>,
  declaration: Declaration | undefined,
): Map<string, string> | Refused {
  const checked = new Map<string, string>();
  for (const [given, text] of Object.entries(labels)) {
    const name = labelNameOf(given);
    if (name === null) return { refused: 'bad_label', reason: 'labels: a name is empty or longer than 40' };
    if (text.length > MAX_LABEL_TEXT || text.includes('\0') || !text.isWellFormed()) {
      return { refused: 'bad_label', reason: `labels.${name}: longer than 100 characters, or not text` };
    }
    if (declaration !== undefined && !(declaration.labels ?? []).includes(name)) {
      return { refused: 'label_not_declared', reason: `labels.${name}: is not declared` };
    }
    // An empty label is the same as none (Prometheus data model).
    if (text !== '') checked.set(name, text);
  }
  return checked.size > MAX_METRIC_LABELS
    ? { refused: 'too_many_labels', reason: `labels: more than ${MAX_METRIC_LABELS}` }
    : checked;
}

function checkFields(value: Readonly<Record<string, unknown>>): { fields: MetricRecord['value'] } | Refused {
  const fields = Object.entries(value);
  if (fields.length === 0 || fields.length > MAX_METRIC_FIELDS) {
    return { refused: 'bad_value', reason: `value: 1 to ${MAX_METRIC_FIELDS} fields` };
  }
  for (const [name, field] of fields) {
    if (typeof field === 'number' && !Number.isFinite(field)) {
      return { refused: 'not_finite', reason: `value.${name.slice(0, 100)}: is not a finite number` };
    }
  }
  // Names and texts of fields are checked with the whole record.
  return { fields: value as MetricRecord['value'] };
}

/** Places of series, taken while they are fed. */
function createPlaces(maxSeries: number, monotonicMs: () => number) {
  const seen = new Map<string, { readonly metricType: string; atMs: number }>();
  const perType = new Map<string, number>();
  let sweptAtMs = Number.NEGATIVE_INFINITY;
  const sweep = (nowMs: number): void => {
    // A flood of new series must not sweep once for each of them.
    if (nowMs - sweptAtMs < 1000) return;
    sweptAtMs = nowMs;
    for (const [key, { metricType, atMs }] of seen) {
      if (nowMs - atMs < SERIES_IDLE_MS) continue;
      seen.delete(key);
      perType.set(metricType, (perType.get(metricType) ?? 1) - 1);
    }
  };
  return {
    count: () => seen.size,
    take(key: string, metricType: string, maxOfType = maxSeries): boolean {
      const nowMs = monotonicMs();
      const known = seen.get(key);
      if (known !== undefined) {
        known.atMs = nowMs;
        return true;
      }
      const isFull = () => seen.size >= maxSeries || (perType.get(metricType) ?? 0) >= maxOfType;
      if (isFull()) sweep(nowMs);
      if (isFull()) return false;
      seen.set(key, { metricType, atMs: nowMs });
      perType.set(metricType, (perType.get(metricType) ?? 0) + 1);
      return true;
    },
  };
}

/** A bucket of tokens: `perSecond` come in, at most `burstSeconds` of them lie in it. */
export function createBucket(
  perSecond: number,
  burstSeconds: number,
  monotonicMs: () => number,
): () => boolean {
  const most = perSecond * burstSeconds;
  let tokens = most;
  let filledAtMs = monotonicMs();
  return () => {
    const nowMs = monotonicMs();
    tokens = Math.min(most, tokens + ((nowMs - filledAtMs) / 1000) * perSecond);
    filledAtMs = nowMs;
    if (tokens < 1) return false;
    tokens -= 1;
    return true;
  };
}
