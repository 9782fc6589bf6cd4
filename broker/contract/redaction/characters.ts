/** Classes of characters that secrets are written in, as bits of one table, and the walk over a run of them. Pure. */

export const DIGIT = 1;
export const LOWER = 2;
export const UPPER = 4;
export const DASH = 8;
export const UNDERSCORE = 16;
export const DOT = 32;
/** `+` and `/`, which base64 adds to letters and digits. */
export const PLUS_SLASH = 64;
/** Space, tab, line ends. */
export const SPACE = 128;

export const LETTER = LOWER | UPPER;
export const ALNUM = LETTER | DIGIT;
/** Base64url without padding. */
export const WORD = ALNUM | DASH | UNDERSCORE;
export const BASE64 = WORD | PLUS_SLASH;

const CLASSES = new Uint8Array(256);
for (let code = 48; code < 58; code += 1) CLASSES[code] = DIGIT;
for (let code = 65; code < 91; code += 1) CLASSES[code] = UPPER;
for (let code = 97; code < 123; code += 1) CLASSES[code] = LOWER;
for (const [chars, bit] of [
  ['-', DASH],
  ['_', UNDERSCORE],
  ['.', DOT],
  ['+/', PLUS_SLASH],
  [' \t\r\n\v\f', SPACE],
] as const) {
  for (const char of chars) CLASSES[char.charCodeAt(0)] = bit;
}

/** The class of the unit at `index`; 0 outside the text and above Latin-1. */
export function classAt(text: string, index: number): number {
  const code = text.charCodeAt(index);
  return code < 256 ? (CLASSES[code] as number) : 0;
}

export function isIn(text: string, index: number, mask: number): boolean {
  return (classAt(text, index) & mask) !== 0;
}

/** First place at or after `from` that is not in the classes of `mask`, at most `limit`. */
export function endOfRun(text: string, from: number, mask: number, limit = text.length): number {
  let index = from;
  while (index < limit && isIn(text, index, mask)) index += 1;
  return index;
}

/** Where the run that ends at `until` begins, at least `limit`. */
export function startOfRun(text: string, until: number, mask: number, limit = 0): number {
  let index = until;
  while (index > limit && isIn(text, index - 1, mask)) index -= 1;
  return index;
}

/** The classes that occur in [start, end), together. */
export function classesOf(text: string, start: number, end: number): number {
  let classes = 0;
  for (let index = start; index < end; index += 1) classes |= classAt(text, index);
  return classes;
}

/**
 * Whether a token may begin here: not in the middle of a word. The letters of an escape (`\n`, `\u003d`, `%3D`) belong to
 * the escape.
 */
export function isWordStart(text: string, index: number): boolean {
  if (index === 0 || !isIn(text, index - 1, ALNUM)) return true;
  const before = text.slice(Math.max(0, index - 6), index);
  return /(?:\\[bfnrtv]|\\u[0-9a-fA-F]{4}|%[0-9a-fA-F]{2})$/.test(before);
}

/** @param code < 256. */
export function classOfCode(code: number): number {
  return CLASSES[code] as number;
}
