/** Records as they lie on disk: one line of JSON each, with a checksum over all of them. Pure. */
import { crc32 } from 'node:zlib';
import {
  decodeValue,
  EventRecord,
  type EventsBatch,
  LogRecord,
  type LogsBatch,
  MetricRecord,
  type MetricsBatch,
  type Stream,
} from '#contract';

export interface RecordOf {
  readonly events: EventRecord;
  readonly logs: LogRecord;
  readonly metrics: MetricRecord;
}
export interface BatchOf {
  readonly events: EventsBatch;
  readonly logs: LogsBatch;
  readonly metrics: MetricsBatch;
}

const SCHEMAS = { events: EventRecord, logs: LogRecord, metrics: MetricRecord } as const;

export interface Body {
  readonly records: number;
  /** With one byte between records, as in the batch that is sent. */
  readonly bytes: number;
  readonly crc: number;
  readonly text: string;
}

/** @throws TypeError for what JSON cannot say. */
export const lineOf = (record: object): string => JSON.stringify(record);

export function bodyOf(lines: readonly string[]): Body {
  const text = lines.join('\n');
  return { records: lines.length, bytes: Buffer.byteLength(text) + 1, crc: crc32(text), text };
}

export const isWhole = ({ text, crc }: { text: string; crc: number | null }): boolean =>
  crc !== null && crc32(text) === crc;

/**
 * The records of a body. Where the checksum does not hold, those lines that are still records of their class: a damaged
 * page costs what stood on it and no more.
 */
export function recordsOf<S extends Stream>(
  stream: S,
  { text, crc }: { text: string; crc: number | null },
): RecordOf[S][] {
  // The checksum says that these are the lines which were made of such records.
  if (isWhole({ text, crc })) return text.split('\n').map((line) => JSON.parse(line) as RecordOf[S]);
  const values = text.startsWith('[') ? listIn(text) : text.split('\n').map(parse);
  return values.flatMap((value) => {
    const decoded = decodeValue(SCHEMAS[stream], value);
    return decoded.ok ? [decoded.value as RecordOf[S]] : [];
  });
}

/** Bodies of older agents are one list. */
function listIn(text: string): readonly unknown[] {
  const value = parse(text);
  return Array.isArray(value) ? value : [];
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
