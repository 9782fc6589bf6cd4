import { describe, expect, it } from 'vitest';
import type { CatalogueEntry, SeriesReply } from '#web-api';
import { extent, linesOf, nearest, withStreamed } from '../../../web/client/charts/chart-lines.ts';
import {
  moved,
  readChartView,
  spanOf,
  writeChartView,
  zoomed,
} from '../../../web/client/charts/chart-range.ts';
import { chartsOf } from '../../../web/client/charts/metric-charts.ts';
import { metricValue, valueAxis } from '../../../web/client/charts/metric-units.ts';
import { timeTicks } from '../../../web/client/charts/time-axis.ts';
import { hitParts } from '../../../web/client/pages/telemetry-draft.ts';

const NOW_MS = Date.parse('2026-11-23T12:00:00Z');
const HOUR_MS = 3_600_000;

describe('timeTicks', () => {
  it.each([
    ['15 minutes', 900_000],
    ['an hour', HOUR_MS],
    ['a day', 24 * HOUR_MS],
    ['a week', 168 * HOUR_MS],
    ['90 days', 2160 * HOUR_MS],
    ['two years', 17_520 * HOUR_MS],
  ])('has some marks, in order and inside, over %s', (_name, spanMs) => {
    const ticks = timeTicks(NOW_MS - spanMs, NOW_MS, 6);
    expect(ticks.length).toBeGreaterThanOrEqual(2);
    expect(ticks.length).toBeLessThanOrEqual(7);
    expect(ticks.every(({ atMs }) => atMs >= NOW_MS - spanMs && atMs <= NOW_MS)).toBe(true);
    expect(ticks.map(({ atMs }) => atMs)).toEqual(ticks.map(({ atMs }) => atMs).toSorted((a, b) => a - b));
  });

  it('stands at round hours of the wall clock, also over a change of summer time', () => {
    const ticks = timeTicks(Date.parse('2026-10-24T12:00:00Z'), Date.parse('2026-10-26T12:00:00Z'), 10);
    expect(ticks.every(({ atMs }) => new Date(atMs).getHours() % 6 === 0)).toBe(true);
  });

  it('has none where there is no stretch', () => {
    expect(timeTicks(NOW_MS, NOW_MS, 5)).toEqual([]);
  });
});

describe('metricValue', () => {
  it.each([
    [45.23, 'percent', '45.2 %'],
    [1_610_612_736, 'bytes', '1.5 GiB'],
    [327_680, 'bytes/s', '320 KiB/s'],
    [14_336, 'MiB', '14 GiB'],
    [67, 'celsius', '67 °C'],
    [83.44, 'watts', '83.4 W'],
    [1024, 'count', '1,024'],
    [84, 'tokens/s', '84 tokens/s'],
    [null, 'percent', '–'],
    [-2048, 'bytes', '−2.0 KiB'],
    [0.000_01, null, '1.00e-5'],
  ])('%s %s is %s', (value, unit, text) => {
    expect(metricValue(value, unit)).toBe(text);
  });
});

describe('valueAxis', () => {
  it.each([
    [3, 60, 'percent', { min: 0, max: 100, step: 25 }],
    [0, 250, 'percent', { min: 0, max: 300, step: 100 }],
    [0, 21 * 1024 ** 3, 'bytes', { min: 0, max: 24 * 1024 ** 3, step: 8 * 1024 ** 3 }],
    [0, 0, null, { min: 0, max: 1, step: 0.25 }],
    [-5, 10, null, { min: -5, max: 10, step: 5 }],
  ])('from %s to %s %s', (low, high, unit, axis) => {
    expect(valueAxis(low, high, unit)).toEqual(axis);
  });
});

describe('the view of the charts', () => {
  it('comes back from its address as it was', () => {
    const view = {
      range: '24h',
      custom: null,
      zoom: { fromMs: NOW_MS - HOUR_MS, toMs: NOW_MS },
      compare: '00000003-0000-4000-8000-000000000001',
      showsCores: true,
    } as const;
    expect(readChartView(new URLSearchParams(writeChartView(view)))).toEqual(view);
    const custom = {
      ...view,
      range: null,
      zoom: null,
      custom: { fromMs: NOW_MS - 9 * HOUR_MS, toMs: NOW_MS },
    };
    expect(readChartView(new URLSearchParams(writeChartView(custom)))).toEqual(custom);
  });

  it('leaves out what is not valid', () => {
    const view = readChartView(new URLSearchParams('range=1y&from=x&to=y&zoom=b~a&compare=<b>'));
    expect(view).toEqual({ range: '1h', custom: null, zoom: null, compare: '', showsCores: false });
    expect(spanOf(view, NOW_MS)).toEqual({ fromMs: NOW_MS - HOUR_MS, toMs: NOW_MS, isLive: true });
  });

  it('zooms about a point, and never moves beyond the present', () => {
    const span = { fromMs: NOW_MS - HOUR_MS, toMs: NOW_MS };
    expect(zoomed(span, 0.5, NOW_MS)).toEqual({ fromMs: NOW_MS - HOUR_MS / 2, toMs: NOW_MS });
    expect(moved(span, 0.5, NOW_MS)).toEqual(span);
    expect(moved(span, -0.5, NOW_MS)).toEqual({ fromMs: NOW_MS - 1.5 * HOUR_MS, toMs: NOW_MS - HOUR_MS / 2 });
    expect(zoomed({ fromMs: NOW_MS - 10_000, toMs: NOW_MS }, 0.5, NOW_MS).toMs).toBe(NOW_MS);
  });
});

