/** Secrets in records: every text of one, and what is split over several of one service. Pure. */

import type { MetricRecord } from '#contract';
import { type EventRecord, type LogRecord, MAX_LOG_MESSAGE } from '#contract';
import { type Hit, hideHits, markerOf, settleHits } from './hits.ts';
import { freeKey, hideText, isSecretPair, type Means } from './json.ts';
import type { Scanner } from './scan.ts';
import {
  bodyIn,
  closingOf,
  LEAST_FULL_LINE,
  MOST_KEY_LINES,
  MOST_OTHER_LINES,
  opensKey,
} from './split-keys.ts';
import { jointOf, type Line } from './split-lines.ts';

export interface RecordMeans extends Means {
  readonly scan: Scanner;
}

// What stands in for a secret may be longer than it: texts stay within the limits of their fields.
const MOST_SERVICE = 100;
const MOST_EVENT_MESSAGE = 2000;
const MOST_METADATA_KEY = 60;
const MOST_METADATA_VALUE = 1000;
const MOST_METRIC_KEY = 100;
const MOST_METRIC_VALUE = 200;
const MOST_LABEL = 100;

export function redactLogs<T extends LogRecord>(records: readonly T[], means: RecordMeans): T[] {
  const services = records.map((record) => record.service_name);
  const messages = hideMessages(records, services, means);
  const names = remembering(means);
  return records.map((record, index) => {
    const message = within(messages[index] ?? record.message, MAX_LOG_MESSAGE);
    const service = within(hideText(record.service_name, names), MOST_SERVICE);
    const metadata = hideFields(record.metadata, means, METADATA, names);
    if (message === record.message && service === record.service_name && metadata === record.metadata)
      return record;
    return { ...record, message, service_name: service, ...(metadata === undefined ? {} : { metadata }) };
  });
}

/** All events of a device come from its agent: one service. */
export function redactEvents<T extends EventRecord>(records: readonly T[], means: RecordMeans): T[] {
  const messages = hideMessages(records, null, means);
  const names = remembering(means);
  return records.map((record, index) => {
    const message = within(messages[index] ?? record.message, MOST_EVENT_MESSAGE);
    const metadata = hideFields(record.metadata, means, METADATA, names);
    if (message === record.message && metadata === record.metadata) return record;
    return { ...record, message, ...(metadata === undefined ? {} : { metadata }) };
  });
}

export function redactMetric<T extends MetricRecord>(record: T, means: Means): T {
  const value = hideFields(record.value, means, METRIC_VALUE);
  const labels = hideFields(record.labels, means, LABELS);
  if (value === record.value && labels === record.labels) return record;
  return { ...record, value, ...(labels === undefined ? {} : { labels }) };
}

/** Most names that one batch remembers; they repeat from record to record. */
const MOST_REMEMBERED = 256;

/** The same, for names of services and keys: each is looked at once a batch. */
function remembering(means: Means): Means {
  const known = new Map<string, readonly Hit[]>();
  return {
    ...means,
    find(text) {
      const hits = known.get(text) ?? means.find(text);
      if (known.size < MOST_REMEMBERED) known.set(text, hits);
      return hits;
    },
  };
}

interface FieldLimits {
  readonly key: number;
  readonly value: number;
  /** Keys keep their spelling: they name series, and are bound to a pattern that no secret fits. */
  readonly fixedKeys?: true;
  /** Numbers under the name of a secret are measurements: tokens a second. */
  readonly numbersStay?: true;
}

const METADATA: FieldLimits = { key: MOST_METADATA_KEY, value: MOST_METADATA_VALUE };
const METRIC_VALUE: FieldLimits = { key: MOST_METRIC_KEY, value: MOST_METRIC_VALUE, numbersStay: true };
const LABELS: FieldLimits = { key: MOST_LABEL, value: MOST_LABEL, fixedKeys: true };
const HIDDEN = markerOf('secret-value');

type Fields = NonNullable<LogRecord['metadata']>;

/** The same object where nothing was hidden. */
function hideFields<F extends Fields | undefined>(
  fields: F,
  means: Means,
  limits: FieldLimits,
  names = means,
): F {
  if (fields === undefined) return fields;
  let changed = false;
  const taken = new Map<string, number>();
  const entries: [string, unknown][] = [];
  for (const [key, value] of Object.entries(fields)) {
    const name = limits.fixedKeys === true ? key : within(hideText(key, names), limits.key);
    const shown = hideField(key, value, means, limits);
    changed ||= name !== key || shown !== value;
    entries.push([freeKey(name, taken), shown]);
  }
  return changed ? (Object.fromEntries(entries) as F) : fields;
}

