/** How many series (type and labels) a device may have; one label with an id in it would make a million. */
import type { MetricLabels } from '#contract';

/** Of one device, over all metric types. */
export const MAX_SERIES_PER_DEVICE = 1000;
/** Of one metric type of a device, where nobody declared another. */
export const DEFAULT_SERIES_PER_TYPE = 1000;
/** Series remembered over all devices, at about 100 bytes each; then the device unheard for longest is forgotten. */
const MAX_REMEMBERED = 200_000;
/** After this a device starts anew, so that interfaces that come and go do not use the limit up. */
const FORGET_AFTER_MS = 24 * 3600_000;

export interface KnownSeries {
  /** As they are stored; undefined until whoever met the series first has looked through them. */
  labels: MetricLabels | null | undefined;
}
export interface DeviceSeries {
  /** Null where the series is new and there is no room for it. */
  admit(metricType: string, labels: MetricLabels | undefined, maxOfType: number): KnownSeries | null;
}
export interface SeriesLimit {
  /** `rules`: by which labels were looked through; with others everything is looked through again. */
  of(deviceId: string, nowMs: number, rules: object): DeviceSeries;
}

interface Remembered {
  readonly since: number;
  readonly rules: object;
  readonly types: Map<string, Map<string, KnownSeries>>;
  size: number;
  readonly series: DeviceSeries;
}

export function createSeriesLimit(): SeriesLimit {
  const devices = new Map<string, Remembered>();
  let remembered = 0;

  function forget(deviceId: string, device: Remembered): void {
    devices.delete(deviceId);
    remembered -= device.size;
  }

  function start(since: number, rules: object): Remembered {
    const types: Remembered['types'] = new Map();
    const device: Remembered = {
      since,
      rules,
      types,
      size: 0,
      series: {
        admit(metricType, labels, maxOfType) {
          const key = labels === undefined ? '' : keyOf(labels);
          let ofType = types.get(metricType);
          const known = ofType?.get(key);
          if (known !== undefined) return known;
          if (device.size >= MAX_SERIES_PER_DEVICE || (ofType?.size ?? 0) >= maxOfType) return null;
          if (ofType === undefined) {
            ofType = new Map();
            types.set(metricType, ofType);
          }
          const fresh: KnownSeries = { labels: labels === undefined ? null : undefined };
          ofType.set(key, fresh);
          device.size += 1;
          remembered += 1;
          return fresh;
        },
      },
    };
    return device;
  }

  return {
    of(deviceId, nowMs, rules) {
      let device = devices.get(deviceId);
      if (device !== undefined) {
        if (nowMs - device.since < FORGET_AFTER_MS && device.rules === rules) devices.delete(deviceId);
        else {
          forget(deviceId, device);
          device = undefined;
        }
      }
      device ??= start(nowMs, rules);
      // The last in the map is the one heard last.
      devices.set(deviceId, device);
      for (const [oldest, other] of devices) {
        if (remembered <= MAX_REMEMBERED || other === device) break;
        forget(oldest, other);
      }
      return device.series;
    },
  };
}

/** The same for the same labels in another order. */
function keyOf(labels: MetricLabels): string {
  const names = Object.keys(labels);
  if (names.length > 1) names.sort();
  let key = '';
  for (const name of names) key += `${name}=${labels[name]}\n`;
  return key;
}
