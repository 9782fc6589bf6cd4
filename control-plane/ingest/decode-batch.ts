/**
 * The one decoder of batches, whichever transport brought them: the envelope as a whole, then each record by itself.
 * Pure; never throws.
 */
import { isUtf8 } from 'node:buffer';
import { Type } from 'typebox';
import {
  BATCH_FIELDS,
  decodeValue,
  type EventRecord,
  type LogRecord,
  MAX_BATCH_RECORDS,
  type MetricRecord,
  type Stream,
} from '#contract';
import { timeOf } from './device-time.ts';
import type { Rejected, Rejection } from './reasons.ts';
import { checkRecord } from './record-check.ts';
import { splitRecords } from './split-records.ts';

export interface BatchNumber {
  readonly bootId: string;
  readonly seq: number;
}

interface Envelope {
  /** What the records are called there, for reasons: `records`, over HTTPS the stream's name. */
  readonly list: string;
  /** Null: unnumbered, stored at least once. */
  readonly batch: BatchNumber | null;
  /** Device clock at the sending. */
  readonly sentAtMs: number | null;
  readonly backfill: boolean;
  /** What of it cannot be stored; a batch with nothing else still passes its number. */
  readonly rejected: readonly Rejected[];
  /** Place of each record in the batch as it was sent; null where none was left out. */
  readonly places: readonly number[] | null;
}
/** A batch whose records are good by the contract. */
export type BatchContent =
  | (Envelope & { readonly stream: 'metrics'; readonly records: readonly MetricRecord[] })
  | (Envelope & { readonly stream: 'logs'; readonly records: readonly LogRecord[] })
  | (Envelope & { readonly stream: 'events'; readonly records: readonly EventRecord[] });

export type DecodedBatch =
  | { readonly ok: true; readonly content: BatchContent }
  /** Without a number there is nothing to pass, so nothing to answer. */
  | { readonly ok: false; readonly code: Rejection; readonly reason: string };

const Fields = Type.Object(BATCH_FIELDS);
const BOOT_ID = /^[0-9a-zA-Z-]{8,64}$/;
const Numbers = Type.Object({ boot_id: BATCH_FIELDS.boot_id, seq: BATCH_FIELDS.seq });
/** By which U+0000 and half characters come into a text that is good UTF-8. */
const ESCAPE = '\\u';
const REPLACEMENT = '\ufffd';

/** From the bytes of an MQTT message. */
export function decodeBatch(stream: Stream, payload: Uint8Array): DecodedBatch {
  const isText = isUtf8(payload);
  const text = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength).toString('utf8');
  if (isText) {
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch {
      return decodeSplit(stream, text, true);
    }
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
    if (!isObject) return { ok: false, code: 'envelope', reason: 'payload: must be an object' };
    const { records, ...fields } = value as Record<string, unknown>;
    return decodeContent(stream, fields, records, 'records', !text.includes(ESCAPE));
  }
  return decodeSplit(stream, text, false);
}

/** From fields and records that were parsed before; `name` is what the records are called there. */
export function decodeContent(
  stream: Stream,
  fields: Readonly<Record<string, unknown>>,
  records: unknown,
  name: string,
  isPlain: boolean,
): DecodedBatch {
  const envelope = openEnvelope(fields);
  if (!envelope.ok) return envelope;
  const { batch } = envelope;
  if (!Array.isArray(records)) return refuseAll(stream, name, batch, `${name}: must be an array`, fields);
  if (records.length === 0) return refuseAll(stream, name, batch, `${name}: must not be empty`, fields);
  if (records.length > MAX_BATCH_RECORDS) {
    const reason = `${name}: must hold at most ${MAX_BATCH_RECORDS} records`;
    return refuseAll(stream, name, batch, reason, fields);
  }
  if (envelope.problem !== null) return refuseAll(stream, name, batch, envelope.problem, fields);
  const rejected: Rejected[] = [];
  for (let index = 0; index < records.length; index += 1) {
    const problem = checkRecord(stream, records[index], isPlain);
    if (problem === null) continue;
    const { code, reason } = problem;
    rejected.push({ index, code, reason: `${name}.${index}.${reason}`, value: records[index] });
  }
  return contentOf(stream, { ...envelope, list: name }, records, rejected);
}

