/**
 * Whether one record of a batch can be stored, and what is wrong with one that cannot. Says the same as the schemas of
 * the contract (a test compares them), in a tenth of the time for good records and a thousandth for bad ones: a broken
 * device sends nothing else. Stricter in names of fields and labels, which the schemas' records let through. Pure.
 */
import { LOG_LEVELS, MAX_LOG_MESSAGE, MAX_METRIC_FIELDS, MAX_METRIC_LABELS, type Stream } from '#contract';
import { timeOf } from './device-time.ts';
import type { Rejection } from './reasons.ts';

export interface RecordProblem {
  readonly code: Rejection;
  /** Begins with the field. */
  readonly reason: string;
}

const LEVELS: ReadonlySet<unknown> = new Set(LOG_LEVELS);
const METRIC_TYPE = /^[a-z][a-z0-9_.-]{0,49}$/;
const LABEL_NAME = /^[a-zA-Z_][a-zA-Z0-9_]{0,39}$/;
const MAX_FIELD_NAME = 100;
const MAX_FIELD_TEXT = 200;
const MAX_LABEL_TEXT = 100;
const MAX_SERVICE = 100;
const MAX_EVENT_MESSAGE = 2000;
const MAX_METADATA = 32;
const MAX_METADATA_NAME = 60;
const MAX_METADATA_TEXT = 1000;
const MAX_WINDOW_S = 86_400;
/** Deepest JSON that is looked into; the records themselves need 3. */
const MAX_DEPTH = 12;
/** Of a name that a reason repeats. */
const SHOWN = 40;

/**
 * Null where the record is good. `isPlain`: the text it came from had no escape by which U+0000 or half a character
 * could have come in.
 */
export function checkRecord(stream: Stream, record: unknown, isPlain: boolean): RecordProblem | null {
  if (!isFields(record)) return wrong('record', 'must be an object');
  const problem =
    stream === 'metrics'
      ? metricProblem(record)
      : stream === 'logs'
        ? logProblem(record)
        : eventProblem(record);
  if (problem !== null) {
    return isTooDeep(record, 0)
      ? { code: 'depth', reason: `record: nested deeper than ${MAX_DEPTH}` }
      : problem;
  }
  if (isPlain || isStorable(record)) return null;
  return { code: 'text', reason: 'record: text holds U+0000 or half a character' };
}

type Fields = Readonly<Record<string, unknown>>;
const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const wrong = (field: string, what: string): RecordProblem => ({
  code: 'record',
  reason: `${field}: ${what}`,
});
const infinite = (field: string): RecordProblem => ({
  code: 'number',
  reason: `${field}: no number can be so large`,
});
const shown = (name: string): string => name.slice(0, SHOWN);

function metricProblem(record: Fields): RecordProblem | null {
  const { metric_type: type, labels, aggregate } = record;
  if (!isTime(record.timestamp)) return wrong('timestamp', 'must be an RFC 3339 time');
  if (typeof type !== 'string' || !METRIC_TYPE.test(type))
    return wrong('metric_type', 'must be a lower-case name');
  return (
    scalarsProblem('value', record.value, VALUE) ??
    (labels === undefined ? null : labelsProblem(labels)) ??
    (aggregate === undefined ? null : aggregateProblem(aggregate))
  );
}

function logProblem(record: Fields): RecordProblem | null {
  if (!isTime(record.timestamp)) return wrong('timestamp', 'must be an RFC 3339 time');
  if (!LEVELS.has(record.log_level)) return wrong('log_level', `must be one of ${LOG_LEVELS.join(', ')}`);
  if (!isText(record.service_name, 1, MAX_SERVICE)) {
    return wrong('service_name', `must have 1 to ${MAX_SERVICE} characters`);
  }
  return messageProblem(record.message, MAX_LOG_MESSAGE) ?? metadataProblem(record.metadata);
}

function eventProblem(record: Fields): RecordProblem | null {
  const { kind } = record;
  if (!isTime(record.timestamp)) return wrong('timestamp', 'must be an RFC 3339 time');
  if (typeof kind !== 'string' || !METRIC_TYPE.test(kind)) return wrong('kind', 'must be a lower-case name');
  if (!LEVELS.has(record.log_level)) return wrong('log_level', `must be one of ${LOG_LEVELS.join(', ')}`);
  return messageProblem(record.message, MAX_EVENT_MESSAGE) ?? metadataProblem(record.metadata);
}

const isTime = (value: unknown): boolean => typeof value === 'string' && !Number.isNaN(timeOf(value));

/** Lengths count characters, as JSON Schema does; a text of so few UTF-16 units has no more. */
function isText(value: unknown, least: number, most: number): boolean {
  if (typeof value !== 'string' || value.length < least) return false;
  return value.length <= most || (value.length <= 2 * most && charactersOf(value) <= most);
}

