/** Bounds guessing: of passwords and codes, per address and per account. */
import { AppError } from '../errors.ts';
import type { Logger } from '../log.ts';
import { createAttemptLimiter } from './attempt-limiter.ts';

const ONE_MINUTE_MS = 60_000;
/** Who goes on guessing waits longer and longer, but nobody can lock another one out for longer than this. */
const MAX_WAIT_MS = 15 * ONE_MINUTE_MS;
const MAX_KEYS = 10_000;

export interface LoginAttempt {
  /** Everything was right: the account's earlier mistakes are forgotten. */
  succeeded(): void;
  /** The password was right and the code is to come: the address is not charged, the account is. */
  halfway(): void;
}

export interface LoginLimits {
  /**
   * Counts the attempt before anything is looked at, so that parallel guesses count too. A flood leaves log lines, no
   * audit rows: those can never be deleted. `ipAddress` null: a person that is signed in guesses about the own account.
   * @throws AppError 'rate.limited'
   */
  begin(email: string, ipAddress: string | null): LoginAttempt;
}

export function createLoginLimits(deps: {
  readonly log: Logger;
  readonly now: () => Date;
  readonly attemptsPerMinute: number;
}): LoginLimits {
  const { log, now, attemptsPerMinute } = deps;
  const limiter = createAttemptLimiter(
    { attempts: attemptsPerMinute, windowMs: ONE_MINUTE_MS, maxWindowMs: MAX_WAIT_MS, maxKeys: MAX_KEYS },
    now,
  );

  return {
    begin(email, ipAddress) {
      const account = `email ${email}`;
      const address = ipAddress === null ? null : `ip ${ipAddress}`;
      const keys = address === null ? [account] : [address, account];
      const retryAfterSeconds = Math.max(...keys.map((key) => limiter.waitSeconds(key)));
      if (retryAfterSeconds > 0) {
        log.warn({ keys, retryAfterSeconds }, 'sign-in attempts limited');
        throw new AppError('rate.limited', { retryAfterSeconds });
      }
      for (const key of keys) limiter.add(key);
      const freeAddress = () => {
        if (address !== null) limiter.giveBack(address);
      };
      return {
        succeeded() {
          freeAddress();
          limiter.forget(account);
        },
        halfway: freeAddress,
      };
    },
  };
}
