/** What the agent itself reports: event records, and when one is due. Pure. */
import { type EventRecord, type Heartbeat, type LogLevel, type ServiceStatus, STREAMS } from '#contract';
import { type ClockReading, clockStep, JUMP_REPORT_MS } from './clock.ts';

/** Lost records are reported this often at most; the heartbeat carries their count all the time. */
export const DROP_REPORT_EVERY_MS = 600_000;
/** Restarts that one look reports; a machine that fails altogether says so in its heartbeat. */
const MAX_RESTART_EVENTS = 20;
const MAX_TEXT = 2000;

export const EVENT_KINDS = [
  'agent.started',
  'agent.stopped',
  'clock.jumped',
  'outbox.dropped',
  'service.restarted',
  'telemetry.applied',
  'telemetry.refused',
] as const;
export type EventKind = (typeof EVENT_KINDS)[number];

/** An event before it is dated. */
export interface News {
  readonly kind: EventKind;
  readonly level: LogLevel;
  readonly message: string;
  readonly metadata?: EventRecord['metadata'];
}

export const eventRecord = ({ kind, level, message, metadata }: News, at: Date): EventRecord => ({
  timestamp: at.toISOString(),
  kind,
  log_level: level,
  message: message.slice(0, MAX_TEXT),
  ...(metadata === undefined ? {} : { metadata }),
});

/** Null while the wall clock runs as it should. */
export function jumpNews(before: ClockReading, after: ClockReading): News | null {
  const step = clockStep(before, after);
  if (Math.abs(step) < JUMP_REPORT_MS) return null;
  const seconds = Math.round(step / 1000);
  const direction = seconds > 0 ? 'forward' : 'back';
  return {
    kind: 'clock.jumped',
    level: 'warning',
    message: `The clock was set ${direction} by ${Math.abs(seconds)} s; times recorded before are moved along`,
    metadata: { seconds },
  };
}

/** Restarts by kind and name of the service. */
export type Restarts = ReadonlyMap<string, number>;

/** A service that is seen for the first time is no news. */
export function restartNews(
  before: Restarts,
  services: readonly ServiceStatus[],
): { readonly restarts: Restarts; readonly news: readonly News[] } {
  const counted = services.flatMap(({ name, kind = '', restarts }) =>
    restarts === undefined ? [] : [{ key: `${kind}/${name}`, name, restarts }],
  );
  const news = counted.flatMap(({ key, name, restarts }): News[] => {
    const more = restarts - (before.get(key) ?? restarts);
    if (more <= 0) return [];
    return [
      {
        kind: 'service.restarted',
        level: 'warning',
        message: `${name} was restarted${more === 1 ? '' : ` ${more} times`}`,
        metadata: { service: name, restarts, more },
      },
    ];
  });
  return {
    restarts: new Map([...before, ...counted.map(({ key, restarts }) => [key, restarts] as const)]),
    news: news.slice(0, MAX_RESTART_EVENTS),
  };
}

type ByClass = NonNullable<NonNullable<Heartbeat['outbox']>['by_class']>;

/** What was reported as lost, and when (monotonic). */
export interface DropReport {
  readonly dropped: Readonly<Record<(typeof STREAMS)[number], number>>;
  readonly atMs: number;
}

export const droppedOf = (byClass: ByClass): DropReport['dropped'] => ({
  events: byClass.events?.dropped ?? 0,
  logs: byClass.logs?.dropped ?? 0,
  metrics: byClass.metrics?.dropped ?? 0,
});

export function dropNews(
  reported: DropReport,
  dropped: DropReport['dropped'],
  nowMs: number,
): { readonly report: DropReport; readonly news: News | null } {
  const more = Object.fromEntries(
    STREAMS.map((stream) => [stream, dropped[stream] - reported.dropped[stream]]),
  );
  const sum = Object.values(more).reduce((total, count) => total + count, 0);
  if (sum <= 0 || nowMs - reported.atMs < DROP_REPORT_EVERY_MS) return { report: reported, news: null };
  return {
    report: { dropped, atMs: nowMs },
    news: {
      kind: 'outbox.dropped',
      level: 'warning',
      message: `${sum} records were given up, because the outbox or its disk was full or they were too old`,
      metadata: more,
    },
  };
}
