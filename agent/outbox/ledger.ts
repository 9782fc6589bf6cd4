/** What the outbox counts: held and lost records of each class, and the time it has lived through; saved with each change. */
import type { DatabaseSync } from 'node:sqlite';
import { STREAMS, type Stream } from '#contract';
import type { Clock, ClockReading } from '../clock.ts';
import { type LivedMark, livedMs } from './recorded-time.ts';
import type { Rows } from './rows.ts';

export interface Count {
  records: number;
  bytes: number;
  /** Records given up since the outbox was made. */
  dropped: number;
}

export interface Ledger {
  readonly counts: Readonly<Record<Stream, Count>>;
  /** What of it is in chunks. */
  readonly open: Readonly<Record<Stream, { records: number; bytes: number }>>;
  now(): LivedMark;
  /** To be called within each transaction. */
  save(): void;
  snapshot(): () => void;
}

export function openLedger(database: DatabaseSync, rows: Rows, clock: Clock): Ledger {
  const stored = database.prepare('SELECT * FROM state').get();
  const sums = rows.sums();
  const held = (list: typeof sums.batches, stream: Stream) => {
    const { records = 0, bytes = 0 } = list.find((sum) => sum.stream === stream) ?? {};
    return { records, bytes };
  };
  const each = <T>(make: (stream: Stream) => T): Record<Stream, T> => ({
    events: make('events'),
    logs: make('logs'),
    metrics: make('metrics'),
  });
  const open = each((stream) => held(sums.chunks, stream));
  const counts = each((stream): Count => {
    const sealed = held(sums.batches, stream);
    const records = sealed.records + open[stream].records;
    // Fewer than were counted: the file was damaged, and these could not be saved.
    const lost = Math.max(0, Number(stored?.[`held_${stream}`] ?? 0) - records);
    return {
      records,
      bytes: sealed.bytes + open[stream].bytes,
      dropped: Number(stored?.[`dropped_${stream}`] ?? 0) + lost,
    };
  });
  let lived: LivedMark | null =
    stored === undefined
      ? null
      : {
          osBoot: String(stored.os_boot),
          monoMs: Number(stored.mono_ms),
          wallMs: Number(stored.wall_ms),
          livedMs: Number(stored.lived_ms),
        };
  const write = database.prepare(
    `INSERT OR REPLACE INTO state
       (one, os_boot, mono_ms, wall_ms, lived_ms,
        dropped_events, dropped_logs, dropped_metrics, held_events, held_logs, held_metrics)
     VALUES (1, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  );
  const now = (): LivedMark => {
    const reading: ClockReading = clock();
    lived = { ...reading, livedMs: Math.round(livedMs(lived, reading)) };
    return lived;
  };

  return {
    counts,
    open,
    now,
    save() {
      const { osBoot, monoMs, wallMs, livedMs: at } = now();
      write.run(
        osBoot,
        Math.round(monoMs),
        Math.round(wallMs),
        at,
        ...STREAMS.map((stream) => counts[stream].dropped),
        ...STREAMS.map((stream) => counts[stream].records),
      );
    },
    snapshot() {
      const before = STREAMS.map((stream) => [stream, { ...counts[stream] }, { ...open[stream] }] as const);
      return () => {
        for (const [stream, count, part] of before) {
          Object.assign(counts[stream], count);
          Object.assign(open[stream], part);
        }
      };
    },
  };
}
