/** What stretch of time the charts show, kept in the address; zooming and moving as arithmetic. Pure. */

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

export const RANGES = {
  '15m': { label: '15 min', ms: 15 * MINUTE_MS },
  '1h': { label: '1 h', ms: HOUR_MS },
  '6h': { label: '6 h', ms: 6 * HOUR_MS },
  '24h': { label: '24 h', ms: DAY_MS },
  '7d': { label: '7 d', ms: 7 * DAY_MS },
  '30d': { label: '30 d', ms: 30 * DAY_MS },
  '90d': { label: '90 d', ms: 90 * DAY_MS },
} as const;
export type RangeName = keyof typeof RANGES;
export const RANGE_NAMES = Object.keys(RANGES) as readonly RangeName[];
export const DEFAULT_RANGE: RangeName = '1h';
/** Up to here the device streams while one looks; longer ranges are read again instead. */
export const MAX_STREAMED_MS = HOUR_MS;

/** Less shows no more than two samples. */
export const MIN_SPAN_MS = 10_000;
export const MAX_SPAN_MS = 400 * DAY_MS;

export interface Span {
  readonly fromMs: number;
  readonly toMs: number;
}
export interface ChartView {
  /** Null: `custom`. */
  readonly range: RangeName | null;
  readonly custom: Span | null;
  readonly zoom: Span | null;
  /** Id of a second device; empty = none. */
  readonly compare: string;
  readonly showsCores: boolean;
}

/** What is not valid in an address is left out, never an error. */
export function readChartView(query: URLSearchParams): ChartView {
  const custom = readSpan(query.get('from'), query.get('to'));
  const [zoomFrom = null, zoomTo = null] = (query.get('zoom') ?? '').split('~');
  return {
    range:
      custom === null ? (RANGE_NAMES.find((name) => name === query.get('range')) ?? DEFAULT_RANGE) : null,
    custom,
    zoom: readSpan(zoomFrom, zoomTo),
    compare: /^[0-9a-f-]{36}$/.exec(query.get('compare') ?? '')?.[0] ?? '',
    showsCores: query.get('cores') === '1',
  };
}

/** `''`, or `?…` without what is at its default. */
export function writeChartView(view: ChartView): string {
  const query = new URLSearchParams();
  if (view.custom !== null) {
    query.set('from', iso(view.custom.fromMs));
    query.set('to', iso(view.custom.toMs));
  } else if (view.range !== null && view.range !== DEFAULT_RANGE) query.set('range', view.range);
  if (view.zoom !== null) query.set('zoom', `${iso(view.zoom.fromMs)}~${iso(view.zoom.toMs)}`);
  if (view.compare !== '') query.set('compare', view.compare);
  if (view.showsCores) query.set('cores', '1');
  return query.size === 0 ? '' : `?${query}`;
}

/** `isLive`: ends now, and so moves on. */
export function spanOf(view: ChartView, nowMs: number): Span & { readonly isLive: boolean } {
  const fixed = view.zoom ?? view.custom;
  if (fixed !== null) return { ...fixed, isLive: false };
  return { fromMs: nowMs - RANGES[view.range ?? DEFAULT_RANGE].ms, toMs: nowMs, isLive: true };
}

/** `factor` below 1 looks closer; what stands at `centreMs` stays where it is. */
export function zoomed(span: Span, factor: number, centreMs: number): Span {
  const lengthMs = Math.min(MAX_SPAN_MS, Math.max(MIN_SPAN_MS, (span.toMs - span.fromMs) * factor));
  const share = (centreMs - span.fromMs) / (span.toMs - span.fromMs);
  const fromMs = Math.round(centreMs - share * lengthMs);
  return { fromMs, toMs: Math.round(fromMs + lengthMs) };
}

/** Moves by a share of its length, never beyond `nowMs`. */
export function moved(span: Span, share: number, nowMs: number): Span {
  const lengthMs = span.toMs - span.fromMs;
  const toMs = Math.min(nowMs, Math.round(span.toMs + share * lengthMs));
  return { fromMs: toMs - lengthMs, toMs };
}

function readSpan(from: string | null, to: string | null): Span | null {
  const span = { fromMs: Date.parse(from ?? ''), toMs: Date.parse(to ?? '') };
  const lengthMs = span.toMs - span.fromMs;
  return lengthMs >= MIN_SPAN_MS && lengthMs <= MAX_SPAN_MS ? span : null;
}

const iso = (ms: number): string => new Date(ms).toISOString();
