/** Finds the records of a payload that is not JSON as a whole, so that each can be read by itself. Pure. */

export interface SplitBatch {
  /** The payload with `[]` in place of the records. */
  readonly envelope: string;
  /** Text of each record. */
  readonly records: readonly string[];
}

const RECORDS = '"records"';

/**
 * One pass, aware of strings and brackets, that understands no more JSON than that. A raw line break ends no string:
 * only a quote does. Null where there is no array under `records` at the top, or it does not end, or holds more than
 * `limit`.
 */
export function splitRecords(text: string, limit: number): SplitBatch | null {
  const start = startOfRecords(text);
  if (start === null) return null;
  const records: string[] = [];
  let depth = 0;
  let from = start + 1;
  for (let index = start + 1; index < text.length; index += 1) {
    const code = text.charCodeAt(index);
    if (code === QUOTE) {
      index = endOfString(text, index);
    } else if (code === OPEN_BRACE || code === OPEN_BRACKET) {
      depth += 1;
    } else if (depth > 0 && (code === CLOSE_BRACE || code === CLOSE_BRACKET)) {
      depth -= 1;
    } else if (depth === 0 && (code === COMMA || code === CLOSE_BRACKET)) {
      const record = text.slice(from, index).trim();
      if (code === COMMA || record !== '' || records.length > 0) records.push(record);
      if (records.length > limit) return null;
      from = index + 1;
      if (code === CLOSE_BRACKET) {
        return { envelope: `${text.slice(0, start)}[]${text.slice(index + 1)}`, records };
      }
    }
  }
  return null;
}

const QUOTE = 34;
const COMMA = 44;
const OPEN_BRACKET = 91;
const BACKSLASH = 92;
const CLOSE_BRACKET = 93;
const OPEN_BRACE = 123;
const CLOSE_BRACE = 125;

/** Of the bracket that opens the array. Null where the name does not stand at the top of the object. */
function startOfRecords(text: string): number | null {
  let depth = 0;
  for (let index = 0; index < text.length; index += 1) {
    const code = text.charCodeAt(index);
    if (code === OPEN_BRACE || code === OPEN_BRACKET) depth += 1;
    else if (code === CLOSE_BRACE || code === CLOSE_BRACKET) depth -= 1;
    if (code !== QUOTE) continue;
    const isName = depth === 1 && text.startsWith(RECORDS, index);
    index = endOfString(text, index);
    if (!isName) continue;
    const value = /^\s*:\s*\[/.exec(text.slice(index + 1, index + 100));
    if (value !== null) return index + value[0].length;
  }
  return null;
}

/** Of the closing quote; the end of the text where there is none. */
function endOfString(text: string, start: number): number {
  for (let index = start + 1; index < text.length; index += 1) {
    const code = text.charCodeAt(index);
    if (code === BACKSLASH) index += 1;
    else if (code === QUOTE) return index;
  }
  return text.length;
}
