/**
 * One line of StatsD, with DogStatsD's tags, packed values and types. Pure; linear in the line.
 * Source: github.com/statsd/statsd docs/metric_types.md, docs.datadoghq.com/developers/dogstatsd/datagram_shell.
 */
import type { Refusal } from './refusals.ts';

export const STATSD_TYPES = ['c', 'm', 'g', 'ms', 'h', 'd', 's'] as const;
export type StatsdType = (typeof STATSD_TYPES)[number];

export interface StatsdSample {
  readonly name: string;
  readonly type: StatsdType;
  /** Members of a set; a gauge keeps its sign, which makes it a step. */
  readonly values: readonly string[];
  /** 0 (exclusive) to 1: the share of events that is sent. */
  readonly sampleRate: number;
  readonly labels: Readonly<Record<string, string>>;
}

/** Longest line; DogStatsD's clients cut at 8 KiB. */
export const MAX_STATSD_LINE = 8192;
/** Values that one line may pack. */
const MAX_PACKED = 1000;
/** More than a record may carry; the rest is looked at no further. */
const MAX_TAGS = 32;

export function parseStatsdLine(line: string): StatsdSample | Refusal {
  if (line.length > MAX_STATSD_LINE) return 'too_large';
  if (line.startsWith('_e{') || line.startsWith('_sc|')) return 'unsupported';
  const [head = '', type = '', ...extras] = line.split('|');
  const colon = head.indexOf(':');
  if (colon <= 0) return 'malformed';
  if (!isType(type)) return /^[a-z]{1,10}$/.test(type) ? 'unsupported' : 'malformed';
  const rest = head.slice(colon + 1);
  const values = type === 's' ? [rest] : rest.split(':', MAX_PACKED + 1);
  if (values.length > MAX_PACKED) return 'too_large';
  if (values.some((value) => (type === 's' ? value === '' : numberOf(value) === null))) {
    return values.some((value) => /^[+-]?(nan|inf(inity)?)$/i.test(value)) ? 'not_finite' : 'malformed';
  }
  let sampleRate = 1;
  let labels: Record<string, string> = {};
  for (const extra of extras) {
    if (extra.startsWith('@')) sampleRate = numberOf(extra.slice(1)) ?? Number.NaN;
    else if (extra.startsWith('#')) labels = parseTags(extra.slice(1));
  }
  if (!(sampleRate > 0 && sampleRate <= 1)) return 'malformed';
  return { name: head.slice(0, colon), type, values, sampleRate, labels };
}

/** `key:value` or a bare word, which becomes `word: "true"`. */
function parseTags(text: string): Record<string, string> {
  const labels = new Map<string, string>();
  for (const tag of text.split(',', MAX_TAGS)) {
    if (tag === '') continue;
    const colon = tag.indexOf(':');
    labels.set(colon < 0 ? tag : tag.slice(0, colon), colon < 0 ? 'true' : tag.slice(colon + 1));
  }
  return Object.fromEntries(labels);
}

const isType = (type: string): type is StatsdType => (STATSD_TYPES as readonly string[]).includes(type);

/** Decimal, with sign and exponent; null for anything else, also for what is not finite. */
export function numberOf(text: string): number | null {
  if (text.length > 64 || !/^[-+]?[0-9.][-+.eE0-9]*$/.test(text)) return null;
  const value = Number(text);
  return Number.isFinite(value) ? value : null;
}
