/** Measurements, logs and events of one agent: sources, outbox, sender and live view, wired together. */
import { randomUUID } from 'node:crypto';
import {
  type Ack,
  type Control,
  DEFAULT_TELEMETRY,
  type EventRecord,
  type PayloadOf,
  type Sealed,
  type ServiceStatus,
  STREAMS,
  type Stream,
  TelemetrySettings,
} from '#contract';
import { type Clock, machineClock } from './clock.ts';
import type { Collectors } from './collectors/sample.ts';
import { messageOf } from './errors.ts';
import { STATE_FILES } from './identity.ts';
import type { Session } from './link.ts';
import { createLive } from './live/live.ts';
import type { Log } from './log.ts';
import type { StartLogSource } from './log-source.ts';
import { startMetricSource } from './metrics/source.ts';
import type { BatchOf, RecordOf } from './outbox/body.ts';
import type { OutboxLimits } from './outbox/limits.ts';
import { type OutboxDepth, openOutbox } from './outbox/outbox.ts';
import { createSender } from './outbox/sender.ts';
import { createReporter } from './reporter.ts';
import type { StateFolder } from './state.ts';
import type { TelemetryConfig } from './telemetry-config.ts';
import { AGENT_VERSION } from './version.ts';

export interface TelemetryOptions {
  readonly folder: StateFolder;
  readonly collectors: Collectors;
  readonly config: TelemetryConfig;
  /** In use until the organisation says something else. */
  readonly defaults?: TelemetrySettings | undefined;
  readonly startLogs: StartLogSource;
  readonly services: () => readonly ServiceStatus[];
  readonly session: () => Session | null;
  readonly log: Log;
  readonly now: () => Date;
  readonly clock?: Clock | undefined;
  readonly limits?: Partial<OutboxLimits> | undefined;
  readonly resendAfterMs?: number | undefined;
}

export interface Telemetry {
  depth(): OutboxDepth;
  /** Version of the organisation's settings in use; 0 = as shipped. */
  version(): number;
  sessionBegan(): void;
  sessionEnded(): void;
  acknowledged(ack: Ack): void;
  /** Settings that cannot be used are reported as an event, and those before stay. */
  apply(settings: TelemetrySettings): Promise<void>;
  control(message: Control): void;
  noteServices(services: readonly ServiceStatus[]): void;
  /** To be called with every beat. */
  check(): void;
  /** Starts the sources anew with another local file. */
  reload(config: TelemetryConfig): Promise<void>;
  /** Ends the sources first, so that what they hold gets to disk. */
  stop(reason: string): Promise<void>;
}

