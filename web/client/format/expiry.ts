/** How long a token may live, as the dialog offers it. Pure. */

export const EXPIRY_PRESETS = [
  { seconds: 900, label: '15 minutes' },
  { seconds: 3600, label: '1 hour' },
  { seconds: 86_400, label: '1 day' },
  { seconds: 604_800, label: '7 days' },
  { seconds: 2_592_000, label: '30 days' },
] as const;
export const MIN_EXPIRY_SECONDS = 60;
export const MAX_EXPIRY_SECONDS = 31_536_000;

/** Seconds from now to a `datetime-local` value; null outside the allowed span. */
export function customExpirySeconds(localDateTime: string, nowMs: number): number | null {
  const seconds = Math.floor((new Date(localDateTime).getTime() - nowMs) / 1000);
  return seconds >= MIN_EXPIRY_SECONDS && seconds <= MAX_EXPIRY_SECONDS ? seconds : null;
}

/** Certificates are renewed at two thirds of their life: with less than a fifth left something is wrong. */
export function isNearExpiry(notBefore: string, notAfter: string, nowMs: number): boolean {
  const endMs = Date.parse(notAfter);
  const lifeMs = endMs - Date.parse(notBefore);
  return nowMs < endMs && endMs - nowMs < lifeMs / 5;
}
