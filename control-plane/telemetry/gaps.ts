/** Where a series has holes: a device that said nothing for longer than it should. Pure. */

/** A pause of so many usual intervals is a gap; one lost sample alone is none. */
const SAMPLE_FACTOR = 2.5;
/** One empty bucket is a gap. */
const BUCKET_FACTOR = 1.5;
/** With fewer points nothing is usual. */
const FEWEST_POINTS = 3;

/** The shortest distance in ms between two points that counts as a gap. @param timesMs ascending */
export function gapThresholdMs(timesMs: readonly number[], bucketSeconds: number | null): number {
  const usual = medianInterval(timesMs);
  if (bucketSeconds === null) return usual === null ? Number.POSITIVE_INFINITY : usual * SAMPLE_FACTOR;
  const ofBucket = bucketSeconds * 1000 * BUCKET_FACTOR;
  // Samples may come more rarely than there are buckets.
  return usual === null || usual <= ofBucket ? ofBucket : usual * SAMPLE_FACTOR;
}

/** Indexes before which a gap lies. */
export function findGaps(timesMs: readonly number[], bucketSeconds: number | null): number[] {
  const threshold = gapThresholdMs(timesMs, bucketSeconds);
  const gaps: number[] = [];
  for (let index = 1; index < timesMs.length; index += 1) {
    if ((timesMs[index] ?? 0) - (timesMs[index - 1] ?? 0) > threshold) gaps.push(index);
  }
  return gaps;
}

function medianInterval(timesMs: readonly number[]): number | null {
  if (timesMs.length < FEWEST_POINTS) return null;
  const intervals = new Float64Array(timesMs.length - 1);
  for (let index = 1; index < timesMs.length; index += 1) {
    intervals[index - 1] = (timesMs[index] ?? 0) - (timesMs[index - 1] ?? 0);
  }
  intervals.sort();
  return intervals[Math.floor((intervals.length - 1) / 2)] ?? null;
}
