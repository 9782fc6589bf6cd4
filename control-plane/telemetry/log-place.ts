/** Places in the log as callers hold them: ids of lines, and cursors that are good for one filter alone. Pure. */
import { createHash } from 'node:crypto';
import type { LogPlace } from '#db';
import { AppError } from '../errors.ts';
import { invalid } from './time-range.ts';

export type LogDirection = 'older' | 'newer';
export interface LogCursor {
  readonly direction: LogDirection;
  readonly place: LogPlace;
}

const MICROS_PER_MS = 1000n;
/** bigint of PostgreSQL; microseconds of the years that a timestamptz of ours can hold fit too. */
const NUMBER = /^\d{1,19}$/;
const MAX_BIGINT = 9_223_372_036_854_775_807n;
const LINE_ID = /^([0-9a-z]{1,13})-([0-9a-z]{1,13})$/;

/** Stable text of a line's place, for permalinks: `{microseconds}-{row}` in base 36. */
export const lineIdOf = ({ atMicros, id }: LogPlace): string => `${atMicros.toString(36)}-${id.toString(36)}`;

/** @throws AppError 'request.invalid' naming `around` */
export function placeOfLine(lineId: string): LogPlace {
  const parts = LINE_ID.exec(lineId);
  const atMicros = fromBase36(parts?.[1]);
  const id = fromBase36(parts?.[2]);
  if (atMicros === null || id === null) throw invalid('around', 'is no id of a log line');
  return { atMicros, id };
}

/** Lines before it are those at or before `time`. */
export const placeAt = (time: Date): LogPlace => ({
  atMicros: (BigInt(time.getTime()) + 1n) * MICROS_PER_MS,
  id: 0n,
});

export const timeAt = ({ atMicros }: LogPlace): Date => new Date(Number(atMicros / MICROS_PER_MS));

/** The place right after, so that a search for older lines begins with the line itself. */
export const placeAfterLine = ({ atMicros, id }: LogPlace): LogPlace => ({ atMicros, id: id + 1n });

/** Which list a cursor belongs to: organisation and every part of its filter. */
export const filterMark = (parts: readonly unknown[]): string =>
  createHash('sha256').update(JSON.stringify(parts)).digest('base64url').slice(0, 16);

export const encodeCursor = (mark: string, { direction, place }: LogCursor): string =>
  Buffer.from(JSON.stringify([mark, direction, String(place.atMicros), String(place.id)])).toString(
    'base64url',
  );

/** @throws AppError 'request.cursor_invalid' for a cursor of another list or filter, or none of ours */
export function decodeCursor(mark: string, cursor: string): LogCursor {
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8'));
  } catch (cause) {
    throw new AppError('request.cursor_invalid', { cause });
  }
  const [cursorMark, direction, atMicros, id] = Array.isArray(value) ? (value as unknown[]) : [];
  if (cursorMark !== mark || (direction !== 'older' && direction !== 'newer')) {
    throw new AppError('request.cursor_invalid');
  }
  const place = { atMicros: bigintOf(atMicros), id: bigintOf(id) };
  if (place.atMicros === null || place.id === null) throw new AppError('request.cursor_invalid');
  return { direction, place: { atMicros: place.atMicros, id: place.id } };
}

function bigintOf(text: unknown): bigint | null {
  if (typeof text !== 'string' || !NUMBER.test(text)) return null;
  const value = BigInt(text);
  return value <= MAX_BIGINT ? value : null;
}

function fromBase36(text: string | undefined): bigint | null {
  if (text === undefined) return null;
  let value = 0n;
  for (const digit of text) value = value * 36n + BigInt(Number.parseInt(digit, 36));
  return value < MAX_BIGINT ? value : null;
}
