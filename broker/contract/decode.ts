/** One decoder for every message of the contract, whichever transport brought it. Pure. */

import type { Static, TSchema } from 'typebox';
import { Compile, type Validator } from 'typebox/compile';
import {
  CHANNELS,
  type ChannelName,
  type PayloadOf,
  SYSTEM_CHANNELS,
  type SystemChannelName,
} from './channels.ts';

/** The value, or one sentence that names the field at fault. */
export type Decoded<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly reason: string };

/** Deepest JSON that is parsed further; the contract's own messages need 5. */
const MAX_DEPTH = 12;

const validators = new Map<TSchema, Validator>();

export const decodePayload = <C extends ChannelName>(
  channel: C,
  payload: Uint8Array,
): Decoded<PayloadOf<C>> => decodeBytes(CHANNELS[channel].payload, payload) as Decoded<PayloadOf<C>>;

export const decodeSystemPayload = <C extends SystemChannelName>(
  channel: C,
  payload: Uint8Array,
): Decoded<Static<(typeof SYSTEM_CHANNELS)[C]['payload']>> =>
  decodeBytes(SYSTEM_CHANNELS[channel].payload, payload) as Decoded<
    Static<(typeof SYSTEM_CHANNELS)[C]['payload']>
  >;

/** JSON as strict UTF-8, then the schema. */
function decodeBytes(schema: TSchema, payload: Uint8Array): Decoded<unknown> {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(payload));
  } catch {
    return { ok: false, reason: 'payload is not JSON in UTF-8' };
  }
  return decodeValue(schema, value);
}

/** Checks a parsed value against a schema of the contract. Unknown fields are ignored, missing ones rejected. */
export function decodeValue<S extends TSchema>(schema: S, value: unknown): Decoded<Static<S>> {
  const problem = findUnstorable(value, 0);
  if (problem !== null) return { ok: false, reason: problem };
  const validator = validatorFor(schema);
  if (validator.Check(value)) return { ok: true, value: value as Static<S> };
  const first = validator.Errors(value)[0];
  const path =
    first === undefined || first.instancePath === ''
      ? 'payload'
      : first.instancePath.slice(1).replaceAll('/', '.');
  return { ok: false, reason: `${path}: ${first?.message ?? 'is not valid'}` };
}

/** What JSON allows and PostgreSQL's jsonb does not (U+0000, lone surrogates), and depth without end. */
function findUnstorable(value: unknown, depth: number): string | null {
  if (depth > MAX_DEPTH) return `nested deeper than ${MAX_DEPTH} levels`;
  if (typeof value === 'string') {
    return value.includes('\0') || !value.isWellFormed() ? 'text holds U+0000 or half a character' : null;
  }
  if (typeof value !== 'object' || value === null) return null;
  for (const [key, inner] of Object.entries(value)) {
    const problem = findUnstorable(key, depth) ?? findUnstorable(inner, depth + 1);
    if (problem !== null) return problem;
  }
  return null;
}

function validatorFor(schema: TSchema): Validator {
  let validator = validators.get(schema);
  if (validator === undefined) {
    validator = Compile(schema) as unknown as Validator;
    validators.set(schema, validator);
  }
  return validator;
}
