/** Everything that a device measures: the machine in a steady rhythm, and what programs on it hand in. */
import type { EventRecord, MetricRecord, ServiceStatus, TelemetrySettings } from '#contract';
import type { View } from '../collectors/baselines.ts';
import { type Collectors, metricRecords, processRecords } from '../collectors/sample.ts';
import { messageOf } from '../errors.ts';
import type { Log } from '../log.ts';
import { type Aggregator, createAggregator } from './aggregate.ts';
import { type MetricsConfig, resolveMetricsConfig } from './config.ts';
import { startCustomMetrics } from './custom.ts';
import { createRefusals, type Refusal } from './refusals.ts';
import { startTicker, type Ticker } from './ticker.ts';

export interface MetricSourceOptions {
  readonly collectors: Collectors;
  /** The `metrics` part of telemetry.json, checked by `readMetricsConfig`; `{}` = defaults. */
  readonly config: MetricsConfig;
  readonly settings: Pick<TelemetrySettings, 'metrics'>;
  /** Takes records for the outbox, at once. */
  readonly sink: (records: readonly MetricRecord[]) => void;
  readonly event: (event: EventRecord) => void;
  /** Services as the last heartbeat found them. */
  readonly services: () => readonly ServiceStatus[];
  /** Folder of `metrics.sock`. */
  readonly stateDir: string;
  readonly log: Log;
  readonly now: () => Date;
}

export interface MetricSource {
  /** After the first try to open each way in. */
  readonly ready: Promise<void>;
  /** Interval and window from now on; the open window is sent as it is. */
  configure(settings: Pick<TelemetrySettings, 'metrics'>): void;
  /** A look at the machine for a live view; it shortens no window of the stored ones, and is not stored. */
  sampleNow(): Promise<MetricRecord[]>;
  /** Custom metrics that were not taken, by reason, since the start. */
  refused(): Readonly<Partial<Record<Refusal, number>>>;
  /** Null while StatsD is not open. */
  statsdPort(): number | null;
  /** Ends every way in and hands over what is held. Idempotent. */
  stop(): Promise<void>;
}

/** The first look comes this soon after the start, so that the first shares of CPU are of a second at least. */
const FIRST_SAMPLE_MS = 1000;

export function startMetricSource(options: MetricSourceOptions): MetricSource {
  const { collectors, sink, event, services, stateDir, log, now } = options;
  const config = resolveMetricsConfig(options.config);
  const refusals = createRefusals();
  let settings = options.settings.metrics;
  let aggregator = aggregatorOf(settings);

  const send = (records: readonly MetricRecord[]): void => {
    if (records.length === 0) return;
    try {
      sink(records);
    } catch (error) {
      // A program's line brought us here: a fault behind the sink must not end its connection, nor the agent.
      log.error({ records: records.length, reason: messageOf(error) }, 'metrics could not be kept');
    }
  };
  const emit = (records: readonly MetricRecord[]): void => {
    const held = aggregator;
    send(held === null ? records : records.flatMap((record) => held.add(record)));
  };
  const custom = startCustomMetrics({
    config,
    intervalSeconds: settings.interval_seconds,
    stateDir,
    refusals,
    emit,
    event,
    log,
    now,
  });

  const look = async (view: View): Promise<MetricRecord[]> => {
    const [sample, uses] = await Promise.all([
      collectors.sample(view),
      collectors.processes?.(view, config.processes) ?? [],
    ]);
    return [...metricRecords(sample), ...processRecords(sample.takenAt, services(), uses)];
  };
  const beat = async (): Promise<void> => {
    try {
      emit(await look('metrics'));
      emit(custom.flush());
      if (aggregator !== null) send(aggregator.advance(now().getTime()));
      sayRefusals();
    } catch (error) {
      log.error({ reason: messageOf(error) }, 'metrics could not be sampled');
    }
  };
  const sayRefusals = (): void => {
    if (!refusals.takeChanged()) return;
    const counts = Object.entries(refusals.counts()).map(([reason, count]) => [`refused_${reason}`, count]);
    const value = { ...Object.fromEntries(counts), custom_series: custom.seriesCount() };
    send([{ timestamp: now().toISOString(), metric_type: 'agent', value }]);
  };
  const start = (): Ticker => {
    const intervalMs = settings.interval_seconds * 1000;
    return startTicker({ intervalMs, firstMs: Math.min(FIRST_SAMPLE_MS, intervalMs), beat });
  };

  let ticker = start();
  /** Beats of earlier settings that still run; a beat does not overlap them for longer than it lasts. */
  let ended: Promise<void> = Promise.resolve();
  let stopped: Promise<void> | null = null;
  return {
    ready: custom.ready,
    sampleNow: () => look('live'),
    refused: () => refusals.counts(),
    statsdPort: () => custom.statsdPort(),
    configure({ metrics }) {
      if (stopped !== null || isSame(metrics, settings)) return;
      const isNewInterval = metrics.interval_seconds !== settings.interval_seconds;
      send(aggregator?.flush() ?? []);
      settings = metrics;
      aggregator = aggregatorOf(metrics);
      if (!isNewInterval) return;
      ended = Promise.all([ended, ticker.stop()]).then(() => undefined);
      ticker = start();
      custom.setInterval(metrics.interval_seconds);
    },
    stop() {
      stopped ??= (async () => {
        await Promise.all([ended, ticker.stop(), custom.stop()]);
        emit(custom.flush());
        send(aggregator?.flush() ?? []);
        sayRefusals();
      })();
      return stopped;
    },
  };
}

const aggregatorOf = ({ aggregate_seconds }: TelemetrySettings['metrics']): Aggregator | null =>
  aggregate_seconds > 0 ? createAggregator(aggregate_seconds) : null;

const isSame = (a: TelemetrySettings['metrics'], b: TelemetrySettings['metrics']): boolean =>
  a.interval_seconds === b.interval_seconds && a.aggregate_seconds === b.aggregate_seconds;
