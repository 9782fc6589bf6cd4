/** Measurements as they are drawn: resolutions, aggregations, series, and what a device has. */
import { type Static, Type } from 'typebox';
import { METRIC_KINDS, MetricLabels } from '#contract';
import { Nullable, Timestamp, Uuid } from './page.ts';

/** From fine to coarse; `raw` = as the device sent it. */
export const RESOLUTIONS = ['raw', '1m', '1h', '1d'] as const;
export type Resolution = (typeof RESOLUTIONS)[number];
export const AGGREGATIONS = ['mean', 'min', 'max', 'sum', 'count'] as const;
export type Aggregation = (typeof AGGREGATIONS)[number];
/** How several devices become one series; `none` keeps each by itself. */
export const COMBINATIONS = ['none', 'mean', 'min', 'max', 'sum'] as const;
export type Combination = (typeof COMBINATIONS)[number];
/** `minmax` keeps the lowest and highest of each stretch, `lttb` the shape (largest triangle three buckets). */
export const DOWNSAMPLINGS = ['minmax', 'lttb', 'none'] as const;
export type Downsampling = (typeof DOWNSAMPLINGS)[number];

export const MAX_QUERY_DEVICES = 50;
export const MAX_SERIES_POINTS = 5000;
export const DEFAULT_SERIES_POINTS = 500;

export const SeriesView = Type.Object({
  /** Null where several devices were combined. */
  device_id: Nullable(Uuid()),
  device_name: Nullable(Type.String()),
  metric_type: Type.String(),
  field: Type.String(),
  labels: MetricLabels,
  unit: Nullable(Type.String()),
  /** Columns of equal length. A null value stands in a gap: the device sent nothing for longer than it should. */
  t: Type.Array(Type.Integer({ description: 'Milliseconds since 1970; the start of a bucket.' })),
  v: Type.Array(Nullable(Type.Number())),
  min: Type.Array(Nullable(Type.Number())),
  max: Type.Array(Nullable(Type.Number())),
});
export type SeriesView = Static<typeof SeriesView>;

export const SeriesReply = Type.Object({
  from: Timestamp(),
  to: Timestamp(),
  resolution: Type.Enum([...RESOLUTIONS]),
  bucket_seconds: Nullable(Type.Integer({ description: 'Width of a bucket; null = raw samples.' })),
  aggregation: Type.Enum([...AGGREGATIONS]),
  series: Type.Array(SeriesView),
  truncated: Type.Boolean({ description: 'More series or points matched than are given; narrow the query.' }),
});
export type SeriesReply = Static<typeof SeriesReply>;

export const CatalogueEntry = Type.Object({
  metric_type: Type.String(),
  labels: MetricLabels,
  last_at: Timestamp(),
  fields: Type.Array(
    Type.Object({
      name: Type.String(),
      unit: Nullable(Type.String()),
      kind: Nullable(Type.Enum([...METRIC_KINDS])),
    }),
  ),
});
export type CatalogueEntry = Static<typeof CatalogueEntry>;