function charactersOf(text: string): number {
  let count = 0;
  for (const _ of text) count += 1;
  return count;
}

function messageProblem(message: unknown, most: number): RecordProblem | null {
  if (typeof message !== 'string') return wrong('message', 'must be a text');
  if (isText(message, 0, most)) return null;
  return { code: 'message_too_long', reason: `message: must have at most ${most} characters` };
}

const metadataProblem = (metadata: unknown): RecordProblem | null =>
  metadata === undefined ? null : scalarsProblem('metadata', metadata, METADATA);

interface ScalarLimits {
  readonly least: number;
  readonly most: number;
  readonly nameLength: number;
  readonly textLength: number;
}
const VALUE: ScalarLimits = {
  least: 1,
  most: MAX_METRIC_FIELDS,
  nameLength: MAX_FIELD_NAME,
  textLength: MAX_FIELD_TEXT,
};
const METADATA: ScalarLimits = {
  least: 0,
  most: MAX_METADATA,
  nameLength: MAX_METADATA_NAME,
  textLength: MAX_METADATA_TEXT,
};

function scalarsProblem(field: string, value: unknown, limits: ScalarLimits): RecordProblem | null {
  if (!isFields(value)) return wrong(field, 'must be an object');
  let count = 0;
  for (const name in value) {
    count += 1;
    const inner = value[name];
    if (typeof inner === 'number') {
      if (!Number.isFinite(inner)) return infinite(`${field}.${shown(name)}`);
    } else if (typeof inner !== 'boolean' && inner !== null && !isText(inner, 0, limits.textLength)) {
      const what =
        typeof inner === 'string' ? `have at most ${limits.textLength} characters` : 'be a plain value';
      return wrong(`${field}.${shown(name)}`, `must ${what}`);
    }
    if (!isText(name, 1, limits.nameLength)) {
      return wrong(`${field}.${shown(name)}`, `a name has 1 to ${limits.nameLength} characters`);
    }
  }
  if (count >= limits.least && count <= limits.most) return null;
  return wrong(field, `must have ${limits.least} to ${limits.most} fields`);
}

function labelsProblem(labels: unknown): RecordProblem | null {
  if (!isFields(labels)) return wrong('labels', 'must be an object');
  let count = 0;
  for (const name in labels) {
    count += 1;
    if (!LABEL_NAME.test(name)) return wrong(`labels.${shown(name)}`, 'is no name of a label');
    if (!isText(labels[name], 0, MAX_LABEL_TEXT)) {
      return wrong(`labels.${name}`, `must be a text of at most ${MAX_LABEL_TEXT} characters`);
    }
  }
  return count <= MAX_METRIC_LABELS ? null : wrong('labels', `must be at most ${MAX_METRIC_LABELS}`);
}

function aggregateProblem(value: unknown): RecordProblem | null {
  if (!isFields(value)) return wrong('aggregate', 'must be an object');
  const { seconds, count } = value;
  if (!isCount(seconds) || (seconds as number) > MAX_WINDOW_S) {
    return wrong('aggregate.seconds', `must be 1 to ${MAX_WINDOW_S}`);
  }
  if (!isCount(count)) return wrong('aggregate.count', 'must be a whole number from 1');
  return boundsProblem('aggregate.min', value.min) ?? boundsProblem('aggregate.max', value.max);
}

const isCount = (value: unknown): boolean => Number.isInteger(value) && (value as number) >= 1;

function boundsProblem(field: string, value: unknown): RecordProblem | null {
  if (!isFields(value)) return wrong(field, 'must be an object');
  let count = 0;
  for (const name in value) {
    count += 1;
    const inner = value[name];
    if (typeof inner !== 'number') return wrong(`${field}.${shown(name)}`, 'must be a number');
    if (!Number.isFinite(inner)) return infinite(`${field}.${shown(name)}`);
    if (!isText(name, 1, MAX_FIELD_NAME)) return wrong(field, `a name has 1 to ${MAX_FIELD_NAME} characters`);
  }
  return count <= MAX_METRIC_FIELDS ? null : wrong(field, `must have at most ${MAX_METRIC_FIELDS} fields`);
}

/** Of a record that passed: no deeper than aggregate.min.name. */
function isStorable(value: unknown): boolean {
  if (typeof value === 'string') return !value.includes('\0') && value.isWellFormed();
  if (typeof value !== 'object' || value === null) return true;
  for (const [name, inner] of Object.entries(value))
    if (!isStorable(name) || !isStorable(inner)) return false;
  return true;
}

/** Linear in the record, which is not larger than a message. */
function isTooDeep(value: unknown, depth: number): boolean {
  if (depth > MAX_DEPTH) return true;
  if (typeof value !== 'object' || value === null) return false;
  return Object.values(value).some((inner) => isTooDeep(inner, depth + 1));
}
