/** Measurements as people ask for them: of one device, of several, and what there is to ask for. */
import type { Bucket, Database, StoredMetricType, StoredTelemetrySettings } from '#db';
import {
  type Aggregation,
  type CatalogueEntry,
  type Combination,
  DEFAULT_SERIES_POINTS,
  type Downsampling,
  MAX_QUERY_DEVICES,
  type Resolution,
  type SeriesReply,
  type SeriesView,
} from '#web-api';
import type { TelemetryUseCases } from '../telemetry-use-cases.ts';
import { combineDevices, isSumOverSamples } from './combine.ts';
import { chooseDevices } from './device-choice.ts';
import { permittedDevice } from './permitted-device.ts';
import {
  type ChosenResolution,
  chooseResolution,
  coarser,
  type ResolutionQuestion,
  ROW_BUDGET,
} from './resolution.ts';
import { keptSince } from './retention.ts';
import { assembleSeries, MAX_SERIES } from './series.ts';
import { invalid, type TimeRange, timeRange } from './time-range.ts';
import { fieldFacts } from './units.ts';

export interface MetricsDeps {
  readonly database: Database;
  readonly now: () => Date;
}
type MetricsUseCases = Pick<TelemetryUseCases, 'deviceMetrics' | 'queryMetrics' | 'catalogue'>;

/** Devices that the database combines in one statement; a larger group is refused by name. */
export const MAX_COMBINED_DEVICES = 1000;
/** Types of one device that are drawn where none is named; a device of ours has seven. */
const MAX_TYPES_AT_ONCE = 20;
const CATALOGUE_DAYS = 30;
const DAY_MS = 86_400_000;

interface Shape {
  readonly field?: string;
  readonly labels?: string;
  readonly aggregation?: Aggregation;
  readonly resolution?: Resolution | 'auto';
  readonly downsample?: Downsampling;
  readonly max_points?: number;
}
/** All that one query of one type needs. */
interface Plan {
  readonly orgId: string;
  readonly devices: readonly { readonly id: string; readonly name: string }[];
  readonly range: TimeRange;
  readonly shape: Shape;
  readonly combine: Combination;
  readonly settings: StoredTelemetrySettings | null;
  readonly types: readonly StoredMetricType[];
  readonly isCut: boolean;
}

export function createMetrics({ database, now }: MetricsDeps): MetricsUseCases {
  const planFor = async (
    orgId: string,
    range: TimeRange,
    rest: Pick<Plan, 'devices' | 'shape' | 'combine' | 'isCut'>,
  ): Promise<Plan> => {
    const [settings, types] = await Promise.all([
      database.telemetrySettings.get(orgId),
      database.metricTypes.list(orgId),
    ]);
    return { orgId, range, settings, types, ...rest };
  };

  return {
    async deviceMetrics(person, deviceId, query) {
      const device = await permittedDevice(database, person, 'telemetry.read', deviceId);
      const range = timeRange(query, now());
      const devices = [{ id: device.id, name: device.name }];
      const plan = await planFor(device.orgId, range, {
        devices,
        shape: query,
        combine: 'none',
        isCut: false,
      });
      const names =
        query.metric_type === undefined ? await typesOf(database, plan, device.id) : [query.metric_type];
      return answer(database, plan, names, now());
    },

    async queryMetrics(person, query) {
      const chosen = await chooseDevices(database, person, 'telemetry.read', query);
      const { devices, isCut } = boundDevices(chosen.devices, query);
      const plan = await planFor(chosen.orgId, timeRange(query, now()), {
        devices,
        shape: query,
        combine: query.combine ?? 'none',
        isCut,
      });
      return answer(database, plan, [query.metric_type], now());
    },

    async catalogue(person, deviceId) {
      const device = await permittedDevice(database, person, 'telemetry.read', deviceId);
      const since = new Date(now().getTime() - CATALOGUE_DAYS * DAY_MS);
      const [rows, types] = await Promise.all([
        database.series.catalogue(device.orgId, device.id, since),
        database.metricTypes.list(device.orgId),
      ]);
      const factsOf = fieldFacts(types);
      const items: CatalogueEntry[] = rows.map(({ metricType, labels, fields, lastAt }) => ({
        metric_type: metricType,
        labels: { ...labels },
        last_at: lastAt.toISOString(),
        fields: fields.map((name) => ({ name, ...factsOf(metricType, name) })),
      }));
      return { items };
    },
  };
}

/** @throws AppError 'request.invalid' for a group too large to be combined */
function boundDevices(
  devices: Plan['devices'],
  query: Pick<Shape, 'aggregation'> & { readonly combine?: Combination },
): Pick<Plan, 'devices' | 'isCut'> {
  const combine = query.combine ?? 'none';
  if (combine === 'none') {
    return { devices: devices.slice(0, MAX_QUERY_DEVICES), isCut: devices.length > MAX_QUERY_DEVICES };
  }
  // A combination of a part would be a wrong number, so it is refused.
  const limit = isSumOverSamples(combine, query.aggregation ?? 'mean')
    ? MAX_COMBINED_DEVICES
    : MAX_QUERY_DEVICES;
  if (devices.length > limit) {
    throw invalid('combine', `${devices.length} devices match; ${combine} takes at most ${limit}`);
  }
  return { devices, isCut: false };
}

