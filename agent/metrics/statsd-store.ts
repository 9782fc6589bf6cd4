/** What StatsD samples add up to between two flushes. */
import type { Candidate, Series } from './admission.ts';
import type { Refusals } from './refusals.ts';
import { numberOf, type StatsdSample, type StatsdType } from './statsd-line.ts';

/** Members of a set that are told apart until the flush. */
export const MAX_SET_MEMBERS = 1000;
/** Durations of which the percentiles are taken: a fair choice of all that came. */
export const RESERVOIR_SIZE = 512;

interface Timing {
  /** Corrected by the sample rate. */
  count: number;
  /** As many as came. */
  seen: number;
  sum: number;
  min: number;
  max: number;
  readonly reservoir: number[];
}

interface Entry {
  readonly series: Series;
  counter: number | null;
  gauge: number | null;
  /** Gauges are remembered, for steps, but sent only when they were set. */
  isGaugeSet: boolean;
  timing: Timing | null;
  members: Set<string> | null;
}

export interface StatsdStore {
  add(series: Series, sample: StatsdSample): void;
  /** One candidate for each series that was fed; `seconds` since the last flush. */
  flush(seconds: number, timestamp: Date): Candidate[];
  /** Series that are kept: those fed, and gauges. */
  size(): number;
}

export function createStatsdStore(
  refusals: Refusals,
  maxSeries: number,
  random: () => number = Math.random,
): StatsdStore {
  const entries = new Map<string, Entry>();
  const entryOf = (series: Series): Entry | null => {
    const known = entries.get(series.key);
    if (known !== undefined) return known;
    if (entries.size >= maxSeries) return null;
    const entry = { series, counter: null, gauge: null, isGaugeSet: false, timing: null, members: null };
    entries.set(series.key, entry);
    return entry;
  };
  return {
    size: () => entries.size,
    add(series, { type, values, sampleRate }) {
      const entry = entryOf(series);
      if (entry === null) refusals.count('too_many_series');
      else for (const value of values) addValue(entry, type, value, sampleRate, refusals, random);
    },
    flush(seconds, timestamp) {
      const candidates: Candidate[] = [];
      for (const [key, entry] of entries) {
        const value = fieldsOf(entry, seconds);
        if (Object.keys(value).length > 0) {
          const { metricType: name, labels } = entry.series;
          candidates.push({ name, labels, value, timestamp });
        }
        const { gauge } = entry;
        // A gauge that was not set since the last flush is forgotten when room is needed.
        if (gauge === null || (!entry.isGaugeSet && entries.size * 2 > maxSeries)) entries.delete(key);
        else Object.assign(entry, { counter: null, isGaugeSet: false, timing: null, members: null });
      }
      return candidates;
    },
  };
}

function addValue(
  entry: Entry,
  type: StatsdType,
  text: string,
  sampleRate: number,
  refusals: Refusals,
  random: () => number,
): void {
  if (type === 's') {
    entry.members ??= new Set();
    if (entry.members.size < MAX_SET_MEMBERS || entry.members.has(text)) entry.members.add(text);
    else refusals.count('too_many_members');
    return;
  }
  const value = numberOf(text) ?? 0;
  if (type === 'c' || type === 'm') {
    entry.counter = (entry.counter ?? 0) + value / sampleRate;
  } else if (type === 'g') {
    const isStep = text.startsWith('+') || text.startsWith('-');
    entry.gauge = isStep ? (entry.gauge ?? 0) + value : value;
    entry.isGaugeSet = true;
  } else {
    entry.timing ??= { count: 0, seen: 0, sum: 0, min: value, max: value, reservoir: [] };
    addTiming(entry.timing, value, sampleRate, random);
  }
}

/** Every value has the same chance to stay (Vitter's algorithm R). */
function addTiming(timing: Timing, value: number, sampleRate: number, random: () => number): void {
  timing.count += 1 / sampleRate;
  timing.seen += 1;
  timing.sum += value / sampleRate;
  timing.min = Math.min(timing.min, value);
  timing.max = Math.max(timing.max, value);
  if (timing.reservoir.length < RESERVOIR_SIZE) timing.reservoir.push(value);
  else {
    const place = Math.floor(random() * timing.seen);
    if (place < RESERVOIR_SIZE) timing.reservoir[place] = value;
  }
}

function fieldsOf({ counter, gauge, isGaugeSet, timing, members }: Entry, seconds: number) {
  return {
    ...(counter === null ? {} : { count: counter, per_second: counter / seconds }),
    ...(gauge === null || !isGaugeSet ? {} : { value: gauge }),
    ...(members === null ? {} : { unique: members.size }),
    ...(timing === null ? {} : timingFields(timing)),
  };
}

function timingFields({ count, sum, min, max, reservoir }: Timing): Record<string, number> {
  const sorted = [...reservoir].sort((a, b) => a - b);
  const quantile = (share: number): number =>
    sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(share * sorted.length) - 1))] ?? 0;
  return { events: count, mean: sum / count, min, max, p50: quantile(0.5), p95: quantile(0.95) };
}
