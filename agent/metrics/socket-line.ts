/** One line of the Unix socket: a measurement or a declaration. Pure. */
import { type Static, Type } from 'typebox';
import { decodeValue, MAX_METRIC_FIELDS } from '#contract';
import type { Candidate } from './admission.ts';
import { Declaration } from './config.ts';

const Field = Type.Union([Type.Number(), Type.String({ maxLength: 200 }), Type.Boolean(), Type.Null()]);

/** As a record of the contract; `value` may be a lone number, and the time is now where none is given. */
const SocketRecord = Type.Object({
  metric_type: Type.String({ minLength: 1, maxLength: 200 }),
  value: Type.Union([
    Type.Number(),
    Type.Record(Type.String({ minLength: 1, maxLength: 100 }), Field, {
      minProperties: 1,
      maxProperties: MAX_METRIC_FIELDS,
    }),
  ]),
  labels: Type.Optional(
    Type.Record(Type.String({ minLength: 1, maxLength: 200 }), Type.String({ maxLength: 1000 }), {
      maxProperties: 64,
    }),
  ),
  timestamp: Type.Optional(Type.String({ format: 'date-time' })),
});

export type SocketLine =
  | { readonly kind: 'record'; readonly candidate: Candidate }
  | { readonly kind: 'declare'; readonly declaration: Static<typeof Declaration> }
  | { readonly kind: 'error'; readonly refusal: 'malformed' | 'not_finite'; readonly reason: string };

/** The reason names the field at fault. */
export function parseSocketLine(text: string, now: Date): SocketLine {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { kind: 'error', refusal: 'malformed', reason: 'line: is not JSON' };
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return { kind: 'error', refusal: 'malformed', reason: 'line: is not a JSON object' };
  }
  if ('declare' in value) {
    const declared = decodeValue(Type.Object({ declare: Declaration }), value);
    return declared.ok
      ? { kind: 'declare', declaration: declared.value.declare }
      : { kind: 'error', refusal: 'malformed', reason: declared.reason };
  }
  const infinite = infiniteField('value' in value ? value.value : undefined);
  if (infinite !== null) {
    return { kind: 'error', refusal: 'not_finite', reason: `${infinite}: is not a finite number` };
  }
  const decoded = decodeValue(SocketRecord, value);
  if (!decoded.ok) return { kind: 'error', refusal: 'malformed', reason: decoded.reason };
  const { metric_type, value: measured, labels = {}, timestamp } = decoded.value;
  return {
    kind: 'record',
    candidate: {
      name: metric_type,
      labels,
      value: typeof measured === 'number' ? { value: measured } : measured,
      timestamp: timestamp === undefined ? now : new Date(timestamp),
    },
  };
}

/** JSON has no NaN, but 1e400 becomes infinite. */
function infiniteField(value: unknown): string | null {
  if (typeof value === 'number') return Number.isFinite(value) ? null : 'value';
  if (typeof value !== 'object' || value === null) return null;
  const found = Object.entries(value).find(
    ([, field]) => typeof field === 'number' && !Number.isFinite(field),
  );
  return found === undefined ? null : `value.${found[0].slice(0, 100)}`;
}