/** One record made the whole no JSON, or no UTF-8: it alone pays for it. */
function decodeSplit(stream: Stream, text: string, isText: boolean): DecodedBatch {
  const broken = { ok: false, code: 'not_json', reason: 'payload: is not JSON in UTF-8' } as const;
  const split = splitRecords(text, MAX_BATCH_RECORDS);
  const fields = split === null ? undefined : parse(split.envelope);
  if (split === null || typeof fields !== 'object' || fields === null) return broken;
  const { records: _, ...others } = fields as Record<string, unknown>;
  const envelope = openEnvelope(others);
  if (!envelope.ok) return envelope;
  if (envelope.problem !== null)
    return refuseAll(stream, 'records', envelope.batch, envelope.problem, others);
  const records: unknown[] = [];
  const rejected: Rejected[] = [];
  split.records.forEach((part, index) => {
    const value = isText || !part.includes(REPLACEMENT) ? parse(part) : undefined;
    records.push(value);
    const problem =
      value === undefined
        ? ({ code: 'not_json', reason: 'record: is not JSON in UTF-8' } as const)
        : checkRecord(stream, value, false);
    if (problem === null) return;
    const reason = `records.${index}.${problem.reason}`;
    rejected.push({ index, code: problem.code, reason, value: value ?? part });
  });
  return contentOf(stream, { ...envelope, list: 'records' }, records, rejected);
}

interface OpenEnvelope {
  readonly ok: true;
  readonly batch: BatchNumber | null;
  readonly sentAtMs: number | null;
  readonly backfill: boolean;
  /** The number can be read, but something else is wrong. */
  readonly problem: string | null;
}

function openEnvelope(
  fields: Readonly<Record<string, unknown>>,
): OpenEnvelope | Extract<DecodedBatch, { ok: false }> {
  return openUsual(fields) ?? openAny(fields);
}

/** What nearly all are, by plain comparisons; null leaves it to the schema. */
function openUsual({ boot_id: bootId, seq, sent_at: sentAt, backfill }: Readonly<Record<string, unknown>>) {
  if (typeof bootId !== 'string' || !BOOT_ID.test(bootId)) return null;
  if (!Number.isSafeInteger(seq) || (seq as number) < 1) return null;
  if (backfill !== undefined && typeof backfill !== 'boolean') return null;
  const sentAtMs = typeof sentAt === 'string' ? timeOf(sentAt) : null;
  if (Number.isNaN(sentAtMs) || (sentAt !== undefined && sentAtMs === null)) return null;
  const batch = { bootId, seq: seq as number };
  return { ok: true, batch, sentAtMs, backfill: backfill === true, problem: null } as const;
}

function openAny(
  fields: Readonly<Record<string, unknown>>,
): OpenEnvelope | Extract<DecodedBatch, { ok: false }> {
  const { boot_id: bootId, seq, sent_at: sentAt, backfill } = fields;
  const numbers = decodeValue(Numbers, { boot_id: bootId, seq });
  if (!numbers.ok) return { ok: false, code: 'envelope', reason: numbers.reason };
  if ((bootId === undefined) !== (seq === undefined)) {
    return { ok: false, code: 'envelope', reason: 'seq: boot_id and seq come together or not at all' };
  }
  const batch = bootId === undefined ? null : { bootId: bootId as string, seq: seq as number };
  const others = decodeValue(Fields, fields);
  const sentAtMs = typeof sentAt === 'string' ? timeOf(sentAt) : null;
  const problem = others.ok
    ? Number.isNaN(sentAtMs)
      ? 'sent_at: is no day of the calendar'
      : null
    : others.reason;
  return { ok: true, batch, sentAtMs, backfill: backfill === true, problem };
}

/** Nothing of it can be stored; with a number it is passed, so that those behind it can come. */
function refuseAll(
  stream: Stream,
  list: string,
  batch: BatchNumber | null,
  reason: string,
  value: unknown,
): DecodedBatch {
  if (batch === null) return { ok: false, code: 'envelope', reason };
  const rejected: Rejected[] = [{ index: -1, code: 'envelope', reason, value }];
  return contentOf(stream, { list, batch, sentAtMs: null, backfill: false }, [], rejected);
}

/** The records were checked against the schema of their stream, which is what the types say. */
function contentOf(
  stream: Stream,
  { list, batch, sentAtMs, backfill }: Pick<Envelope, 'list' | 'batch' | 'sentAtMs' | 'backfill'>,
  records: readonly unknown[],
  rejected: readonly Rejected[],
): DecodedBatch {
  const whole = { stream, list, batch, sentAtMs, backfill, rejected };
  if (rejected.length === 0 || records.length === 0) {
    return { ok: true, content: { ...whole, places: null, records } as BatchContent };
  }
  const bad = new Set(rejected.map(({ index }) => index));
  const places = [...records.keys()].filter((index) => !bad.has(index));
  const content = { ...whole, places, records: places.map((index) => records[index]) };
  return { ok: true, content: content as BatchContent };
}

/** undefined where the text is not JSON; JSON has no such value. */
function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // The caller says which record it was.
  }
}
