/** Private keys whose lines are records of their own. Pure. */
import { BASE64, DASH, endOfRun, SPACE, startOfRun, UNDERSCORE } from './characters.ts';
import { PRIVATE_KEY } from './detectors/private-key.ts';
import type { Hit } from './hits.ts';

/** An RSA key of 16,384 bits has 200 lines. */
export const MOST_KEY_LINES = 400;
/** Other lines of the service that may stand between those of the key. */
export const MOST_OTHER_LINES = 20;

const OPENING = /-----BEGIN [A-Z0-9 ]{0,60}PRIVATE KEY(?: BLOCK)?-----/;
const CLOSING = /-----END [A-Z0-9 ]{0,60}PRIVATE KEY(?: BLOCK)?-----/;
const ARMOUR = /^(?:Proc-Type|DEK-Info|Version|Comment|Hash|Charset): /;
const BODY = BASE64 & ~DASH & ~UNDERSCORE;
/** A line of a key's middle behind a prefix of the logger; alone in its record it may be shorter. */
export const LEAST_FULL_LINE = 40;
const RULE = PRIVATE_KEY.name;

export const opensKey = (text: string): boolean =>
  text.includes('-----BEGIN ') && OPENING.test(text) && !CLOSING.test(text);

/** What belongs to the key up to and with its closing line, or null. */
export function closingOf(text: string): Hit | null {
  if (!text.includes('-----END ')) return null;
  const match = CLOSING.exec(text);
  if (match === null || OPENING.test(text)) return null;
  const before = text.slice(0, match.index).trimEnd();
  const start = bodyIn(before)?.start ?? match.index;
  return { rule: RULE, start, end: match.index + match[0].length };
}

/** The part of a record that can be a line of a key: all of it, or its last word. */
export function bodyIn(text: string): Hit | null {
  const end = startOfRun(text, text.length, SPACE);
  const first = endOfRun(text, 0, SPACE);
  if (ARMOUR.test(text)) return { rule: RULE, start: 0, end };
  let last = end;
  while (last > first && text[last - 1] === '=') last -= 1;
  const start = startOfRun(text, last, BODY);
  const isAlone = start <= first;
  if (last === start || (!isAlone && last - start < LEAST_FULL_LINE)) return null;
  return { rule: RULE, start, end };
}