const entry = (metric_type: string, fields: Record<string, string | null>): CatalogueEntry => ({
  metric_type,
  labels: {},
  last_at: new Date(NOW_MS).toISOString(),
  fields: Object.entries(fields).map(([name, unit]) => ({ name, unit, kind: 'gauge' })),
});
const reply = (over: Partial<SeriesReply['series'][number]>): SeriesReply => ({
  from: '',
  to: '',
  resolution: 'raw',
  bucket_seconds: null,
  aggregation: 'mean',
  truncated: false,
  series: [
    {
      device_id: 'd',
      device_name: 'd',
      metric_type: 'cpu',
      field: 'percent',
      labels: {},
      unit: 'percent',
      t: [1000, 2000, 3000],
      v: [10, null, 30],
      min: [10, null, 30],
      max: [10, null, 30],
      ...over,
    },
  ],
});

describe('charts', () => {
  it('come in a fixed order, one for each unit of an own metric', () => {
    const charts = chartsOf(
      [
        entry('queue', { length: 'count', speed: 'jobs/s' }),
        entry('memory', { percent: 'percent' }),
        entry('cpu', { percent: 'percent' }),
      ],
      false,
    );
    expect(charts.map(({ title }) => title)).toEqual(['CPU', 'Memory', 'queue', 'queue (jobs/s)']);
  });

  it('show cores only on demand', () => {
    const catalogue = [entry('cpu_core', { '0': 'percent' })];
    expect(chartsOf(catalogue, false)).toEqual([]);
    expect(chartsOf(catalogue, true).map(({ title }) => title)).toEqual(['CPU cores']);
  });

  const [cpu] = chartsOf([entry('cpu', { percent: 'percent' })], false);
  if (cpu === undefined) throw new Error('no chart of the CPU');
  const streamed = (atMs: number, value: number) => ({
    timestamp: new Date(atMs).toISOString(),
    metric_type: 'cpu',
    value: { percent: value, other: 'text' },
  });

  it('keep gaps, and have a band only where buckets have one', () => {
    const [line] = linesOf(cpu, reply({}), 0);
    expect(line).toMatchObject({ v: [10, null, 30], min: [], max: [] });
    expect(linesOf(cpu, reply({ max: [12, null, 31] }), 0)[0]?.max).toEqual([12, null, 31]);
  });

  it('go on with streamed samples, each once, with a gap after a silence', () => {
    const lines = linesOf(cpu, reply({}), 0);
    const [line] = withStreamed(cpu, lines, [streamed(3000, 1), streamed(4000, 40), streamed(200_000, 50)]);
    expect(line?.v).toEqual([10, null, 30, 40, null, 50]);
    expect(withStreamed(cpu, linesOf(cpu, reply({}), 1), [streamed(4000, 40)])[0]?.v).toEqual([10, null, 30]);
  });

  it('name the nearest point, if it is near', () => {
    expect([nearest([1000, 2000, 3000], 1400, 500), nearest([1000, 2000, 3000], 1600, 500)]).toEqual([0, 1]);
    expect([nearest([1000], 9000, 500), nearest([], 0, 500)]).toEqual([-1, -1]);
    expect(extent([])).toBeNull();
  });
});

describe('hitParts', () => {
  it('cuts the text where rules begin and end, also where they overlap', () => {
    const parts = hitParts('abcdef', [
      { rule: 'x', start: 1, end: 4 },
      { rule: 'y', start: 3, end: 5 },
    ]);
    expect(parts.map(({ text, rules }) => [text, ...rules])).toEqual([
      ['a'],
      ['bc', 'x'],
      ['d', 'x', 'y'],
      ['e', 'y'],
      ['f'],
    ]);
  });

  it('keeps a text without hits whole', () => {
    expect(hitParts('abc', [])).toEqual([{ text: 'abc', rules: [] }]);
  });
});
