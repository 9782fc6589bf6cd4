/** Values behind names of secrets: key=value, key: value, JSON (also escaped), query strings, flags, XML, SQL. Pure. */
import {
  ALNUM,
  classAt,
  DASH,
  DOT,
  endOfRun,
  isIn,
  LOWER,
  SPACE,
  startOfRun,
  UNDERSCORE,
} from '../characters.ts';
import type { Detector, Report } from '../detector.ts';
import { MOST_KEY, type Secrecy, secrecyOf } from '../secret-key.ts';
import { type Binding, isSecretValue } from '../secret-value.ts';

const KEY = ALNUM | UNDERSCORE | DASH | DOT;
/** Blanks around a separator. */
const MOST_BLANKS = 16;
/** A quoted value without its closing quote ends with its line. */
const LINE_END = /[\r\n]/g;

interface Separator {
  /** Where the value or its quote begins. */
  readonly end: number;
  readonly binding: Binding;
  /** Ends the value besides blanks and quotes. */
  readonly until?: string;
}

export const SECRET_VALUE: Detector = {
  name: 'secret-value',
  doc: 'What stands behind names like password, secret, token, api_key, private_key: in key=value, JSON, URLs, flags, XML.',
  anchors: [
    'pass',
    'pwd',
    'psk',
    'secret',
    'token',
    'key',
    'cred',
    'auth',
    'kennwort',
    'jwt',
    'sess',
    '.sid',
    'bearer',
    'totp',
    'connection',
  ],
  find(text, at, after, report) {
    const keyEnd = endOfRun(text, after, KEY);
    const keyStart = startOfRun(text, at, KEY, Math.max(0, keyEnd - MOST_KEY - 1));
    if (keyEnd - keyStart > MOST_KEY) return keyEnd;
    const separator = separatorAt(text, keyStart, keyEnd);
    if (separator === null) return keyEnd;
    const secrecy = secrecyOf(text.slice(keyStart, keyEnd));
    if (secrecy === null) return keyEnd;
    return Math.max(keyEnd, reportValue(text, separator, secrecy, report));
  },
};

/** Walks `"`, `\"`, `'`, `]`, blanks, and one of `=`, `:`, `=>`, `:=`, `%3D`, `>`. */
function separatorAt(text: string, keyStart: number, keyEnd: number): Separator | null {
  const quoted = afterQuote(text, keyEnd);
  const sign = afterBlanks(text, quoted);
  const char = text[sign];
  if (char === '=' || char === ':') {
    const isDouble = text[sign + 1] === '=' || text[sign + 1] === '>';
    // `==` and `===` compare, `::` names.
    if (isDouble ? char === '=' && text[sign + 1] === '=' : text[sign + 1] === ':') return null;
    const end = afterBlanks(text, sign + (isDouble ? 2 : 1));
    const isTight = end === sign + 1 && sign === keyEnd && char === '=';
    return { end, binding: isTight || quoted > keyEnd ? 'firm' : 'loose' };
  }
  if (char === '>' && text[keyStart - 1] === '<') return { end: sign + 1, binding: 'firm', until: '<' };
  if (text.startsWith('%3D', keyEnd) || text.startsWith('%3d', keyEnd))
    return { end: keyEnd + 3, binding: 'firm', until: '%' };
  if (char === ',' && quoted > keyEnd) return afterValueWord(text, sign + 1);
  if (sign > keyEnd && quoted === keyEnd) return afterFlag(text, keyStart, sign);
  return null;
}

