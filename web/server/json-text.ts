/** What JSON.parse lets pass and we do not: a key that stands twice in one object, and depth without end. Pure. */

/** Deepest nesting of a body; the contract's own need 5. The same bound as for MQTT payloads. */
export const MAX_JSON_DEPTH = 12;

interface Level {
  /** Null in an array. */
  readonly keys: Set<string> | null;
  expectsKey: boolean;
}

/**
 * One sentence about the fault, or null. Looks at strings and brackets alone: broken JSON is for the parser to
 * refuse, so call this first and parse afterwards.
 */
export function findJsonFault(text: string): string | null {
  const levels: Level[] = [];
  for (let position = 0; position < text.length; position += 1) {
    const character = text.charCodeAt(position);
    const level = levels.at(-1);
    if (character === QUOTE) {
      const end = endOfString(text, position);
      if (level?.keys && level.expectsKey) {
        const key = decodeKey(text.slice(position, end + 1));
        if (level.keys.has(key)) return `the key "${key.slice(0, 100)}" stands twice in one object`;
        level.keys.add(key);
        level.expectsKey = false;
      }
      position = end;
    } else if (character === OPEN_OBJECT || character === OPEN_ARRAY) {
      if (levels.length >= MAX_JSON_DEPTH) return `nested deeper than ${MAX_JSON_DEPTH} levels`;
      const isObject = character === OPEN_OBJECT;
      levels.push({ keys: isObject ? new Set() : null, expectsKey: isObject });
    } else if (character === CLOSE_OBJECT || character === CLOSE_ARRAY) {
      levels.pop();
    } else if (character === COMMA && level?.keys) {
      level.expectsKey = true;
    }
  }
  return null;
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;
const OPEN_ARRAY = 0x5b;
const CLOSE_ARRAY = 0x5d;

/** Position of the closing quote; the end of the text where there is none. */
function endOfString(text: string, start: number): number {
  for (let position = start + 1; position < text.length; position += 1) {
    const character = text.charCodeAt(position);
    if (character === BACKSLASH) position += 1;
    else if (character === QUOTE) return position;
  }
  return text.length;
}

/** `"\u0061"` and `"a"` are one key. A literal that does not parse stays as it is: the parser will refuse it. */
function decodeKey(literal: string): string {
  if (!literal.includes('\\')) return literal.slice(1, -1);
  try {
    return String(JSON.parse(literal));
  } catch {
    return literal;
  }
}
