/**
 * Samples of an exposition as records: one for each family and set of labels. Pure.
 *
 * gauge and unknown → `value`; counter → `total`; histogram → `count`, `sum`, `mean` and a field `le_<bound>` for each
 * bucket; summary → `count`, `sum`, `mean` and a field `q_<quantile>` each. What is constant (info, `_created`) is left
 * out.
 */
import { MAX_METRIC_FIELDS } from '#contract';
import type { Candidate } from './admission.ts';
import { passesFilter } from './names.ts';
import type { ExposedSample, Exposition, Family } from './openmetrics.ts';
import type { Refusal } from './refusals.ts';
import { seriesKey } from './series.ts';

export interface ExposedRecords {
  readonly candidates: readonly Candidate[];
  readonly refused: Readonly<Partial<Record<Refusal, number>>>;
}

export interface ExposedOptions {
  /** Globs over the name of the family, and over that of each sample: `*_bucket` are all buckets. */
  readonly include?: readonly string[];
  readonly exclude?: readonly string[];
  /** Added to every sample; the exporter's own label of that name gives way. */
  readonly labels?: Readonly<Record<string, string>>;
  readonly timestamp: Date;
}

/** Where a sample goes; null = it is left out on purpose. */
interface Place {
  readonly family: string;
  readonly field: string;
  readonly labels: Readonly<Record<string, string>>;
}

/** Fields beside the buckets: count, sum, mean. */
const MAX_BUCKETS = MAX_METRIC_FIELDS - 3;

export function exposedRecords(exposition: Exposition, options: ExposedOptions): ExposedRecords {
  const groups = new Map<string, { place: Place; fields: Map<string, number> }>();
  let notFinite = 0;
  for (const sample of exposition.samples) {
    const place = placeOf(sample, exposition.families);
    if (place === null || !passesFilter([place.family, sample.name], options)) continue;
    if (!Number.isFinite(sample.value)) {
      notFinite += 1;
      continue;
    }
    const labels = { ...place.labels, ...options.labels };
    const key = seriesKey(place.family, labels);
    const group = groups.get(key) ?? { place: { ...place, labels }, fields: new Map() };
    group.fields.set(place.field, sample.value);
    groups.set(key, group);
  }
  const candidates = [...groups.values()].map(({ place, fields }) => ({
    name: place.family,
    labels: place.labels,
    value: withMean(withoutManyBuckets(fields)),
    timestamp: options.timestamp,
  }));
  const refused = { ...exposition.refused, ...(notFinite > 0 ? { not_finite: notFinite } : {}) };
  return { candidates, refused };
}

function placeOf({ name, labels }: ExposedSample, families: ReadonlyMap<string, Family>): Place | null {
  const { family, suffix, type } = familyOf(name, families);
  if (type === 'info' || suffix === '_created') return null;
  if (type === 'counter') return { family: withoutSuffix(family, '_total'), field: 'total', labels };
  if (suffix === '_count' || suffix === '_gcount') return { family, field: 'count', labels };
  if (suffix === '_sum' || suffix === '_gsum') return { family, field: 'sum', labels };
  const { le, quantile, ...others } = labels;
  // The bucket of all is the count once more.
  if (suffix === '_bucket') return le === '+Inf' ? null : { family, field: `le_${le ?? ''}`, labels: others };
  if (type === 'summary' && quantile !== undefined) return { family, field: `q_${quantile}`, labels: others };
  return { family, field: 'value', labels };
}

const SUFFIXES: Readonly<Partial<Record<Family['type'], readonly string[]>>> = {
  counter: ['_total', '_created'],
  histogram: ['_bucket', '_count', '_sum', '_created'],
  gaugehistogram: ['_bucket', '_gcount', '_gsum'],
  summary: ['_count', '_sum', '_created'],
  info: ['_info'],
};

/** The family that was announced under this name, or under it without the suffix that its type allows. */
function familyOf(
  name: string,
  families: ReadonlyMap<string, Family>,
): { family: string; suffix: string; type: Family['type'] } {
  const own = families.get(name);
  if (own !== undefined) return { family: name, suffix: '', type: own.type };
  const at = name.lastIndexOf('_');
  const [stem, suffix] = at > 0 ? [name.slice(0, at), name.slice(at)] : [name, ''];
  const type = families.get(stem)?.type;
  return type !== undefined && SUFFIXES[type]?.includes(suffix)
    ? { family: stem, suffix, type }
    : { family: name, suffix: '', type: 'unknown' };
}

const withoutSuffix = (name: string, suffix: string): string =>
  name.endsWith(suffix) ? name.slice(0, -suffix.length) : name;

/** Buckets that would not fit are left out together: half a distribution says less than none. */
function withoutManyBuckets(fields: ReadonlyMap<string, number>): ReadonlyMap<string, number> {
  const isBucket = (field: string): boolean => field.startsWith('le_') || field.startsWith('q_');
  if ([...fields.keys()].filter(isBucket).length <= MAX_BUCKETS) return fields;
  return new Map([...fields].filter(([field]) => !isBucket(field)));
}

function withMean(fields: ReadonlyMap<string, number>): Record<string, number> {
  const [count, sum] = [fields.get('count'), fields.get('sum')];
  const value = Object.fromEntries(fields);
  const mean = count === undefined || sum === undefined || count <= 0 ? Number.NaN : sum / count;
  return Number.isFinite(mean) ? { ...value, mean } : value;
}