/** @throws AgentError `state` when another agent runs on this folder. */
export async function startTelemetry(options: TelemetryOptions): Promise<Telemetry> {
  const { folder, collectors, log, now, services, session, startLogs } = options;
  const clock = options.clock ?? machineClock(now);
  const outbox = openOutbox({
    file: folder.path(STATE_FILES.outbox),
    log,
    clock,
    newId: randomUUID,
    limits: options.limits,
    durability: folder.durability,
  });
  const sender = createSender({
    outbox,
    log,
    resendAfterMs: options.resendAfterMs,
    publish: <S extends Stream>(stream: S, batch: Sealed<BatchOf[S]>) => {
      // A batch of the class is what its channel carries; the compiler cannot follow the name of the class.
      const payload = batch as PayloadOf<S>;
      return session()?.publish(stream, payload) ?? Promise.resolve(false);
    },
  });
  const keep = <S extends Stream>(stream: S, records: readonly RecordOf[S][], isOfferedAgain = false) => {
    const isHeld = outbox.append(stream, records, { isOfferedAgain });
    sender.wake(stream);
    return isHeld;
  };
  const event = (record: EventRecord): void => void keep('events', [record]);
  const reporter = createReporter({ clock, log, depth: () => outbox.depth(), record: event });
  reporter.say({
    kind: 'agent.started',
    level: 'info',
    message: `Agent ${AGENT_VERSION} started`,
    metadata: { agent_version: AGENT_VERSION },
  });

  const shared = { stateDir: folder.dir, log, now };
  const startSources = async (config: TelemetryConfig, settings: TelemetrySettings) => {
    const logs = await startLogs({
      ...shared,
      durability: folder.durability,
      config: config.logs,
      settings,
      event: (record) => event({ timestamp: now().toISOString(), ...record }),
      // Thrown back, the lines are offered again: their files and journals have them for longer than we could.
      sink: (records) => {
        if (!keep('logs', records, true)) throw new Error('the outbox takes nothing now');
      },
      pressure: () => outbox.pressure('logs'),
    });
    const metrics = startMetricSource({
      ...shared,
      collectors,
      event,
      config: config.metrics,
      settings,
      sink: (records) => void keep('metrics', records),
      services,
    });
    const live = createLive({
      publish: (channel, payload) => session()?.offer(channel, payload) ?? false,
      logs,
      sampleMetrics: () => metrics.sampleNow(),
      log,
    });
    return { logs, metrics, live };
  };
  type Sources = Awaited<ReturnType<typeof startSources>>;
  const endSources = async ({ logs, metrics, live }: Sources): Promise<void> => {
    live.stop();
    await Promise.all([logs.stop(), metrics.stop()]);
  };

  let settings = await storedSettings(options);
  let refusedVersion: number | null = null;
  let sources: Sources;
  try {
    sources = await startSources(options.config, settings);
  } catch (error) {
    outbox.close();
    throw error;
  }
  /** One change of the sources at a time. */
  let turn: Promise<void> = Promise.resolve();
  const inTurn = (work: () => Promise<void>): Promise<void> => {
    turn = turn
      .then(work)
      .catch((error: unknown) => log.error({ reason: messageOf(error) }, 'telemetry failed'));
    return turn;
  };

  const use = async (next: TelemetrySettings): Promise<void> => {
    if (next.version === settings.version) return;
    try {
      // The rules first: they alone can be refused, and then nothing has changed yet.
      sources.logs.configure(next);
    } catch (error) {
      if (refusedVersion === next.version) return;
      refusedVersion = next.version;
      reporter.say({
        kind: 'telemetry.refused',
        level: 'error',
        message: `Telemetry settings ${next.version} cannot be used: ${messageOf(error)}`,
        metadata: { version: next.version },
      });
      return;
    }
    sources.metrics.configure(next);
    settings = next;
    // Not kept, they come again: the heartbeat names the version in use.
    await folder
      .writeJson(STATE_FILES.telemetry, next)
      .catch((error: unknown) => log.warn({ reason: messageOf(error) }, 'telemetry settings cannot be kept'));
    reporter.say({
      kind: 'telemetry.applied',
      level: 'info',
      message: `Telemetry settings ${next.version} are in use`,
      metadata: { version: next.version },
    });
  };

  return {
    depth: () => outbox.depth(),
    version: () => settings.version,
    sessionBegan: () => sender.start(),
    sessionEnded() {
      sender.pause();
      sources.live.sessionEnded();
    },
    acknowledged(ack) {
      const stream = STREAMS.find((name) => name === ack.stream);
      if (stream !== undefined) sender.acknowledged(stream, ack);
    },
    apply: (next) => inTurn(() => use(next)),
    control: (message) => sources.live.control(message),
    noteServices: reporter.noteServices,
    check: reporter.check,
    reload: (config) =>
      inTurn(async () => {
        await endSources(sources);
        sources = await startSources(config, settings);
        log.info({}, 'telemetry file read again');
      }),
    async stop(reason) {
      sender.pause();
      await turn;
      await endSources(sources);
      reporter.say({
        kind: 'agent.stopped',
        level: 'info',
        message: `Agent stopped: ${reason}`,
        metadata: { reason: reason.slice(0, 100) },
      });
      outbox.close();
    },
  };
}

/** What the organisation said last; a damaged file counts as nothing said, and the heartbeat brings it again. */
async function storedSettings({ folder, defaults, log }: TelemetryOptions): Promise<TelemetrySettings> {
  try {
    const stored = await folder.readJson(STATE_FILES.telemetry, TelemetrySettings);
    if (stored !== null) return stored;
  } catch (error) {
    log.warn({ reason: messageOf(error) }, 'kept telemetry settings cannot be read');
  }
  return defaults ?? DEFAULT_TELEMETRY;
}
