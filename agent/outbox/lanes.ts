/** The numberings of the outbox: two lanes for each class, so that what is new need not wait for what was held back. */
import type { DatabaseSync } from 'node:sqlite';
import { STREAMS, type Stream } from '#contract';
import type { Numbering } from './ack-decision.ts';

/** `live`: recorded since the session began. `backlog`: held before. */
export const LANES = ['live', 'backlog'] as const;
export type Lane = (typeof LANES)[number];

export interface LaneState {
  bootId: string;
  /** Last number that was given to a batch; 0 = none. */
  lastSeq: number;
  /** Row of the numbered batch that waits for its acknowledgement; 0 = none. */
  waitingId: number;
}

export interface Lanes {
  of(stream: Stream, lane: Lane): LaneState;
  numbering(stream: Stream, lane: Lane): Numbering;
  /** Writes the lane as it is now. */
  save(stream: Stream, lane: Lane): void;
  /** For a transaction that may fail. */
  snapshot(): () => void;
}

/** Reads the lanes; missing ones are made, each with a new boot_id. */
export function openLanes(database: DatabaseSync, newId: () => string): Lanes {
  const states = new Map<string, LaneState>();
  const keyOf = (stream: Stream, lane: Lane): string => `${stream} ${lane}`;
  for (const row of database.prepare('SELECT stream, lane, boot_id, last_seq, waiting_id FROM lanes').all()) {
    states.set(`${row.stream} ${row.lane}`, {
      bootId: String(row.boot_id),
      lastSeq: Number(row.last_seq),
      waitingId: Number(row.waiting_id),
    });
  }
  const write = database.prepare(
    'INSERT OR REPLACE INTO lanes (stream, lane, boot_id, last_seq, waiting_id) VALUES (?, ?, ?, ?, ?)',
  );
  const of = (stream: Stream, lane: Lane): LaneState => {
    const state = states.get(keyOf(stream, lane)) ?? { bootId: newId(), lastSeq: 0, waitingId: 0 };
    states.set(keyOf(stream, lane), state);
    return state;
  };
  // A lane that is not on disk yet is written with its first number.
  for (const stream of STREAMS) for (const lane of LANES) of(stream, lane);

  return {
    of,
    numbering(stream, lane) {
      const { bootId, lastSeq, waitingId } = of(stream, lane);
      return { bootId, lastSeq, isWaiting: waitingId !== 0 };
    },
    save(stream, lane) {
      const { bootId, lastSeq, waitingId } = of(stream, lane);
      write.run(stream, lane, bootId, lastSeq, waitingId);
    },
    snapshot() {
      const before = [...states].map(([key, state]) => [key, { ...state }] as const);
      return () => {
        for (const [key, state] of before) Object.assign(states.get(key) ?? {}, state);
      };
    },
  };
}
