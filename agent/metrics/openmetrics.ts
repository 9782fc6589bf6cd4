/**
 * The Prometheus text format and OpenMetrics, sample by sample. Pure; one pass, linear in the text.
 * Source: prometheus.io/docs/instrumenting/exposition_formats, OpenMetrics 1.0.
 */
import type { Refusal } from './refusals.ts';

export const FAMILY_TYPES = [
  'counter',
  'gauge',
  'histogram',
  'gaugehistogram',
  'summary',
  'info',
  'stateset',
  'unknown',
] as const;
export type FamilyType = (typeof FAMILY_TYPES)[number];

export interface Family {
  readonly type: FamilyType;
  /** From `# UNIT`; Prometheus has none. */
  readonly unit: string | null;
}

export interface ExposedSample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  /** May be NaN or infinite. */
  readonly value: number;
}

export interface Exposition {
  readonly families: ReadonlyMap<string, Family>;
  readonly samples: readonly ExposedSample[];
  readonly refused: Readonly<Partial<Record<Refusal, number>>>;
}

/** Samples of one reply; a busy exporter has a few thousand. */
export const MAX_SAMPLES = 20_000;
/** Labels that are read of one sample; a record carries fewer. */
const MAX_SAMPLE_LABELS = 64;
const MAX_LINE = 65_536;
const MAX_NUMBER = 64;

export function parseExposition(text: string): Exposition {
  const families = new Map<string, Family>();
  const samples: ExposedSample[] = [];
  const refused: Partial<Record<Refusal, number>> = {};
  const refuse = (reason: Refusal): void => {
    refused[reason] = (refused[reason] ?? 0) + 1;
  };
  for (const line of linesOf(text)) {
    if (line.length > MAX_LINE) refuse('too_large');
    else if (line.startsWith('#')) {
      if (line.trimEnd() === '# EOF') break;
      if (families.size < MAX_SAMPLES) readComment(line, families);
    } else if (line.trim() !== '') {
      const sample = parseSample(line);
      if (sample === null) refuse('malformed');
      else if (samples.length >= MAX_SAMPLES) refuse('too_large');
      else samples.push(sample);
    }
  }
  return { families, samples, refused };
}

function* linesOf(text: string): Generator<string> {
  let from = 0;
  while (from < text.length) {
    const end = text.indexOf('\n', from);
    const to = end < 0 ? text.length : end;
    yield text.slice(from, to > from && text[to - 1] === '\r' ? to - 1 : to);
    from = to + 1;
  }
}

/** HELP and other comments say nothing that is sent. */
function readComment(line: string, families: Map<string, Family>): void {
  const [, keyword, name = '', word = ''] = line.slice(0, 1000).split(/[ \t]+/);
  if (name === '') return;
  const known = families.get(name) ?? { type: 'unknown' as const, unit: null };
  if (keyword === 'TYPE') families.set(name, { ...known, type: typeOf(word) });
  else if (keyword === 'UNIT' && word !== '') families.set(name, { ...known, unit: word });
}

const typeOf = (word: string): FamilyType => FAMILY_TYPES.find((type) => type === word) ?? 'unknown';

/** Null when the line is no sample. Timestamps and exemplars behind the value are passed over. */
export function parseSample(line: string): ExposedSample | null {
  const start = skipBlanks(line, 0);
  const nameEnd = skipName(line, start);
  if (nameEnd === start || isDigit(line[start] ?? '')) return null;
  const afterName = skipBlanks(line, nameEnd);
  const labels = line[afterName] === '{' ? parseLabels(line, afterName + 1) : null;
  if (line[afterName] === '{' && labels === null) return null;
  if (labels === null && afterName === nameEnd) return null;
  const valueStart = skipBlanks(line, labels?.end ?? afterName);
  const valueEnd = skipWord(line, valueStart);
  const value = parseValue(line.slice(valueStart, valueEnd));
  if (value === null || !isTail(line, valueEnd)) return null;
  return { name: line.slice(start, nameEnd), labels: Object.fromEntries(labels?.pairs ?? []), value };
}

interface ReadLabels {
  readonly pairs: ReadonlyMap<string, string>;
  /** Just behind the closing brace. */
  readonly end: number;
}

function parseLabels(line: string, from: number): ReadLabels | null {
  const pairs = new Map<string, string>();
  let at = skipBlanks(line, from);
  while (line[at] !== '}') {
    const nameEnd = skipName(line, at);
    const equals = skipBlanks(line, nameEnd);
    const quote = skipBlanks(line, equals + 1);
    if (nameEnd === at || line[equals] !== '=' || line[quote] !== '"') return null;
    const text = parseQuoted(line, quote + 1);
    if (text === null || pairs.size >= MAX_SAMPLE_LABELS) return null;
    pairs.set(line.slice(at, nameEnd), text.value);
    at = skipBlanks(line, text.end);
    if (line[at] === ',') at = skipBlanks(line, at + 1);
    else if (line[at] !== '}') return null;
  }
  return { pairs, end: at + 1 };
}

/** Escapes are `\\`, `\"` and `\n`; any other backslash stands for itself. */
function parseQuoted(line: string, from: number): { readonly value: string; readonly end: number } | null {
  const quote = line.indexOf('"', from);
  if (quote < 0) return null;
  const plain = line.slice(from, quote);
  if (!plain.includes('\\')) return { value: plain, end: quote + 1 };
  const pieces: string[] = [];
  let start = from;
  for (let at = from; at < line.length; at += 1) {
    const character = line[at];
    if (character === '"') {
      pieces.push(line.slice(start, at));
      return { value: pieces.join(''), end: at + 1 };
    }
    const escaped = character === '\\' ? ESCAPES[line[at + 1] ?? ''] : undefined;
    if (escaped === undefined) continue;
    pieces.push(line.slice(start, at), escaped);
    at += 1;
    start = at + 1;
  }
  return null;
}
const ESCAPES: Readonly<Record<string, string>> = { '\\': '\\', '"': '"', n: '\n' };

/** As Go's ParseFloat for what exporters write: decimals, NaN, Inf with a sign. */
export function parseValue(text: string): number | null {
  if (text === '' || text.length > MAX_NUMBER) return null;
  const word = text.toLowerCase().replace(/^[+-]/, '');
  if (word === 'nan') return Number.NaN;
  if (word === 'inf' || word === 'infinity') return text.startsWith('-') ? -Infinity : Infinity;
  if (!/^[-+.0-9eE]+$/.test(text)) return null;
  const value = Number(text);
  return Number.isNaN(value) ? null : value;
}

/** A timestamp, an exemplar, both or neither. */
function isTail(line: string, from: number): boolean {
  let at = skipBlanks(line, from);
  if (at === line.length || line[at] === '#') return true;
  const end = skipWord(line, at);
  if (parseValue(line.slice(at, end)) === null) return false;
  at = skipBlanks(line, end);
  return at === line.length || line[at] === '#';
}

function skip(pattern: RegExp, line: string, from: number): number {
  pattern.lastIndex = from;
  pattern.test(line);
  return pattern.lastIndex;
}
// Sticky, and true of every place: each moves on over what it matches.
const NAME = /[a-zA-Z0-9_:.]*/y;
const BLANKS = /[ \t]*/y;
const WORD = /[^ \t]*/y;

const skipName = (line: string, from: number): number => skip(NAME, line, from);
const skipBlanks = (line: string, from: number): number => skip(BLANKS, line, from);
const skipWord = (line: string, from: number): number => skip(WORD, line, from);
const isDigit = (character: string): boolean => character >= '0' && character <= '9';
