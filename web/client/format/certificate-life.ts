/** Certificates by what is left of their life, as the board shows them. Pure. */
import type { CertificateSummary } from '#web-api';

export type LifeBucket = 'expired' | 'within_day' | 'within_week' | 'within_month' | 'later' | 'revoked';

export const LIFE_BUCKETS: readonly {
  readonly bucket: LifeBucket;
  readonly label: string;
  readonly tone: 'bad' | 'warn' | 'good' | 'quiet';
}[] = [
  { bucket: 'expired', label: 'Expired', tone: 'bad' },
  { bucket: 'within_day', label: 'Less than a day', tone: 'bad' },
  { bucket: 'within_week', label: 'Less than 7 days', tone: 'warn' },
  { bucket: 'within_month', label: 'Less than 30 days', tone: 'quiet' },
  { bucket: 'later', label: 'Later', tone: 'good' },
  { bucket: 'revoked', label: 'Revoked', tone: 'quiet' },
];

/** Share of the longest bar, 0-100; a bucket with one certificate is seen. */
export function barPercent(summary: CertificateSummary, bucket: LifeBucket): number {
  const longest = Math.max(1, ...LIFE_BUCKETS.map((one) => summary[one.bucket]));
  const count = summary[bucket];
  return count === 0 ? 0 : Math.max(2, Math.round((count / longest) * 100));
}
