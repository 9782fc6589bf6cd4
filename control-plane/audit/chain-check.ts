/** Follows one chain of the audit log, row by row, and tells where it breaks first. Pure. */
import type { AuditChainRow, AuditCheckpoint, AuditHead } from '#db';
import { GENESIS, rowHash } from './row-hash.ts';

export const BREAKS = [
  'row_changed',
  'row_missing',
  'row_foreign',
  'head_missing',
  'head_differs',
  'checkpoint_differs',
  'checkpoint_signature',
  'tail_missing',
] as const;
export type BreakReason = (typeof BREAKS)[number];

export interface ChainBreak {
  readonly position: number;
  readonly reason: BreakReason;
}

/** What has been followed so far; serialisable, so that a long check goes on where it was. */
export interface ChainState {
  readonly position: number;
  readonly hash: string;
  readonly rows: number;
}
export const CHAIN_START: ChainState = { position: 0, hash: GENESIS, rows: 0 };

/** Whether a checkpoint's signature is of a key that the checker trusts. */
export type TrustsCheckpoint = (checkpoint: AuditCheckpoint) => boolean;

export interface ChainStep {
  readonly state: ChainState;
  readonly fault: ChainBreak | null;
}

/** `checkpoints`: those with a position behind the state, in order. */
export function followRows(
  start: ChainState,
  rows: readonly AuditChainRow[],
  checkpoints: readonly AuditCheckpoint[],
  trusts: TrustsCheckpoint,
): ChainStep {
  let state = start;
  let next = 0;
  for (const row of rows) {
    const fault = faultOf(state, row);
    if (fault !== null) return { state, fault };
    state = { position: state.position + 1, hash: row.hash, rows: state.rows + 1 };
    for (; checkpoints[next]?.position === state.position; next += 1) {
      const reason = checkpointFault(checkpoints[next], state, trusts);
      if (reason !== null) return { state, fault: { position: state.position, reason } };
    }
  }
  return { state, fault: null };
}

/** After the last row. `checkpoints`: all behind the position at which the last rows were read. */
export function followEnd(
  state: ChainState,
  head: AuditHead | null,
  checkpoints: readonly AuditCheckpoint[],
): ChainBreak | null {
  if (checkpoints.some(({ position }) => position > state.position)) {
    return { position: state.position + 1, reason: 'tail_missing' };
  }
  if (head === null) {
    return state.position === 0 ? null : { position: state.position, reason: 'head_missing' };
  }
  if (head.position > state.position) return { position: state.position + 1, reason: 'tail_missing' };
  if (head.position < state.position || head.hash !== state.hash) {
    return { position: head.position, reason: 'head_differs' };
  }
  return null;
}

function faultOf(state: ChainState, row: AuditChainRow): ChainBreak | null {
  const position = state.position + 1;
  // A row that is gone leaves a gap; one that took its place, or came in between, does not fit its neighbours.
  if (row.chain_position !== String(position)) return { position, reason: 'row_missing' };
  if (rowHash(row) !== row.hash) return { position, reason: 'row_changed' };
  return row.previous_hash === state.hash ? null : { position, reason: 'row_foreign' };
}

function checkpointFault(
  checkpoint: AuditCheckpoint | undefined,
  state: ChainState,
  trusts: TrustsCheckpoint,
): BreakReason | null {
  if (checkpoint === undefined) return null;
  if (!trusts(checkpoint)) return 'checkpoint_signature';
  return checkpoint.hash === state.hash ? null : 'checkpoint_differs';
}