async function typesOf(database: Database, plan: Plan, deviceId: string): Promise<string[]> {
  const rows = await database.series.catalogue(plan.orgId, deviceId, plan.range.from);
  return [...new Set(rows.map(({ metricType }) => metricType))].sort();
}

async function answer(
  database: Database,
  plan: Plan,
  metricTypes: readonly string[],
  now: Date,
): Promise<SeriesReply> {
  const { range, shape } = plan;
  const question: ResolutionQuestion = {
    fromMs: range.from.getTime(),
    toMs: range.to.getTime(),
    devices: plan.combine !== 'none' && !isDrawnEach(plan) ? 1 : plan.devices.length,
    maxPoints: shape.max_points ?? DEFAULT_SERIES_POINTS,
    requested: shape.resolution ?? 'auto',
    keptSinceMs: keptSince(plan.settings, now),
    isCombined: plan.combine !== 'none',
  };
  const names = plan.devices.length === 0 ? [] : metricTypes.slice(0, MAX_TYPES_AT_ONCE);
  const { series, chosen, truncated } = await readAndDraw(database, plan, names, question);
  return {
    from: range.from.toISOString(),
    to: range.to.toISOString(),
    resolution: chosen.resolution,
    bucket_seconds: chosen.bucketSeconds,
    aggregation: shape.aggregation ?? 'mean',
    series,
    truncated: truncated || plan.isCut || metricTypes.length > MAX_TYPES_AT_ONCE,
  };
}

const isDrawnEach = ({ combine, shape }: Plan): boolean =>
  !isSumOverSamples(combine, shape.aggregation ?? 'mean');

/**
 * Where the choice is ours, too many rows are met by wider buckets, for all types alike; only what was asked for is
 * cut.
 */
async function readAndDraw(
  database: Database,
  plan: Plan,
  metricTypes: readonly string[],
  question: ResolutionQuestion,
): Promise<{ series: SeriesView[]; chosen: ChosenResolution; truncated: boolean }> {
  let chosen = chooseResolution(question);
  for (;;) {
    const series: SeriesView[] = [];
    let truncated = false;
    let isOverBudget = false;
    for (const metricType of metricTypes) {
      const rows = await readRows(database, plan, metricType, chosen);
      isOverBudget ||= rows.length > ROW_BUDGET;
      const drawn = drawSeries(
        rows.slice(0, ROW_BUDGET),
        plan,
        metricType,
        chosen,
        MAX_SERIES - series.length,
      );
      series.push(...drawn.series);
      truncated ||= drawn.truncated;
    }
    if (!isOverBudget) return { series, chosen, truncated };
    const next = question.requested === 'auto' ? coarser(chosen, question) : null;
    if (next === null) return { series, chosen, truncated: true };
    chosen = next;
  }
}

function readRows(
  database: Database,
  plan: Plan,
  metricType: string,
  { resolution, bucketSeconds }: ChosenResolution,
): Promise<readonly Bucket[]> {
  const query = {
    deviceIds: plan.devices.map(({ id }) => id),
    metricType,
    field: plan.shape.field ?? null,
    labels: labelsOf(plan.shape.labels),
    ...plan.range,
  };
  const limit = ROW_BUDGET + 1;
  if (plan.combine === 'none' || isDrawnEach(plan) || bucketSeconds === null) {
    return database.series.buckets(plan.orgId, query, { resolution, bucketSeconds, limit });
  }
  return database.series.combined(plan.orgId, query, { resolution, bucketSeconds, limit });
}

function drawSeries(
  rows: readonly Bucket[],
  plan: Plan,
  metricType: string,
  { bucketSeconds }: ChosenResolution,
  maxSeries: number,
): { series: SeriesView[]; truncated: boolean } {
  const { shape, combine } = plan;
  const aggregation = shape.aggregation ?? 'mean';
  const names = new Map(plan.devices.map(({ id, name }) => [id, name]));
  const factsOf = fieldFacts(plan.types);
  const isCombinedHere = combine !== 'none' && isDrawnEach(plan);
  return assembleSeries(
    isCombinedHere ? combineDevices(rows, combine, aggregation) : rows,
    {
      metricType,
      aggregation: isCombinedHere ? 'mean' : aggregation,
      bucketSeconds,
      downsample: shape.downsample ?? 'minmax',
      maxPoints: shape.max_points ?? DEFAULT_SERIES_POINTS,
      unitOf: (type, field) => (aggregation === 'count' ? null : factsOf(type, field).unit),
      deviceName: (id) => names.get(id) ?? null,
    },
    maxSeries,
  );
}

/** `mount=/var,interface=eth0`; the contract has checked the grammar. */
function labelsOf(text: string | undefined): Record<string, string> | null {
  if (text === undefined) return null;
  return Object.fromEntries(
    text.split(',').map((pair) => {
      const equals = pair.indexOf('=');
      return [pair.slice(0, equals), pair.slice(equals + 1)];
    }),
  );
}