const VALUE_WORD = /\s{0,8}\\{0,3}["'](?:value|val|content|data)\\{0,3}["']\s{0,8}:\s{0,8}/iy;

/** `{"name":"DB_PASSWORD","value":"…"}`. */
function afterValueWord(text: string, from: number): Separator | null {
  VALUE_WORD.lastIndex = from;
  const length = VALUE_WORD.exec(text)?.[0].length;
  return length === undefined ? null : { end: from + length, binding: 'firm' };
}

/** `--password hunter2`, and `PASSWORD 'hunter2'` of SQL. */
function afterFlag(text: string, keyStart: number, valueStart: number): Separator | null {
  if (text[keyStart] === '-' && !isIn(text, valueStart, DASH)) return { end: valueStart, binding: 'firm' };
  return text[valueStart] === "'" ? { end: valueStart, binding: 'firm' } : null;
}

function afterBlanks(text: string, from: number): number {
  let index = from;
  while (index < from + MOST_BLANKS && (text[index] === ' ' || text[index] === '\t')) index += 1;
  return index;
}

/** Behind `"`, `'`, `` ` ``, with the backslashes of up to three levels of escaping. */
function afterQuote(text: string, from: number): number {
  let index = from;
  while (index < from + 7 && text[index] === '\\') index += 1;
  return text[index] === '"' || text[index] === "'" || text[index] === '`' ? index + 1 : from;
}

function reportValue(text: string, separator: Separator, secrecy: Secrecy, report: Report): number {
  const opening = afterQuote(text, separator.end);
  if (opening > separator.end) {
    const end = endOfQuoted(text, opening, text.slice(separator.end, opening));
    if (isSecretValue(text, { start: opening, end }, secrecy, { binding: 'firm', sentence: false })) {
      report(opening, end);
      return end;
    }
    return opening;
  }
  const start = startOfBare(text, separator.end);
  const end = endOfBare(text, start, separator.until);
  const { binding } = separator;
  const sentence = binding === 'loose' && text[end] === ' ' && isIn(text, end + 1, LOWER);
  if (!isSecretValue(text, { start, end }, secrecy, { binding, sentence })) return start;
  report(start, end);
  return end;
}

const SCHEME = /(?:bearer|basic|token|digest|negotiate|apikey)(?:%20|\+| )/iy;

/** Behind the name of a scheme, which says nothing. */
function startOfBare(text: string, from: number): number {
  SCHEME.lastIndex = from;
  return from + (SCHEME.exec(text)?.[0].length ?? 0);
}

/** The same quote as the opening one, with as many backslashes; else the end of the line. */
function endOfQuoted(text: string, from: number, quote: string): number {
  let index = text.indexOf(quote, from);
  if (quote.length === 1) {
    while (index !== -1 && isEscaped(text, index, from)) index = text.indexOf(quote, index + 1);
  }
  LINE_END.lastIndex = from;
  if (index !== -1) return index;
  return LINE_END.exec(text)?.index ?? text.length;
}

function isEscaped(text: string, index: number, from: number): boolean {
  let slashes = 0;
  while (index - slashes > from && text[index - slashes - 1] === '\\') slashes += 1;
  return slashes % 2 === 1;
}

/** Longest name that is looked for behind a comma. */
const MOST_NEXT_KEY = 40;

/** A bare value goes to a blank, quote, bracket; to `&`, `,`, `;` only where the next pair or nothing follows. */
function endOfBare(text: string, from: number, until: string | undefined): number {
  let index = from;
  for (; index < text.length; index += 1) {
    if (isIn(text, index, SPACE)) break;
    const char = text[index] as string;
    if (char === until || char === '"' || char === "'" || char === '`' || char === '<' || char === '>') break;
    if (char === '\\' && /["'nrt\\]/.test(text[index + 1] ?? '')) break;
    if ((char === ')' || char === '}' || char === ']') && closes(text, index)) break;
    if ((char === ',' || char === ';' || char === '&' || char === '|') && endsPair(text, index + 1)) break;
  }
  // The full stop of a sentence.
  return index > from + 1 && text[index - 1] === '.' && index === text.length ? index - 1 : index;
}

function closes(text: string, index: number): boolean {
  return (
    index + 1 >= text.length || classAt(text, index + 1) === SPACE || /[)}\],;"']/.test(text[index + 1] ?? '')
  );
}

function endsPair(text: string, from: number): boolean {
  if (from >= text.length || isIn(text, from, SPACE) || /["'{}]/.test(text[from] ?? '')) return true;
  const end = endOfRun(text, from, KEY, Math.min(text.length, from + MOST_NEXT_KEY));
  return end > from && (text[end] === '=' || text[end] === ':');
}
