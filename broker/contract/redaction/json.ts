/** Secrets in a JSON value of any shape. Pure. */
import { type Hit, hideHits, markerOf } from './hits.ts';
import { secrecyOf } from './secret-key.ts';
import { isSecretValue } from './secret-value.ts';

export interface Means {
  readonly find: (text: string) => readonly Hit[];
  /** Whether a key that names a secret hides its value. */
  readonly secretKeys: boolean;
}

/** Deeper values are hidden whole. */
const MOST_DEPTH = 32;
const HIDDEN = markerOf('secret-value');

export function hideText(text: string, { find }: Means): string {
  return hideHits(text, find(text));
}

/** Whether the value under this key is to be hidden whole. */
export function isSecretPair(key: string, value: unknown, { secretKeys }: Means): boolean {
  if (!secretKeys || (typeof value !== 'string' && typeof value !== 'number')) return false;
  const secrecy = secrecyOf(key);
  if (secrecy === null) return false;
  const text = String(value);
  if (text.startsWith(HIDDEN.slice(0, 10)) && text.endsWith(']')) return false;
  return isSecretValue(text, { start: 0, end: text.length }, secrecy, { binding: 'firm', sentence: false });
}

export function redactJson(value: unknown, means: Means, depth = 0): unknown {
  if (typeof value === 'string') return hideText(value, means);
  if (typeof value !== 'object' || value === null) return value;
  if (depth >= MOST_DEPTH) return HIDDEN;
  if (Array.isArray(value)) return value.map((item) => redactJson(item, means, depth + 1));
  return redactObject(value as Record<string, unknown>, means, depth);
}

function redactObject(value: Record<string, unknown>, means: Means, depth: number): Record<string, unknown> {
  const entries: [string, unknown][] = [];
  const taken = new Map<string, number>();
  const named = nameOf(value);
  for (const [key, item] of Object.entries(value)) {
    const shown = freeKey(hideText(key, means), taken);
    const isSecret =
      isSecretPair(key, item, means) ||
      (named !== null && key === 'value' && isSecretPair(named, item, means));
    entries.push([shown, isSecret ? HIDDEN : redactJson(item, means, depth + 1)]);
  }
  return Object.fromEntries(entries);
}

/** `{ name: 'DB_PASSWORD', value: … }` of environments and headers. */
function nameOf(value: Record<string, unknown>): string | null {
  const name = value.name ?? value.key ?? value.header;
  return typeof name === 'string' ? name : null;
}

/** Two keys that became the same stay two. @param taken how often each was asked for. */
export function freeKey(key: string, taken: Map<string, number>): string {
  const count = (taken.get(key) ?? 0) + 1;
  taken.set(key, count);
  return count === 1 ? key : freeKey(`${key}#${count}`, taken);
}
