/** Secrets that a line end cuts in two: a wrapped token, `password:` with its value below, the groups of a card. Pure. */
import {
  ALNUM,
  BASE64,
  classesOf,
  DASH,
  DIGIT,
  DOT,
  endOfRun,
  isIn,
  LETTER,
  SPACE,
  startOfRun,
  UNDERSCORE,
} from './characters.ts';
import { PAYMENT_CARD } from './detectors/payment-card.ts';
import type { Hit } from './hits.ts';
import type { Scanner } from './scan.ts';
import { MOST_KEY, secrecyOf } from './secret-key.ts';
import { isSecretValue } from './secret-value.ts';

/** A line inside a longer text, with that text's hits so far. */
export interface Line {
  readonly text: string;
  readonly start: number;
  readonly end: number;
  readonly hits: readonly Hit[];
}

/** What the joint of two lines brings to light; places in the texts of the two. */
export interface Joint {
  readonly above: Hit | null;
  readonly below: Hit | null;
}

/** Longest part of a word on either side. */
const MOST_PART = 4096;
/** Longest value that stands alone below its name. */
const MOST_VALUE = 512;
/** Texts of records have fewer lines; in a longer text the rest is looked at line by line only. */
const MOST_LINES = 4096;
const CONTINUED = BASE64 | DOT;

/** Adds what the joints of the text's own lines bring to light. */
export function findOverLines(text: string, hits: Hit[], scan: Scanner): void {
  let above: Line | null = null;
  let start = 0;
  const whole = [...hits].sort((left, right) => left.start - right.start);
  let first = 0;
  for (let count = 0; count < MOST_LINES && start <= text.length; count += 1) {
    const found = text.indexOf('\n', start);
    const end = found === -1 ? text.length : found;
    while (first < whole.length && (whole[first] as Hit).end <= start) first += 1;
    const line: Line = { text, start, end, hits: first < whole.length ? hitsWithin(whole, first, end) : [] };
    if (above !== null) {
      const { above: left, below: right } = jointOf(above, line, scan);
      if (left !== null) hits.push(left);
      if (right !== null) {
        hits.push(right);
        above = { ...line, hits: [...line.hits, right] };
      } else above = line;
    } else above = line;
    start = end + 1;
  }
}

function hitsWithin(hits: readonly Hit[], first: number, end: number): Hit[] {
  const within: Hit[] = [];
  for (let index = first; index < hits.length && (hits[index] as Hit).start < end; index += 1) {
    within.push(hits[index] as Hit);
  }
  return within;
}

const NO_JOINT: Joint = { above: null, below: null };

/** Looks at the last word of one line and the first of the next as if they were one. */
export function jointOf(above: Line, below: Line, scan: Scanner): Joint {
  const aboveEnd = endOfContent(above);
  const belowStart = endOfRun(below.text, below.start, SPACE, below.end);
  if (aboveEnd <= above.start || belowStart >= below.end) return NO_JOINT;
  const headEnd = endOfWord(below.text, belowStart, Math.min(below.end, belowStart + MOST_PART));
  const isAlone = endOfRun(below.text, headEnd, SPACE, below.end) >= below.end;
  const head = { start: belowStart, end: headEnd, isAlone };
  if (isIn(above.text, aboveEnd - 1, DIGIT) && isIn(below.text, belowStart, DIGIT)) {
    const card = splitCard(above, aboveEnd, below, belowStart);
    if (card !== null) return card;
  }
  const value = isAlone ? valueBelow(above, aboveEnd, below, head) : null;
  if (value !== null) return { above: null, below: value };
  return splitWord(above, aboveEnd, below, head, scan);
}

/** Without blanks, the carriage return, and the backslash that continues a line of a shell. */
function endOfContent({ text, start, end }: Line): number {
  let content = startOfRun(text, end, SPACE, start);
  if (content > start + 1 && text[content - 1] === '\\' && text[content - 2] !== '\\')
    content = startOfRun(text, content - 1, SPACE, start);
  return content;
}

function endOfWord(text: string, from: number, limit: number): number {
  let index = from;
  while (index < limit && !isIn(text, index, SPACE)) index += 1;
  return index;
}

interface Head {
  readonly start: number;
  readonly end: number;
  /** Nothing else stands in its line. */
  readonly isAlone: boolean;
}

function splitWord(above: Line, aboveEnd: number, below: Line, head: Head, scan: Scanner): Joint {
  const earlier = hitThatReaches(above, aboveEnd);
  if (earlier !== undefined) {
    if (WHOLE.has(earlier.rule)) return NO_JOINT;
    const end = endOfRun(below.text, head.start, CONTINUED, head.end);
    if (!goesOn(below.text, head.start, end, head.isAlone)) return NO_JOINT;
    return { above: null, below: { rule: earlier.rule, start: head.start, end } };
  }
  const tailStart = startOfWord(above.text, aboveEnd, Math.max(above.start, aboveEnd - MOST_PART));
  const tail = aboveEnd - tailStart;
  if (tail < 2) return NO_JOINT;
  const joined = above.text.slice(tailStart, aboveEnd) + below.text.slice(head.start, head.end);
  const hit = scan(joined).hits.find(({ start, end }) => start < tail && end > tail);
  // A name at the end of a line is followed by the next line, not by its value.
  if (hit === undefined || (hit.rule === 'secret-value' && !head.isAlone)) return NO_JOINT;
  return {
    above: { rule: hit.rule, start: tailStart + hit.start, end: aboveEnd },
    below: { rule: hit.rule, start: head.start, end: head.start + hit.end - tail },
  };
}