function hideField(key: string, value: unknown, means: Means, limits: FieldLimits): unknown {
  const stays = limits.numbersStay === true && typeof value === 'number';
  if (!stays && isSecretPair(key, value, means)) return HIDDEN;
  return typeof value === 'string' ? within(hideText(value, means), limits.value) : value;
}

function within(text: string, most: number): string {
  return text.length > most ? text.slice(0, most) : text;
}

/** What is kept of a service while its records go by. */
interface Thread {
  last: number;
  /** Lines that may still belong to an open private key, and others that may stand between them. */
  keyLines: number;
  otherLines: number;
}

/** The messages without secrets; `services` null = all of one. */
function hideMessages(
  records: readonly { readonly message: string }[],
  services: readonly string[] | null,
  means: RecordMeans,
): string[] {
  const messages = records.map(({ message }) => message);
  const found: (readonly Hit[])[] = messages.map((message) => means.find(message));
  const threads = new Map<string, Thread>();
  const previous: number[] = [];
  messages.forEach((message, index) => {
    const service = services?.[index] ?? '';
    const thread = threads.get(service);
    previous.push(thread?.last ?? -1);
    if (thread === undefined)
      threads.set(service, { last: index, keyLines: opensKey(message) ? MOST_KEY_LINES : 0, otherLines: 0 });
    else {
      followKey(messages, index, { thread, found, previous });
      joinRecords(messages, { above: thread.last, below: index }, found, means.scan);
      thread.last = index;
    }
  });
  return messages.map((message, index) => {
    const hits = found[index] as readonly Hit[];
    return hits.length === 0
      ? message
      : hideHits(message, settleHits(message, hits, message.includes('[redacted:')));
  });
}

interface Progress {
  readonly thread: Thread;
  readonly found: (readonly Hit[])[];
  /** Per record, the one before it of the same service; -1 = none. */
  readonly previous: readonly number[];
}

function followKey(messages: readonly string[], index: number, { thread, found, previous }: Progress): void {
  const message = messages[index] as string;
  const closing = closingOf(message);
  if (closing !== null) {
    add(found, index, closing);
    // The beginning was in an earlier batch.
    if (thread.keyLines === 0) hideBodyAbove(messages, index, found, previous);
    thread.keyLines = 0;
  } else if (opensKey(message)) {
    thread.keyLines = MOST_KEY_LINES;
    thread.otherLines = MOST_OTHER_LINES;
  } else if (thread.keyLines > 0) {
    thread.keyLines -= 1;
    const body = bodyIn(message);
    if (body !== null) add(found, index, body);
    else if (thread.otherLines > 0) thread.otherLines -= 1;
    else thread.keyLines = 0;
  }
}

function hideBodyAbove(
  messages: readonly string[],
  from: number,
  found: (readonly Hit[])[],
  previous: readonly number[],
): void {
  let index = previous[from] ?? -1;
  for (let count = 0; index >= 0 && count < MOST_KEY_LINES; count += 1) {
    const body = bodyIn(messages[index] as string);
    // Only the line directly above the end may be short.
    if (body === null || (count > 0 && body.end - body.start < LEAST_FULL_LINE)) return;
    add(found, index, body);
    index = previous[index] ?? -1;
  }
}

function joinRecords(
  messages: readonly string[],
  { above, below }: { readonly above: number; readonly below: number },
  found: (readonly Hit[])[],
  scan: Scanner,
): void {
  const joint = jointOf(
    lastLine(messages[above] as string, found[above] ?? []),
    firstLine(messages[below] as string, found[below] ?? []),
    scan,
  );
  if (joint.above !== null) add(found, above, joint.above);
  if (joint.below !== null) add(found, below, joint.below);
}

function lastLine(text: string, hits: readonly Hit[]): Line {
  const end = text.endsWith('\n') ? text.length - 1 : text.length;
  return { text, start: text.lastIndexOf('\n', end - 1) + 1, end, hits };
}

function firstLine(text: string, hits: readonly Hit[]): Line {
  const end = text.indexOf('\n');
  return { text, start: 0, end: end === -1 ? text.length : end, hits };
}

function add(found: (readonly Hit[])[], index: number, hit: Hit): void {
  found[index] = [...(found[index] ?? []), hit];
}
