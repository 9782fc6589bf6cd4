/** What a source says of itself. */

/** `waiting`: it is not there yet; `paused`: the outbox is nearly full. */
export type SourcePhase = 'reading' | 'paused' | 'waiting' | 'failed';

export interface SourceState {
  /** E.g. `file:/var/log/app.log`, `journald`, `docker:web`. */
  readonly name: string;
  readonly kind: 'journald' | 'file' | 'container';
  readonly phase: SourcePhase;
  /** One sentence where it failed. */
  readonly problem?: string;
  readonly lines: number;
  readonly records: number;
  readonly suppressed: number;
  /** Known to be there once and never read. */
  readonly lostBytes: number;
}