/** Rules whose hits are whole: what follows is never more of them. */
const WHOLE: ReadonlySet<string> = new Set([
  'email',
  'payment-card',
  'iban',
  'url-password',
  'cookie',
  'private-key',
]);

function startOfWord(text: string, until: number, limit: number): number {
  let index = until;
  while (index > limit && !isIn(text, index - 1, SPACE)) index -= 1;
  return index;
}

function hitThatReaches({ hits }: Line, end: number): Hit | undefined {
  return hits.find((hit) => hit.start < end && hit.end >= end);
}

/** Whether the first word of a line looks like the rest of a token rather than like the beginning of a line. */
function goesOn(text: string, start: number, end: number, isAlone: boolean): boolean {
  const word = text.slice(start, end);
  const isWhole = end >= text.length || isIn(text, end, SPACE) || /["',;)}=]/.test(text[end] ?? '');
  if (!isWhole || /^(?:\d{1,4}[-./]\d{1,2}|\/|\d+$|[A-Z]+$|[A-Z]?[a-z]+[.:]?$)/.test(word))
    return isAlone && /^[A-Za-z]{16,}$/.test(word);
  if (isAlone) return word.length >= 3;
  return word.length >= 8 && looksRandom(text, start, end) && !/^[a-z]+[-.][\w.-]*$/.test(word);
}

/** Digits among letters, or capitals all over the word. */
function looksRandom(text: string, start: number, end: number): boolean {
  const classes = classesOf(text, start, end);
  if ((classes & LETTER) === 0) return false;
  return (classes & DIGIT) !== 0 || (text.slice(start, end).match(/[a-z][A-Z]/g) ?? []).length >= 3;
}

/** The name at the end of a line that a value must follow: `password:`, `"token" =`, `secret: |`. */
function nameAtEnd({ text, start }: Line, end: number): string | null {
  let index = startOfChars(text, end, '"\'`', start);
  index = startOfChars(text, index, ' \t|>+-', Math.max(start, index - MOST_BLANKS));
  const sign = text[index - 1];
  if (index === start || (sign !== ':' && sign !== '=')) return null;
  index = startOfChars(text, index - 1, ' \t:=', Math.max(start, index - MOST_BLANKS));
  index = startOfChars(text, index, '"\'`\\', Math.max(start, index - MOST_BLANKS));
  const first = startOfRun(
    text,
    index,
    ALNUM | UNDERSCORE | DASH | DOT,
    Math.max(start, index - MOST_KEY - 1),
  );
  return first === index ? null : text.slice(first, index);
}

const MOST_BLANKS = 8;

function startOfChars(text: string, until: number, chars: string, limit: number): number {
  let index = until;
  while (index > limit && chars.includes(text[index - 1] as string)) index -= 1;
  return index;
}

/** `password:` above, and below one word that is its value. */
function valueBelow(above: Line, aboveEnd: number, below: Line, head: Head): Hit | null {
  if (!/[:=|>+"'`-]/.test(above.text[aboveEnd - 1] ?? '') || head.end - head.start > MOST_VALUE) return null;
  const key = nameAtEnd(above, aboveEnd);
  const secrecy = key === null ? null : secrecyOf(key);
  if (secrecy === null) return null;
  const { text } = below;
  let { start, end } = head;
  while (start < end && /["'`\\]/.test(text[start] ?? '')) start += 1;
  while (end > start && /["'`,;\\]/.test(text[end - 1] ?? '')) end -= 1;
  if (!isSecretValue(text, { start, end }, secrecy, { binding: 'firm', sentence: false })) return null;
  return { rule: 'secret-value', start, end };
}

const MOST_CARD_CHARS = 23;

function splitCard(above: Line, aboveEnd: number, below: Line, belowStart: number): Joint | null {
  const tailStart = startOfRun(
    above.text,
    aboveEnd,
    DIGIT | SPACE | DASH,
    Math.max(above.start, aboveEnd - MOST_CARD_CHARS),
  );
  const first = endOfRun(above.text, tailStart, SPACE | DASH, aboveEnd);
  const headEnd = trimmedEnd(
    below.text,
    belowStart,
    endOfRun(below.text, belowStart, DIGIT | SPACE | DASH, Math.min(below.end, belowStart + MOST_CARD_CHARS)),
  );
  if (isIn(above.text, first - 1, ALNUM) || isIn(below.text, headEnd, ALNUM)) return null;
  const tail = above.text.slice(first, aboveEnd);
  const head = below.text.slice(belowStart, headEnd);
  const isWhole = headEnd >= startOfRun(below.text, below.end, SPACE, belowStart);
  for (const between of isWhole ? ['', ' ', '-'] : [' ', '-']) {
    let isCard = false;
    PAYMENT_CARD.findAll(tail + between + head, (start, end) => {
      isCard ||= start < tail.length && end > tail.length + between.length;
    });
    if (!isCard) continue;
    const rule = PAYMENT_CARD.name;
    return { above: { rule, start: first, end: aboveEnd }, below: { rule, start: belowStart, end: headEnd } };
  }
  return null;
}

function trimmedEnd(text: string, start: number, end: number): number {
  return startOfRun(text, end, SPACE | DASH, start);
}
