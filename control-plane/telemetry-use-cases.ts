/** What people can see and decide of telemetry; the same conditions as in use-cases.ts. */
import type { LiveStream, LogRecord, MetricRecord } from '#contract';
import type {
  BodyOf,
  CatalogueEntry,
  Dashboard,
  DeadLetterView,
  LogPage,
  LogView,
  MetricTypeView,
  QueryOf,
  RedactionTestReply,
  SeriesReply,
  TelemetrySettingsView,
} from '#web-api';
import type { Listed, Person } from './use-cases.ts';

/** One row of an export of measurements. */
export interface MetricExportRow {
  readonly device_id: string;
  readonly device_name: string;
  readonly timestamp: string;
  readonly received_at: string;
  readonly metric_type: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: Readonly<Record<string, unknown>>;
}

/** What a viewer of a device gets while it looks. */
export type LiveUpdate =
  | { readonly kind: 'logs'; readonly skipped: number; readonly records: readonly LogRecord[] }
  | { readonly kind: 'metrics'; readonly skipped: number; readonly records: readonly MetricRecord[] }
  /** `waiting`: asked, no answer yet; `streaming`; `offline`: the device has no session. */
  | { readonly kind: 'state'; readonly state: 'waiting' | 'streaming' | 'offline' };

export interface TelemetryUseCases {
  /** @throws 'device.not_found', 'request.invalid' naming the field */
  deviceMetrics(person: Person, deviceId: string, query: QueryOf<'metrics.device'>): Promise<SeriesReply>;
  queryMetrics(person: Person, query: QueryOf<'metrics.query'>): Promise<SeriesReply>;
  catalogue(person: Person, deviceId: string): Promise<{ items: CatalogueEntry[] }>;
  /** Authorised and audited before the first row; then rows in pages, as fast as they are read. */
  exportMetrics(person: Person, query: QueryOf<'metrics.export'>): Promise<AsyncIterable<MetricExportRow>>;
  deviceLogs(person: Person, deviceId: string, query: QueryOf<'logs.device'>): Promise<LogPage>;
  searchLogs(person: Person, query: QueryOf<'logs.search'>): Promise<LogPage>;
  logServices(person: Person, deviceId: string): Promise<{ items: string[] }>;
  exportLogs(person: Person, query: QueryOf<'logs.export'>): Promise<AsyncIterable<LogView>>;
  /**
   * Looks at a device until the returned function is called. @throws 'device.not_found', 'rate.limited' over 8
   * viewers of one device.
   */
  watch(
    person: Person,
    deviceId: string,
    query: {
      readonly stream: LiveStream;
      readonly min_level?: LogRecord['log_level'];
      readonly replay?: number;
    },
    listener: (update: LiveUpdate) => void,
  ): Promise<() => void>;
  /** Whether a look under way may go on. @throws 'device.not_found', 'auth.forbidden' */
  mayWatch(person: Person, deviceId: string): Promise<void>;
  dashboard(person: Person, query: QueryOf<'dashboard.get'>): Promise<Dashboard>;
  deadLetters(person: Person, query: QueryOf<'dead_letters.list'>): Promise<Listed<DeadLetterView>>;
  settings(person: Person, orgId: string): Promise<TelemetrySettingsView>;
  /** @throws 'telemetry.conflict' (409) where the version is another by now, 'request.invalid' for a bad rule */
  updateSettings(
    person: Person,
    orgId: string,
    body: BodyOf<'telemetry.update'>,
  ): Promise<TelemetrySettingsView>;
  testRedaction(person: Person, orgId: string, body: BodyOf<'redaction.test'>): Promise<RedactionTestReply>;
  metricTypes(person: Person, orgId: string): Promise<{ items: MetricTypeView[] }>;
  putMetricType(
    person: Person,
    orgId: string,
    name: string,
    body: BodyOf<'metric_types.put'>,
  ): Promise<MetricTypeView>;
  deleteMetricType(person: Person, orgId: string, name: string): Promise<void>;
}
