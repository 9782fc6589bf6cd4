/**
 * How many API requests a person, a key, a device and an organisation may make. A caller over its limit is refused by
 * what is remembered of its credential, before the database is asked anything: so it costs the others next to nothing.
 */
import { createHash } from 'node:crypto';
import { AppError, type DeviceCaller, type Person } from '#control-plane';
import { createTokenBuckets, type TokenBuckets } from './token-buckets.ts';

export interface RequestRates {
  readonly orgPerSecond: number;
  readonly userPerSecond: number;
  readonly devicePerSecond: number;
}

/** A page of the console asks some ten things at once. */
const BURST_SECONDS = 2;
/** A device that was offline sends what it kept. */
const DEVICE_BURST_SECONDS = 10;
const MAX_ORGS = 10_000;
const MAX_CALLERS = 50_000;
/** Credentials whose caller is remembered. */
const MAX_REMEMBERED = 50_000;

/** What of a request says whom it is charged to. */
export interface RequestTarget {
  /** The credential as it came. Only its hash is kept. */
  readonly credential: string;
  /** The organisation that the address names; null where it names none. */
  readonly orgId: string | null;
}

export interface RateLimits {
  /**
   * Charges the request and identifies its caller. What is known of the credential is charged before, so that of many
   * requests at once only those that the rate allows reach `identify`; a new one after. A credential that does not hold
   * is forgotten: nobody can go on charging an account with it.
   * @throws AppError 'rate.limited', and what `identify` throws
   */
  charged<C extends Person | DeviceCaller>(target: RequestTarget, identify: () => Promise<C>): Promise<C>;
}

interface Account {
  readonly caller: string;
  readonly isDevice: boolean;
  /** Organisations of the caller: the one that is named, else the only one, is charged. */
  readonly orgIds: readonly string[];
}

/** Null: no limits. */
export function createRateLimits(rates: RequestRates | null, nowMs: () => number = Date.now): RateLimits {
  if (rates === null) return { charged: (_target, identify) => identify() };
  const bucketsOf = (perSecond: number, seconds: number, maxKeys: number): TokenBuckets =>
    createTokenBuckets({ perSecond, burst: perSecond * seconds }, maxKeys, nowMs);
  const orgs = bucketsOf(rates.orgPerSecond, BURST_SECONDS, MAX_ORGS);
  const people = bucketsOf(rates.userPerSecond, BURST_SECONDS, MAX_CALLERS);
  const devices = bucketsOf(rates.devicePerSecond, DEVICE_BURST_SECONDS, MAX_CALLERS);
  const remembered = new Map<string, Account>();

  function bucketsFor(account: Account, orgId: string | null): [TokenBuckets, string][] {
    if (account.isDevice) return [[devices, account.caller]];
    const org = chargedOrg(account.orgIds, orgId);
    return [[people, account.caller], ...(org === null ? [] : [[orgs, org] as [TokenBuckets, string]])];
  }

  /** All have room, or none is charged. */
  function charge(account: Account, orgId: string | null): void {
    const buckets = bucketsFor(account, orgId);
    const retryAfterSeconds = Math.max(...buckets.map(([of, key]) => of.wait(key)));
    if (retryAfterSeconds > 0) throw new AppError('rate.limited', { retryAfterSeconds });
    for (const [of, key] of buckets) of.take(key);
  }

  function remember(key: string, account: Account): void {
    remembered.delete(key);
    const oldest = remembered.keys().next();
    if (remembered.size >= MAX_REMEMBERED && !oldest.done) remembered.delete(oldest.value);
    remembered.set(key, account);
  }

  return {
    async charged({ credential, orgId }, identify) {
      const key = hashOf(credential);
      const known = remembered.get(key);
      if (known !== undefined) charge(known, orgId);
      const caller = await identify().catch((error: unknown) => {
        if (error instanceof AppError && error.code === 'auth.required') remembered.delete(key);
        throw error;
      });
      const account = accountOf(caller);
      remember(key, account);
      if (known === undefined) charge(account, orgId);
      return caller;
    },
  };
}

/** Naming a foreign organisation charges nobody there. Pure. */
export function chargedOrg(orgIds: readonly string[], named: string | null): string | null {
  const own = named === null ? undefined : orgIds.find((id) => id === named.toLowerCase());
  return own ?? (orgIds.length === 1 ? (orgIds[0] ?? null) : null);
}

function accountOf(caller: Person | DeviceCaller): Account {
  if (caller.kind === 'device') {
    return { caller: `device ${caller.deviceId}`, isDevice: true, orgIds: [caller.orgId] };
  }
  // All sessions and keys of a person share one bucket: making more of them gives no more.
  return { caller: `user ${caller.userId}`, isDevice: false, orgIds: [...caller.roles.keys()] };
}

const hashOf = (credential: string): string => createHash('sha256').update(credential).digest('base64url');
