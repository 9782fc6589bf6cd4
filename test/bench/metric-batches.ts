/** Batches of measurements as text, made without building objects: the load must cost less than what it loads. Pure. */

const SERIES = [
  'cpu',
  'memory',
  'disk',
  'network',
  'gpu',
  'queue',
  'latency',
  'requests',
  'tokens',
  'battery',
];
/** Values repeat after so many; a prime, so that series do not move together. */
const VALUES = 997;

const values = Array.from({ length: VALUES }, (_, index) => (50 + 40 * Math.sin(index / 29)).toFixed(2));

/** One row of `device_metrics` each: one number of one series. */
export function recordsText(points: number, device: number, seq: number, timestamp: string): string {
  let text = '';
  for (let index = 0; index < points; index += 1) {
    const series = SERIES[index % SERIES.length] ?? '';
    const value = values[(device * 31 + seq * 7 + index) % VALUES] ?? '';
    text += `${index === 0 ? '' : ','}{"timestamp":"${timestamp}","metric_type":"${series}","value":{"percent":${value}}}`;
  }
  return text;
}

export const batchText = (
  bootId: string,
  seq: number,
  points: number,
  device: number,
  timestamp: string,
): string =>
  `{"boot_id":"${bootId}","seq":${seq},"sent_at":"${timestamp}","records":[${recordsText(points, device, seq, timestamp)}]}`;
