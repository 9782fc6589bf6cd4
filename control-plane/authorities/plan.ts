/** What is due in the change from one authority to the next. Pure. */
import type { Arrangement } from '#certs';
import type { AuthorityDependants, InstallationAuthority } from '#db';

export type Step =
  /** `id` signs from now on; the one before it retires. */
  | { readonly kind: 'activate'; readonly id: string; readonly retiring: string | null }
  /** Our own servers stand under `id`. `isConfirmed`: every connected device trusts its root; else the time is over. */
  | {
      readonly kind: 'serve';
      readonly id: string;
      readonly from: string | null;
      readonly isConfirmed: boolean;
    }
  /** Nothing depends on `id` any more. */
  | { readonly kind: 'retire'; readonly id: string };

export type Generation = Pick<
  InstallationAuthority,
  'id' | 'state' | 'serves' | 'activateAt' | 'serveAt' | 'rootFingerprintSha256'
>;

/** After activation, so that devices connected just then have had a few heartbeats in which to say what they trust. */
export const CONFIRM_AFTER_MS = 90_000;

/** The next step, or null. One at a time: each is a transaction, and what follows is decided anew. */
export function nextStep(
  generations: readonly Generation[],
  dependants: ReadonlyMap<string, AuthorityDependants>,
  now: Date,
): Step | null {
  const active = generations.find(({ state }) => state === 'active') ?? null;
  const next = generations.find(({ state }) => state === 'next');
  if (next !== undefined && next.activateAt <= now) {
    return { kind: 'activate', id: next.id, retiring: active?.id ?? null };
  }
  if (active !== null && !active.serves) {
    const from = generations.find(({ serves }) => serves) ?? null;
    const isSameRoot = from?.rootFingerprintSha256 === active.rootFingerprintSha256;
    const isConfirmed = isSameRoot || isKnownToAll(active, dependants.get(active.id), now);
    if (isConfirmed || active.serveAt <= now) {
      return { kind: 'serve', id: active.id, from: from?.id ?? null, isConfirmed };
    }
  }
  const done = generations.find(
    ({ id, state, serves }) => state === 'retiring' && !serves && dependants.get(id)?.certificates === 0,
  );
  return done === undefined ? null : { kind: 'retire', id: done.id };
}

function isKnownToAll(
  { activateAt, serveAt }: Generation,
  found: AuthorityDependants | undefined,
  now: Date,
): boolean {
  // A moment without any device says nothing about those that are away.
  if (found === undefined || found.connected === 0) return false;
  const settledAt = Math.min(activateAt.getTime() + CONFIRM_AFTER_MS, serveAt.getTime());
  return found.informed === found.connected && now.getTime() >= settledAt;
}

/** What processes read: all but the retired ones. Null where no generation is active, which no step leaves behind. */
export function arrangementOf(generations: readonly Generation[]): Arrangement | null {
  const kept = generations.flatMap(({ id, state }) => (state === 'retired' ? [] : [{ id, state }]));
  const serving = generations.find(({ serves }) => serves);
  const isWhole = kept.filter(({ state }) => state === 'active').length === 1 && serving !== undefined;
  return isWhole ? { generations: kept, servers: serving.id } : null;
}

/** How a device names a root that it trusts, short enough for a fact. */
export const rootMarkOf = (rootFingerprintSha256: string): string => rootFingerprintSha256.slice(0, 16);
