/** Which key pair the next connect uses while a renewed one waits to prove itself. Pure. */

/** Failures of the renewed pair, each with the old one working beside it, after which it is given up. */
export const MAX_NEXT_FAILURES = 3;

export interface PairTrial {
  /** The pair of the last try that failed with no success since; null after a success. */
  readonly lastFailed: 'current' | 'next' | null;
  readonly nextFailures: number;
}
export const FRESH_TRIAL: PairTrial = { lastFailed: null, nextFailures: 0 };

/** The renewed pair first, then in turn with the old one: a failure alone does not say whether key or network is at fault. */
export const choosePair = (trial: PairTrial, hasNext: boolean): 'current' | 'next' =>
  hasNext && trial.lastFailed !== 'next' ? 'next' : 'current';

export const afterFailure = (trial: PairTrial, tried: 'current' | 'next'): PairTrial => ({
  ...trial,
  lastFailed: tried,
});

/** The old pair works where the renewed one failed just before: that counts against the renewed one. */
export function afterSuccess(
  trial: PairTrial,
  tried: 'current' | 'next',
): { readonly trial: PairTrial; readonly giveUpNext: boolean } {
  if (tried === 'next') return { trial: FRESH_TRIAL, giveUpNext: false };
  const nextFailures = trial.nextFailures + (trial.lastFailed === 'next' ? 1 : 0);
  const giveUpNext = nextFailures >= MAX_NEXT_FAILURES;
  return { trial: { lastFailed: null, nextFailures: giveUpNext ? 0 : nextFailures }, giveUpNext };
}
