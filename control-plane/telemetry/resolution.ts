/** From a range to what is read for it: which resolution, in buckets of what width. Pure. */
import { RESOLUTIONS, type Resolution } from '#web-api';

const MINUTE_S = 60;
const HOUR_S = 3600;
const DAY_S = 86_400;

/** Samples as they came, up to here: 720 points of each series at a sample every 30 s. Shared out among the devices. */
export const RAW_SPAN_MS = 6 * HOUR_S * 1000;
/** Rows that one query reads; at some 100 bytes each it holds 20 MB while it is answered. */
export const ROW_BUDGET = 200_000;
/** Series that a device is taken to have of one type: fields × labels. More cost more rows, and end in `truncated`. */
const SERIES_PER_DEVICE = 10;
/** Fewer points than this draw nothing. */
const FEWEST_POINTS = 30;

/** Widths that divide an hour, a day or themselves evenly, so that buckets begin where people expect it. */
const WIDTHS_S: readonly number[] = [
  ...[1, 2, 3, 5, 10, 15, 20, 30].map((minutes) => minutes * MINUTE_S),
  ...[1, 2, 3, 4, 6, 8, 12].map((hours) => hours * HOUR_S),
  ...[1, 2, 7, 14, 30].map((days) => days * DAY_S),
];
/** For samples that several devices' buckets are made of. */
const FINE_WIDTHS_S: readonly number[] = [1, 2, 5, 10, 15, 20, 30];

const BASE_S: Readonly<Record<Exclude<Resolution, 'raw'>, number>> = {
  '1m': MINUTE_S,
  '1h': HOUR_S,
  '1d': DAY_S,
};

export interface ResolutionQuestion {
  readonly fromMs: number;
  readonly toMs: number;
  readonly devices: number;
  readonly maxPoints: number;
  readonly requested: Resolution | 'auto';
  /** Oldest time that each resolution still holds; default: all of it. */
  readonly keptSinceMs?: Readonly<Record<Resolution, number>>;
  /** Several devices become one series, so their samples must fall into common buckets. */
  readonly isCombined?: boolean;
}
export interface ChosenResolution {
  readonly resolution: Resolution;
  /** Null = samples as they came. */
  readonly bucketSeconds: number | null;
}

/** Buckets never number more than `maxPoints`, whatever was requested; raw samples may. */
export function chooseResolution(question: ResolutionQuestion): ChosenResolution {
  const { fromMs, toMs, devices, maxPoints, requested } = question;
  const spanS = Math.max(1, (toMs - fromMs) / 1000);
  if (requested === 'raw') {
    const isCombined = question.isCombined ?? false;
    return { resolution: 'raw', bucketSeconds: isCombined ? widthFor(spanS, maxPoints, 1) : null };
  }
  if (requested !== 'auto') {
    return { resolution: requested, bucketSeconds: widthFor(spanS, maxPoints, BASE_S[requested]) };
  }
  const finest = finestKept(question);
  if (finest === 'raw' && !question.isCombined && toMs - fromMs <= RAW_SPAN_MS / Math.max(1, devices)) {
    return { resolution: 'raw', bucketSeconds: null };
  }
  const points = Math.min(maxPoints, pointsWithin(devices));
  const bucketSeconds = widthFor(spanS, points, finest === 'raw' ? MINUTE_S : BASE_S[finest]);
  return { resolution: coarsestFor(bucketSeconds), bucketSeconds };
}

/** The next one to try where a query met more rows than it may read; null where there is none. */
export function coarser(chosen: ChosenResolution, question: ResolutionQuestion): ChosenResolution | null {
  const spanS = (question.toMs - question.fromMs) / 1000;
  if (chosen.bucketSeconds === null) {
    const points = Math.min(question.maxPoints, pointsWithin(question.devices));
    const bucketSeconds = widthFor(spanS, points, MINUTE_S);
    return { resolution: coarsestFor(bucketSeconds), bucketSeconds };
  }
  const { bucketSeconds } = chosen;
  const next = WIDTHS_S.find((width) => width >= bucketSeconds * 4);
  return next === undefined || next > spanS ? null : { resolution: coarsestFor(next), bucketSeconds: next };
}

const pointsWithin = (devices: number): number =>
  Math.max(FEWEST_POINTS, Math.floor(ROW_BUDGET / (Math.max(1, devices) * SERIES_PER_DEVICE)));

/** What is older than a resolution is kept for is not in it; the coarsest is kept longest. */
function finestKept({ fromMs, keptSinceMs }: ResolutionQuestion): Resolution {
  if (keptSinceMs === undefined) return 'raw';
  return RESOLUTIONS.find((resolution) => fromMs >= keptSinceMs[resolution]) ?? '1d';
}

/** A range that begins inside a bucket touches one more than its length says. */
function widthFor(spanS: number, points: number, baseS: number): number {
  const atLeast = Math.max(baseS, spanS / Math.max(1, points - 1));
  const widths = baseS < MINUTE_S ? [...FINE_WIDTHS_S, ...WIDTHS_S] : WIDTHS_S;
  const fitting = widths.find((width) => width >= atLeast && width % baseS === 0);
  return fitting ?? Math.ceil(atLeast / DAY_S) * DAY_S;
}

function coarsestFor(bucketSeconds: number): Resolution {
  if (bucketSeconds % DAY_S === 0) return '1d';
  return bucketSeconds % HOUR_S === 0 ? '1h' : '1m';
}
