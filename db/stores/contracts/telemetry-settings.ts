/** Stores of what an organisation decided about its telemetry. */
import type { MetricKind, TelemetrySettings } from '#contract';

export type RetentionClass = 'metrics' | 'metrics_1m' | 'metrics_1h' | 'metrics_1d' | 'logs';
export interface StoredTelemetrySettings {
  /** Version inside is the row's. */
  readonly settings: TelemetrySettings;
  readonly retentionDays: Readonly<Record<RetentionClass, number>>;
  readonly unknownMetrics: 'declare' | 'reject';
  readonly updatedAt: Date;
  readonly updatedBy: string;
}
export interface TelemetrySettingsStore {
  /** Null where the organisation never changed anything. */
  get(orgId: string): Promise<StoredTelemetrySettings | null>;
  /** All that exist: few rows, read by the processes that need them, again after `edge_telemetry`. */
  all(): Promise<ReadonlyMap<string, StoredTelemetrySettings>>;
  /** Saves as version `expectedVersion + 1`; null where the version is another by now. */
  replace(
    orgId: string,
    expectedVersion: number,
    next: Omit<StoredTelemetrySettings, 'updatedAt'>,
  ): Promise<StoredTelemetrySettings | null>;
}

export interface StoredMetricType {
  readonly name: string;
  readonly origin: 'declared' | 'seen';
  readonly description: string | null;
  readonly unit: string | null;
  readonly kind: MetricKind;
  /** Null = any. */
  readonly allowedLabels: readonly string[] | null;
  readonly maxSeries: number;
  readonly firstSeenAt: Date | null;
}
export interface MetricTypeStore {
  list(orgId: string): Promise<readonly StoredMetricType[]>;
  all(): Promise<ReadonlyMap<string, readonly StoredMetricType[]>>;
  /** Declares; a `seen` type becomes declared. @throws StoreError 'conflict' over 500 types. */
  put(orgId: string, type: Omit<StoredMetricType, 'origin' | 'firstSeenAt'>): Promise<StoredMetricType>;
  /** Takes up types that devices sent; those over 500 an organisation are left out. @returns names that exist now */
  noteSeen(orgId: string, names: readonly string[], at: Date): Promise<readonly string[]>;
  delete(orgId: string, name: string): Promise<boolean>;
}
