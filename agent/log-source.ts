/** Where log lines come from: the machine's own logs, or made-up ones. */
import type { TelemetrySettings } from '#contract';
import type { Log } from './log.ts';
import type { LogsConfig } from './logs/config.ts';
import type { LogSink } from './logs/log-feed.ts';
import type { LogView } from './logs/shipper.ts';
import type { ShipperEvent } from './logs/surroundings.ts';
import type { Durability } from './state.ts';

export interface LogSourceOptions {
  readonly config: LogsConfig;
  readonly settings: TelemetrySettings;
  readonly stateDir: string;
  readonly sink: LogSink;
  /** How full the outbox is with logs, 0..1. */
  readonly pressure: () => number;
  readonly event: (event: ShipperEvent) => void;
  readonly log: Log;
  readonly now: () => Date;
  readonly durability: Durability;
}

export interface LogSource extends LogView {
  /** @throws RedactionRuleError when a rule is not valid; then the settings before stay. */
  configure(settings: TelemetrySettings): void;
  stop(): Promise<void>;
}

export type StartLogSource = (options: LogSourceOptions) => LogSource | Promise<LogSource>;
