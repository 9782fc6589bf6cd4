/** Store of measurements as they are read: points, buckets, what exists, and the rollups behind them. */
export type StoredResolution = 'raw' | '1m' | '1h' | '1d';

/** Always of one organisation; device ids that belong to another match nothing. */
export interface SeriesQuery {
  readonly deviceIds: readonly string[];
  readonly metricType: string;
  /** Null = every numeric field. */
  readonly field: string | null;
  /** A series must have all of these. */
  readonly labels: Readonly<Record<string, string>> | null;
  /** [from, to) */
  readonly from: Date;
  readonly to: Date;
}
/** One sample, or one bucket: `n` samples with their sum and bounds. */
export interface Bucket {
  readonly deviceId: string;
  readonly field: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly atMs: number;
  readonly n: number;
  readonly sum: number;
  readonly min: number;
  readonly max: number;
}
export interface RawMetric {
  readonly deviceId: string;
  readonly at: Date;
  readonly receivedAt: Date;
  readonly metricType: string;
  readonly value: Readonly<Record<string, unknown>>;
  readonly labels: Readonly<Record<string, string>> | null;
  readonly metadata: Readonly<Record<string, unknown>> | null;
}
export interface SeriesCatalogueRow {
  readonly metricType: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly fields: readonly string[];
  readonly lastAt: Date;
}

export interface SeriesStore {
  /**
   * Ordered by device, field, labels, time. `bucketSeconds` null = raw samples; else buckets of that width (a multiple
   * of the resolution's own), from rollups where they are settled and from raw rows for the hours that are not: the
   * answer is always what a sum over the raw rows would give. At most `limit` rows; one more tells that there are more.
   */
  buckets(
    orgId: string,
    query: SeriesQuery,
    shape: {
      readonly resolution: StoredResolution;
      readonly bucketSeconds: number | null;
      readonly limit: number;
    },
  ): Promise<readonly Bucket[]>;
  /** Several devices as one: per bucket, the sums and bounds over all of them; `deviceId` is ''. */
  combined(
    orgId: string,
    query: SeriesQuery,
    shape: {
      readonly resolution: StoredResolution;
      readonly bucketSeconds: number;
      readonly limit: number;
    },
  ): Promise<readonly Bucket[]>;
  /** Rows as they were sent, oldest first, for exports: pages by keyset. */
  rawPage(
    orgId: string,
    query: {
      readonly deviceIds: readonly string[];
      readonly metricType: string | null;
      readonly from: Date;
      readonly to: Date;
    },
    after: { readonly deviceId: string; readonly atMs: number; readonly skip: number } | null,
    limit: number,
  ): Promise<readonly RawMetric[]>;
  recent(
    orgId: string,
    deviceId: string,
    limit: number,
  ): Promise<
    readonly {
      timestamp: Date;
      metricType: string;
      labels: Readonly<Record<string, string>> | null;
      value: Record<string, unknown>;
    }[]
  >;
  /** Series with a row since `since`, from rollups and unsettled hours. */
  catalogue(orgId: string, deviceId: string, since: Date): Promise<readonly SeriesCatalogueRow[]>;
  /**
   * Sums up hours that changed and have been quiet: at most `limit` (device, hour) pairs. Idempotent; several
   * processes may run it. @returns pairs settled
   */
  refreshRollups(now: Date, limit: number): Promise<number>;
  /** Age in seconds of the oldest hour that waits to be summed up and could be; 0 where none does. */
  rollupLagSeconds(now: Date): Promise<number>;
}
