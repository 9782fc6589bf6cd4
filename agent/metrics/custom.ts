/** Custom metrics by anybody on the device: the Unix socket, StatsD, and pages that are scraped. */
import { join } from 'node:path';
import type { EventRecord, MetricRecord } from '#contract';
import type { Log } from '../log.ts';
import { type Candidate, createAdmission, isRefused } from './admission.ts';
import type { Declaration, ResolvedMetricsConfig } from './config.ts';
import type { Refusals } from './refusals.ts';
import { type Scrapers, startScrapers } from './scrapers.ts';
import { type MetricSocket, openMetricSocket } from './socket.ts';
import { parseSocketLine } from './socket-line.ts';
import type { StatsdSample } from './statsd-line.ts';
import { openStatsdSocket, type StatsdSocket } from './statsd-socket.ts';
import { createStatsdStore } from './statsd-store.ts';
import { keepOpen, type WayIn } from './way-in.ts';

/** Name of the socket in the state folder, where the configuration names no other. */
export const SOCKET_FILE = 'metrics.sock';

export interface CustomOptions {
  readonly config: ResolvedMetricsConfig;
  readonly intervalSeconds: number;
  readonly stateDir: string;
  readonly refusals: Refusals;
  /** Takes records as they come. */
  readonly emit: (records: readonly MetricRecord[]) => void;
  readonly event: (event: EventRecord) => void;
  readonly log: Log;
  readonly now: () => Date;
}

export interface CustomMetrics {
  /** After the first try to open each way in. */
  readonly ready: Promise<void>;
  /** What StatsD added up since the last flush. */
  flush(): MetricRecord[];
  /** Scrapes without a rhythm of their own follow this one. */
  setInterval(seconds: number): void;
  seriesCount(): number;
  /** Null while StatsD is not open. */
  statsdPort(): number | null;
  stop(): Promise<void>;
}

export function startCustomMetrics(options: CustomOptions): CustomMetrics {
  const { config, stateDir, refusals, emit, event, log, now } = options;
  const admission = createAdmission({ ...config, refusals, now });
  const store = createStatsdStore(refusals, config.maxSeries);
  let flushedAtMs = performance.now();

  const say = (kind: string, log_level: EventRecord['log_level'], message: string): void =>
    event({ timestamp: now().toISOString(), kind, log_level, message: message.slice(0, 2000) });
  const admit = (candidates: readonly Candidate[]): MetricRecord[] =>
    candidates.flatMap((candidate) => {
      const record = admission.record(candidate);
      return isRefused(record) ? [] : [record];
    });
  const declared = ({ name, unit, kind = 'gauge', labels = [] }: Declaration): void =>
    event({
      timestamp: now().toISOString(),
      kind: 'metrics.declared',
      log_level: 'info',
      message: `${name} is measured${unit === undefined ? '' : ` in ${unit}`}`.slice(0, 2000),
      metadata: { name, unit: unit ?? null, kind, labels: labels.join(',') },
    });
  const takeLine = (text: string): string | null => {
    const line = parseSocketLine(text, now());
    if (line.kind === 'error') {
      refusals.count(line.refusal);
      return line.reason;
    }
    if (line.kind === 'declare') {
      const { problem, isNew } = admission.declare(line.declaration);
      if (problem !== null) refusals.count('malformed');
      else if (isNew) declared(line.declaration);
      return problem;
    }
    const record = admission.record(line.candidate, true);
    if (isRefused(record)) return record.reason;
    emit([record]);
    return null;
  };
  const takeSample = (sample: StatsdSample): void => {
    const series = admission.series(sample.name, sample.labels);
    if (!isRefused(series)) store.add(series, sample);
  };
  const onTrouble = (name: string) => (reason: string | null) => {
    log[reason === null ? 'info' : 'warn']({ input: name, reason: reason ?? 'open' }, 'metrics input');
    if (reason === null) say('metrics.input_open', 'info', `${name} is open again`);
    else say('metrics.input_failed', 'warning', `${name} cannot be opened: ${reason}`);
  };

  const ways: WayIn<MetricSocket | StatsdSocket>[] = [];
  const { socket, statsd } = config;
  if (socket !== false) {
    const path = socket.path ?? join(stateDir, SOCKET_FILE);
    ways.push(
      keepOpen({
        open: () => openMetricSocket({ path, group: socket.group ?? null, take: takeLine, refusals }),
        onTrouble: onTrouble(`socket ${path}`),
      }),
    );
  }
  const statsdWay =
    statsd === false
      ? null
      : keepOpen<StatsdSocket>({
          open: () => openStatsdSocket({ ...statsd, refusals, take: takeSample }),
          onTrouble: onTrouble(`statsd ${statsd.host}:${statsd.port}`),
        });
  if (statsdWay !== null) ways.push(statsdWay);
  const startScraping = (intervalSeconds: number): Scrapers =>
    startScrapers({
      scrapes: config.scrape,
      intervalSeconds,
      refusals,
      take: (candidates) => emit(admit(candidates)),
      onChange: (url, isUp, reason) =>
        isUp
          ? say('metrics.scrape_recovered', 'info', `${url} answers`)
          : say('metrics.scrape_failed', 'warning', `${url}: ${reason}`),
      log,
      now,
    });
  let scrapers = startScraping(options.intervalSeconds);
  const endings: Promise<void>[] = [];
  for (const declaration of config.declared) declared(declaration);

  return {
    ready: Promise.all(ways.map(({ tried }) => tried)).then(() => undefined),
    seriesCount: admission.seriesCount,
    statsdPort: () => statsdWay?.current()?.port ?? null,
    flush() {
      const nowMs = performance.now();
      const seconds = Math.max(0.001, (nowMs - flushedAtMs) / 1000);
      flushedAtMs = nowMs;
      return admit(store.flush(seconds, now()));
    },
    setInterval(seconds) {
      endings.push(scrapers.stop());
      scrapers = startScraping(seconds);
    },
    async stop() {
      await Promise.all([scrapers.stop(), ...endings, ...ways.map((way) => way.stop())]);
    },
  };
}
