/** Turns what the agent notices about itself into event records of the outbox. */
import type { EventRecord, ServiceStatus } from '#contract';
import type { Clock, ClockReading } from './clock.ts';
import {
  type DropReport,
  dropNews,
  droppedOf,
  eventRecord,
  jumpNews,
  type News,
  type Restarts,
  restartNews,
} from './events.ts';
import type { Log } from './log.ts';
import type { OutboxDepth } from './outbox/outbox.ts';

export interface ReporterOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly depth: () => OutboxDepth;
  readonly record: (event: EventRecord) => void;
}

export interface Reporter {
  say(news: News): void;
  /** Looks at the clocks and at what the outbox gave up; to be called with every beat. */
  check(): void;
  noteServices(services: readonly ServiceStatus[]): void;
}

export function createReporter({ clock, log, depth, record }: ReporterOptions): Reporter {
  let reading: ClockReading = clock();
  let restarts: Restarts = new Map();
  // What was lost before this start was reported then, or will be with the next loss.
  let report: DropReport = { dropped: droppedOf(depth().by_class ?? {}), atMs: Number.NEGATIVE_INFINITY };

  const say = (news: News): void => {
    record(eventRecord(news, new Date(clock().wallMs)));
    log[news.level === 'warning' || news.level === 'error' ? 'warn' : 'info'](
      { kind: news.kind, ...news.metadata },
      news.message,
    );
  };
  return {
    say,
    check() {
      const now = clock();
      const jump = jumpNews(reading, now);
      reading = now;
      if (jump !== null) say(jump);
      const drop = dropNews(report, droppedOf(depth().by_class ?? {}), now.monoMs);
      report = drop.report;
      if (drop.news !== null) say(drop.news);
    },
    noteServices(services) {
      const found = restartNews(restarts, services);
      restarts = found.restarts;
      for (const news of found.news) say(news);
    },
  };
}
