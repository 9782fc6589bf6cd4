/** An outbox on a real SQLite file in a folder of its own, with clocks that the test turns. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { EventRecord, LogLevel, LogRecord, MetricRecord, Sealed, Stream } from '#contract';
import type { BatchOf } from '../../../agent/outbox/body.ts';
import type { Lane } from '../../../agent/outbox/lanes.ts';
import { OUTBOX_LIMITS, type OutboxLimits } from '../../../agent/outbox/limits.ts';
import { type Outbox, openOutbox } from '../../../agent/outbox/outbox.ts';
import { silentLog } from './silent-log.ts';

export class OutboxWorld {
  readonly dir: string;
  readonly file: string;
  readonly lines: string[] = [];
  wallMs = Date.parse('2026-11-23T06:00:00Z');
  monoMs = 3_600_000;
  osBoot = 'os-boot-1';
  private ids = 0;
  private readonly opened = new Set<Outbox>();

  /** `parent`: where its folder is made. */
  constructor(parent = tmpdir()) {
    this.dir = mkdtempSync(join(parent, 'outbox-'));
    this.file = join(this.dir, 'outbox.sqlite');
  }

  open(limits: Partial<OutboxLimits> = {}): Outbox {
    const outbox = openOutbox({
      file: this.file,
      log: silentLog(this.lines),
      clock: () => ({ wallMs: this.wallMs, monoMs: this.monoMs, osBoot: this.osBoot }),
      newId: () => `boot-id-${++this.ids}`,
      limits,
    });
    this.opened.add(outbox);
    return outbox;
  }

  close(outbox: Outbox): void {
    this.opened.delete(outbox);
    outbox.close();
  }

  /** Time passes, for both clocks. */
  pass(ms: number): void {
    this.wallMs += ms;
    this.monoMs += ms;
  }

  end(): void {
    for (const outbox of this.opened) outbox.close();
    rmSync(this.dir, { recursive: true, force: true });
  }

  metric(percent: number, metric_type = 'cpu', labels?: Record<string, string>): MetricRecord {
    return {
      timestamp: new Date(this.wallMs).toISOString(),
      metric_type,
      value: { percent },
      ...(labels === undefined ? {} : { labels }),
    };
  }

  metrics(count: number, from = 0): MetricRecord[] {
    return Array.from({ length: count }, (_, index) => this.metric(from + index));
  }

  logLine(message: string, log_level: LogLevel = 'info'): LogRecord {
    return { timestamp: new Date(this.wallMs).toISOString(), log_level, service_name: 'vllm', message };
  }

  event(message: string): EventRecord {
    return {
      timestamp: new Date(this.wallMs).toISOString(),
      kind: 'agent.started',
      log_level: 'info',
      message,
    };
  }
}

/** The bounds of the product with another total, shared out alike. */
export function limitsOf(maxBytes: number, more: Partial<OutboxLimits> = {}): Partial<OutboxLimits> {
  const share = (stream: Stream) => ({
    ...OUTBOX_LIMITS.classes[stream],
    maxBytes: (OUTBOX_LIMITS.classes[stream].maxBytes / OUTBOX_LIMITS.maxBytes) * maxBytes,
  });
  return {
    maxBytes,
    classes: { events: share('events'), logs: share('logs'), metrics: share('metrics') },
    ...more,
  };
}

/** Hands out and acknowledges every batch of the lane; returns them in order. */
export function drain<S extends Stream>(outbox: Outbox, stream: S, lane: Lane): Array<Sealed<BatchOf[S]>> {
  const batches: Array<Sealed<BatchOf[S]>> = [];
  for (let batch = outbox.next(stream, lane); batch !== null; batch = outbox.next(stream, lane)) {
    batches.push(batch);
    outbox.acknowledge(stream, batch);
  }
  return batches;
}

export const percents = (batch: { records: readonly MetricRecord[] } | null): unknown[] | undefined =>
  batch?.records.map(({ value }) => value.percent);
