/** One line chart on a canvas, by Chart.js: no animation, no date adapter, no inline styles but by property. */
import {
  Chart,
  type ChartDataset,
  LinearScale,
  LineController,
  LineElement,
  type Plugin,
  PointElement,
} from 'chart.js';
import type { ChartLine } from './chart-lines.ts';
import { extent } from './chart-lines.ts';
import type { Span } from './chart-range.ts';
import { metricValue, valueAxis } from './metric-units.ts';
import { timeTicks } from './time-axis.ts';

Chart.register(LineController, LineElement, PointElement, LinearScale);

/** Room that one label of the time axis takes. */
const TICK_PX = 84;
const LONE_POINT_PX = 2;
const BAND_ALPHA = 0.16;
/** Bands of more lines would hide each other. */
const MAX_BANDS = 6;
/** The same in every chart, so that one cursor stands at one place. */
const VALUE_AXIS_PX = 66;

export interface PictureInput {
  readonly lines: readonly ChartLine[];
  /** Colour of each line. */
  readonly colours: readonly string[];
  readonly unit: string | null;
  readonly span: Span;
  readonly ink: { readonly grid: string; readonly label: string };
}
export interface Picture {
  show(input: PictureInput): void;
  /** Where an instant stands on the canvas, in CSS pixels, and back. */
  pixelOf(atMs: number): number;
  instantAt(pixel: number): number;
  /** Inside of the axes, in CSS pixels. */
  readonly area: {
    readonly left: number;
    readonly right: number;
    readonly top: number;
    readonly bottom: number;
  };
  destroy(): void;
}

interface Point {
  readonly x: number;
  readonly y: number;
}
type LineChart = Chart<'line', Point[]>;

export function createPicture(canvas: HTMLCanvasElement): Picture {
  let shown: PictureInput | null = null;
  const bands: Plugin<'line'> = {
    id: 'bands',
    beforeDatasetsDraw: (drawn) => {
      if (shown !== null && shown.lines.length <= MAX_BANDS) drawBands(drawn, shown);
    },
  };
  const chart: LineChart = new Chart<'line', Point[]>(canvas, {
    type: 'line',
    data: { datasets: [] },
    plugins: [bands],
    options: {
      animation: false,
      responsive: true,
      maintainAspectRatio: false,
      parsing: false,
      normalized: true,
      events: [],
      layout: { padding: { top: 6, right: 10 } },
      scales: { x: { type: 'linear' }, y: { type: 'linear' } },
    },
  });

  return {
    show(input) {
      shown = input;
      const { grid, label } = input.ink;
      const range = extent(input.lines) ?? { low: 0, high: 0 };
      const axis = valueAxis(range.low, range.high, input.unit);
      const font = { family: 'Inter, system-ui, sans-serif', size: 11 };
      chart.data.datasets = input.lines.map((line, index) => dataset(line, input.colours[index] ?? label));
      chart.options.scales = {
        x: {
          type: 'linear',
          min: input.span.fromMs,
          max: input.span.toMs,
          border: { color: grid },
          grid: { color: grid, drawTicks: false },
          afterBuildTicks: (scale) => {
            const ticks = timeTicks(scale.min, scale.max, Math.max(2, Math.floor(scale.width / TICK_PX)));
            scale.ticks = ticks.map(({ atMs, label: text }) => ({ value: atMs, label: text }));
          },
          ticks: {
            color: label,
            font,
            maxRotation: 0,
            autoSkip: false,
            padding: 6,
            callback(value) {
              return this.ticks.find((tick) => tick.value === value)?.label ?? '';
            },
          },
        },
        y: {
          type: 'linear',
          min: axis.min,
          max: axis.max,
          border: { display: false },
          grid: { color: grid, drawTicks: false },
          afterFit: (scale) => {
            scale.width = VALUE_AXIS_PX;
          },
          ticks: {
            color: label,
            font,
            padding: 8,
            stepSize: axis.step,
            callback: (value) => metricValue(Number(value), input.unit),
          },
        },
      };
      chart.update('none');
    },
    pixelOf: (atMs) => chart.scales.x?.getPixelForValue(atMs) ?? 0,
    instantAt: (pixel) => Math.round(chart.scales.x?.getValueForPixel(pixel) ?? 0),
    get area() {
      const { left = 0, right = 0, top = 0, bottom = 0 } = chart.chartArea ?? {};
      return { left, right, top, bottom };
    },
    destroy: () => chart.destroy(),
  };
}

function dataset(line: ChartLine, colour: string): ChartDataset<'line', Point[]> {
  const isGap = (index: number): boolean => (line.v[index] ?? null) === null;
  return {
    label: line.name,
    data: line.t.map((x, index) => ({ x, y: line.v[index] ?? Number.NaN })),
    borderColor: colour,
    backgroundColor: colour,
    borderWidth: 1.75,
    borderDash: line.device === 1 ? [6, 4] : [],
    borderJoinStyle: 'round',
    // A point between two gaps has no line to be seen by.
    pointRadius: line.v.map((value, index) =>
      value !== null && isGap(index - 1) && isGap(index + 1) ? LONE_POINT_PX : 0,
    ),
    spanGaps: false,
    tension: 0,
  };
}

/** From the lowest to the highest of each bucket, behind the means. */
function drawBands(chart: Chart<'line'>, { lines, colours }: PictureInput): void {
  const { ctx, chartArea } = chart;
  const { x, y } = chart.scales;
  if (x === undefined || y === undefined) return;
  ctx.save();
  ctx.beginPath();
  ctx.rect(chartArea.left, chartArea.top, chartArea.right - chartArea.left, chartArea.bottom - chartArea.top);
  ctx.clip();
  ctx.globalAlpha = BAND_ALPHA;
  lines.forEach((line, index) => {
    ctx.fillStyle = colours[index] ?? 'transparent';
    for (const [from, to] of stretches(line)) {
      ctx.beginPath();
      for (let at = from; at < to; at += 1) {
        ctx.lineTo(x.getPixelForValue(line.t[at] ?? 0), y.getPixelForValue(line.max[at] ?? 0));
      }
      for (let at = to - 1; at >= from; at -= 1) {
        ctx.lineTo(x.getPixelForValue(line.t[at] ?? 0), y.getPixelForValue(line.min[at] ?? 0));
      }
      ctx.closePath();
      ctx.fill();
    }
  });
  ctx.restore();
}

/** Index ranges without a gap. */
function stretches({ min, max }: ChartLine): readonly (readonly [number, number])[] {
  const found: (readonly [number, number])[] = [];
  let from = -1;
  for (let index = 0; index <= min.length; index += 1) {
    const isThere = (min[index] ?? null) !== null && (max[index] ?? null) !== null;
    if (isThere && from < 0) from = index;
    if (!isThere && from >= 0) {
      found.push([from, index]);
      from = -1;
    }
  }
  return found;
}
