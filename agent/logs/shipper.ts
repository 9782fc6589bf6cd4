/** Reads the logs of this machine and gives them, redacted, to the outbox and to whoever looks on. */
import { performance } from 'node:perf_hooks';
import type { LogLevel, LogRecord, TelemetrySettings } from '#contract';
import { AgentError } from '../errors.ts';
import type { Log } from '../log.ts';
import { type Durability, openStateFolder } from '../state.ts';
import { checkLogsConfig, joinRuleOf, type LogsConfig, type MultiLine } from './config.ts';
import { startContainers } from './containers.ts';
import { type Sources, startFileSources } from './file-sources.ts';
import { createGate } from './gate.ts';
import { startJournald } from './journald.ts';
import { DEFAULT_RATE, TICK_MS } from './limits.ts';
import { createLogFeed, type LogListener, type LogSink } from './log-feed.ts';
import { createPipeline, type Pipeline } from './pipeline.ts';
import { openPositions } from './positions.ts';
import type { SourceState } from './source-state.ts';
import type { ShipperEvent, Surroundings } from './surroundings.ts';

export interface LogShipperOptions {
  readonly config: LogsConfig;
  readonly settings: TelemetrySettings;
  /** Holds the positions. */
  readonly stateDir: string;
  readonly sink: LogSink;
  /** How full the outbox's room for logs is, 0 … 1. */
  readonly pressure: () => number;
  readonly event: (event: ShipperEvent) => void;
  readonly log: Log;
  readonly now?: () => Date;
  /** Never jumps back. */
  readonly monotonicMs?: () => number;
  readonly durability?: Durability;
  /** Name or path of the program that reads the journal. */
  readonly journalctl?: string;
}

/** What a viewer of live lines needs. */
export interface LogView {
  /** The last `count` records of any level, at most 500, oldest first. */
  tail(count: number): LogRecord[];
  /** Every record from now on, redacted, of any level. Returns what ends it. */
  subscribe(listener: LogListener): () => void;
}

export interface LogShipper extends LogView {
  /** Takes effect for what was not handed over yet. @throws RedactionRuleError when a rule is not valid. */
  configure(settings: TelemetrySettings): void;
  sources(): SourceState[];
  /** Hands over what was read and writes the positions. Idempotent. */
  stop(): Promise<void>;
}

interface SourceConfig {
  readonly min_level?: LogLevel;
  readonly rate?: { readonly lines_per_second: number; readonly burst: number };
  readonly multiline?: MultiLine;
}

/**
 * Starts and returns at once; sources that are not there are looked for again and again.
 * @throws AgentError `usage` naming the field of the configuration; `state` when the folder cannot be used.
 * @throws RedactionRuleError when a rule of the settings is not valid.
 */
export async function startLogShipper(options: LogShipperOptions): Promise<LogShipper> {
  const { config, settings, stateDir, sink, pressure, event, log, durability = 'power-cut' } = options;
  const problem = checkLogsConfig(config);
  if (problem !== null) throw new AgentError('usage', problem);
  const around: Surroundings = {
    now: options.now ?? (() => new Date()),
    monotonicMs: options.monotonicMs ?? (() => performance.now()),
    event,
    log,
  };
  const feed = createLogFeed({ settings, sink });
  const gate = createGate(pressure);
  const positions = await openPositions(await openStateFolder(stateDir, { durability }), around);

  const pipeline = <P>(name: string, source: SourceConfig, commit: (position: P) => void): Pipeline<P> =>
    createPipeline({
      name,
      join: joinRuleOf(source.multiline),
      rate: source.rate ?? config.rate ?? DEFAULT_RATE,
      minLevel: source.min_level,
      feed,
      commit,
      around,
    });
  const sources: Sources[] = [];
  const { journald = {}, files = [], containers = {} } = config;
  if (journald !== false) {
    sources.push(
      startJournald({
        config: journald,
        journalctl: options.journalctl ?? 'journalctl',
        positions,
        gate,
        around,
        pipeline: (name, commit) => pipeline(name, journald, commit),
      }),
    );
  }
  if (files.length > 0) sources.push(startFileSources({ configs: files, positions, gate, around, pipeline }));
  if (containers !== false) {
    sources.push(
      startContainers({
        config: containers,
        positions,
        gate,
        around,
        pipeline: (name, commit) => pipeline(name, containers, commit),
      }),
    );
  }
  const timer = setInterval(() => {
    gate.look();
    for (const source of sources) source.tick();
    positions.tick();
  }, TICK_MS);

  let stopped: Promise<void> | null = null;
  return {
    configure: feed.configure,
    tail: feed.tail,
    subscribe: feed.subscribe,
    sources: () => sources.flatMap((source) => source.states()),
    stop() {
      stopped ??= (async () => {
        clearInterval(timer);
        await Promise.all(sources.map((source) => source.stop()));
        await positions.stop();
      })();
      return stopped;
    },
  };
}
