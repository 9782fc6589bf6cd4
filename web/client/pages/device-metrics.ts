/** The Metrics tab of a device: charts of what it measures, live, over any range (SD-U5). */
import { html, nothing, type PropertyDeclarations } from 'lit';
import type { MetricRecord } from '#contract';
import { type CatalogueEntry, type DeviceDetail, ROUTES } from '#web-api';
import { type ChartLine, linesOf, MAX_LINES, withStreamed } from '../charts/chart-lines.ts';
import {
  type ChartView,
  MAX_STREAMED_MS,
  moved,
  readChartView,
  type Span,
  spanOf,
  writeChartView,
  zoomed,
} from '../charts/chart-range.ts';
import { chartToolbar } from '../charts/chart-toolbar.ts';
import { type ChartSpec, CORES_TYPE, chartsOf } from '../charts/metric-charts.ts';
import { SeriesReader } from '../charts/series-reader.ts';
import '../charts/time-chart.ts';
import type { ChartStep } from '../charts/time-chart.ts';
import { icon } from '../components/icons.ts';
import { emptyState, errorState, skeletonRows } from '../components/states.ts';
import { addressOf } from '../data/api.ts';
import { type DeviceStream, openDeviceStream, type StreamState } from '../data/device-stream.ts';
import { deviceTabPath } from '../state/addresses.ts';
import { Resource } from '../state/resource.ts';
import { ConsolePage } from './console-page.ts';
import { DevicePicker } from './device-picker.ts';

/** A chart is some 600 pixels wide: more points would not be seen. */
const MAX_POINTS = 600;
/** Series that end now are read again at most so often. */
const REFETCH_MS = 5000;
const MAX_STREAMED_RECORDS = 20_000;
const ZOOM_FACTOR = 0.5;
const NO_LINES: readonly ChartLine[] = [];
const MOVE_SHARE = 0.5;

export class DeviceMetrics extends ConsolePage {
  static override properties: PropertyDeclarations = {
    ...ConsolePage.properties,
    device: { attribute: false },
    _cursorMs: { state: true },
  };
  declare device: DeviceDetail;
  declare _cursorMs: number | null;
  readonly #catalogue = new Resource<readonly CatalogueEntry[]>(this, async (signal) => {
    const params = { device_id: this.device.id };
    return (await this.context.api.call('metrics.catalogue', { params, signal })).items;
  });
  readonly #other = new Resource<{ id: string; name: string; catalogue: readonly CatalogueEntry[] }>(
    this,
    async (signal) => {
      const params = { device_id: this.#view.compare };
      const [device, catalogue] = await Promise.all([
        this.context.api.call('devices.get', { params, signal }),
        this.context.api.call('metrics.catalogue', { params, signal }),
      ]);
      return { id: device.id, name: device.device_name, catalogue: catalogue.items };
    },
  );
  readonly #series = new SeriesReader(this, ({ deviceId, metricType }, span, signal) =>
    this.context.api.call('metrics.device', {
      params: { device_id: deviceId },
      query: {
        metric_type: metricType,
        from: new Date(span.fromMs).toISOString(),
        to: new Date(span.toMs).toISOString(),
        max_points: MAX_POINTS,
      },
      signal,
    }),
  );
  readonly #picker = new DevicePicker(this, {
    context: () => this.context,
    organizationId: () => this.device.organization_id,
    exceptId: () => this.device.id,
    onPick: (device) => this.#show({ compare: device.id }),
  });
  #view: ChartView = readChartView(new URLSearchParams());
  #endMs = Date.now();
  #streamed: MetricRecord[] = [];
  #stream: DeviceStream | null = null;
  #streamState: StreamState = 'waiting';
  #refetch: ReturnType<typeof setTimeout> | undefined;
  #frame: number | null = null;
  /** Lines of each chart; made anew only when series or streamed records came. */
  #lines = new Map<string, readonly ChartLine[]>();
  /** Charts that have more lines than are drawn. */
  readonly #cut = new Set<string>();

  protected override open() {
    this.#view = readChartView(this.location.search);
    this._cursorMs = null;
    void this.#begin();
    document.addEventListener('visibilitychange', this.#followLive);
    return [
      this.context.live.onEvent((event) => {
        if (event.kind === 'devices.seen' && event.device_ids.includes(this.device.id)) this.#reloadSoon();
      }),
      this.context.live.onResumed(() => void this.#begin()),
      () => document.removeEventListener('visibilitychange', this.#followLive),
      () => this.#stopStream(),
      () => clearTimeout(this.#refetch),
    ];
  }

  override willUpdate(changed: Map<string, unknown>) {
    if (!changed.has('location') || changed.get('location') === undefined) return;
    const before = this.#view;
    this.#view = readChartView(this.location.search);
    if (before.compare !== this.#view.compare) void this.#begin();
    else void this.#load();
    this.#followLive();
  }

  override render() {
    const catalogue = this.#catalogue.value;
    if (catalogue === null) {
      const error = this.#catalogue.error;
      return html`<div class="card">${error === null ? skeletonRows(8, 'Loading measurements') : errorState(error, () => void this.#begin())}</div>`;
    }
    const charts = this.#charts();
    const other = this.#otherDevice();
    return html`
      ${chartToolbar({
        view: this.#view,
        span: this.#span(),
        state: this.#liveState(),
        canShowCores: catalogue.some((entry) => entry.metric_type === CORES_TYPE),
        compared: this.#view.compare === '' ? null : (other?.name ?? '…'),
        picker: this.#picker.render(),
        exports: this.#exports(),
        onChange: (change) => this.#show(change),
        onStep: (step) => this.#step(step),
        onCompare: () => this.#picker.toggle(),
      })}
      ${this.#other.error === null || this.#view.compare === '' ? nothing : html`<div class="callout tone-bad" role="alert">${icon('alert')}<div>The device to compare with: ${this.#other.error.message}</div></div>`}
      ${
        charts.length === 0
          ? html`<div class="card">${emptyState({ icon: 'pulse', title: 'No measurement yet', text: 'The first values show up here with the agent’s next batch.' })}</div>`
          : html`<div class="chart-grid" aria-busy=${this.#series.isLoading ? 'true' : 'false'}>${charts.map((chart) => this.#chart(chart))}</div>`
      }`;
  }

  #chart(chart: ChartSpec) {
    const result = this.#series.resultOf({ deviceId: this.device.id, metricType: chart.metricType });
    const shownSpan =
      this.#view.zoom === null && this.#view.custom === null
        ? this.#span()
        : (this.#series.span ?? this.#span());
    // The same array until something came: each new one is painted anew.
    const lines = this.#lines.get(chart.key) ?? NO_LINES;
    const other = this.#otherDevice();
    const isCut = this.#cut.has(chart.key) || (result?.kind === 'there' && result.reply.truncated);
    return html`<section class="card chart-card" aria-label=${chart.title}>
      ${
        result === undefined
          ? html`<h2>${chart.title}</h2><div class="skeleton-list chart-skeleton" role="status" aria-label="Loading ${chart.title}"><span class="bar"></span></div>`
          : result.kind === 'failed'
            ? errorState(result.error, () => void this.#load())
            : html`<oc-time-chart
                .heading=${chart.title}
                .lines=${lines}
                .unit=${chart.unit}
                .fromMs=${shownSpan.fromMs}
                .toMs=${shownSpan.toMs}
                .cursorMs=${this._cursorMs}
                .deviceNames=${other === null ? [] : [this.device.device_name, other.name]}
                .note=${noteOf(isCut, result.reply.bucket_seconds, lines.length === 0)}
                @oc-cursor=${this._moveCursor}
                @oc-zoom=${(event: CustomEvent<Span>) => this.#show({ zoom: event.detail })}
                @oc-step=${(event: CustomEvent<ChartStep>) => this.#step(event.detail)}
              ></oc-time-chart>`
      }
    </section>`;
  }

  #charts(): readonly ChartSpec[] {
    const other = this.#otherDevice();
    return chartsOf([...(this.#catalogue.value ?? []), ...(other?.catalogue ?? [])], this.#view.showsCores);
  }

  #otherDevice() {
    const other = this.#other.value;
    return this.#view.compare !== '' && other?.id === this.#view.compare ? other : null;
  }

  #span() {
    return spanOf(this.#view, this.#endMs);
  }

  async #begin() {
    await Promise.all([
      this.#catalogue.load(),
      this.#view.compare === '' ? undefined : this.#other.load({ forget: true }),
    ]);
    await this.#load();
    this.#followLive();
  }

  async #load() {
    this.#endMs = Date.now();
    const types = [...new Set(this.#charts().map((chart) => chart.metricType))];
    const devices = [this.device.id, ...(this.#otherDevice() === null ? [] : [this.#view.compare])];
    const questions = types.flatMap((metricType) => devices.map((deviceId) => ({ deviceId, metricType })));
    await this.#series.load(questions, this.#span());
    this.#draw();
  }

  /** Lines anew from series and streamed records; what is older than the stretch goes. */
  #draw() {
    const fromMs = this.#span().fromMs;
    this.#streamed = this.#streamed
      .filter((record) => Date.parse(record.timestamp) >= fromMs)
      .slice(-MAX_STREAMED_RECORDS);
    const streamed = this.#span().isLive ? this.#streamed : [];
    this.#cut.clear();
    this.#lines = new Map(
      this.#charts().map((chart) => {
        const stored = this.#storedLines(chart);
        if (stored.length > MAX_LINES) this.#cut.add(chart.key);
        return [chart.key, withStreamed(chart, stored.slice(0, MAX_LINES), streamed)];
      }),
    );
    this.requestUpdate();
  }

  #storedLines(chart: ChartSpec): readonly ChartLine[] {
    const other = this.#otherDevice();
    const ids = [this.device.id, ...(other === null ? [] : [other.id])];
    return ids.flatMap((deviceId, index) => {
      const result = this.#series.resultOf({ deviceId, metricType: chart.metricType });
      return result?.kind === 'there' ? linesOf(chart, result.reply, index === 0 ? 0 : 1) : [];
    });
  }

  /** Streams only while somebody looks at a short stretch that ends now. */
  #followLive = () => {
    const span = this.#span();
    const isWanted =
      span.isLive && span.toMs - span.fromMs <= MAX_STREAMED_MS && document.visibilityState !== 'hidden';
    if (!isWanted) this.#stopStream();
    if (!isWanted || this.#stream !== null || !this.isConnected) return;
    this.#stream = openDeviceStream({
      address: addressOf(ROUTES['live.stream'].path, {
        params: { device_id: this.device.id },
        query: { stream: 'metrics' },
      }),
      open: this.context.openStream,
      random: Math.random,
      onState: (state) => {
        this.#streamState = state;
        this.requestUpdate();
      },
      onUpdate: (update) => {
        if (update.kind !== 'metrics') return;
        this.#streamState = 'streaming';
        this.#streamed.push(...update.records);
        this.#drawSoon();
      },
    });
  };

  #stopStream() {
    this.#stream?.stop();
    this.#stream = null;
  }

  #drawSoon() {
    this.#frame ??= requestAnimationFrame(() => {
      this.#frame = null;
      this.#endMs = Date.now();
      this.#draw();
    });
  }

  #reloadSoon() {
    const span = this.#span();
    if (!span.isLive || document.visibilityState === 'hidden') return;
    // A pixel of a long range is minutes: no need to ask with every beat.
    const waitMs = Math.max(REFETCH_MS, (span.toMs - span.fromMs) / MAX_POINTS);
    this.#refetch ??= setTimeout(() => {
      this.#refetch = undefined;
      void this.#load();
    }, waitMs);
  }

  #liveState() {
    const span = this.#span();
    if (!span.isLive) return { label: 'Fixed range', tone: 'quiet', icon: 'clock' } as const;
    if (this.#stream === null) return { label: 'Follows', tone: 'good', icon: 'refresh' } as const;
    const looks = {
      waiting: { label: 'Waiting', tone: 'warn', icon: 'clock' },
      streaming: { label: 'Live', tone: 'good', icon: 'pulse' },
      offline: { label: 'Device offline', tone: 'quiet', icon: 'moon' },
      lost: { label: 'No live stream', tone: 'warn', icon: 'unlink' },
    } as const;
    return looks[this.#streamState];
  }

  #step(step: ChartStep) {
    const span = this.#span();
    const middleMs = this._cursorMs ?? (span.fromMs + span.toMs) / 2;
    const nowMs = Date.now();
    const zoom = {
      in: () => zoomed(span, ZOOM_FACTOR, middleMs),
      out: () => moved(zoomed(span, 1 / ZOOM_FACTOR, middleMs), 0, nowMs),
      earlier: () => moved(span, -MOVE_SHARE, nowMs),
      later: () => moved(span, MOVE_SHARE, nowMs),
      reset: () => null,
    }[step]();
    this.#show({ zoom });
  }

  #show(change: Partial<ChartView>) {
    const address = deviceTabPath(this.device.id, 'metrics') + writeChartView({ ...this.#view, ...change });
    this.context.router.go(address, { replace: true });
  }

  private _moveCursor = (event: CustomEvent<number | null>) => {
    this._cursorMs = event.detail;
  };

  #exports() {
    const { fromMs, toMs } = this.#span();
    const devices = [this.device.id, ...(this.#view.compare === '' ? [] : [this.#view.compare])];
    const query = {
      device_ids: devices.join(','),
      from: new Date(fromMs).toISOString(),
      to: new Date(toMs).toISOString(),
    };
    return (['csv', 'ndjson'] as const).map((format) => ({
      label: format === 'csv' ? 'CSV' : 'NDJSON',
      href: addressOf(ROUTES['metrics.export'].path, { query: { ...query, format } }),
    }));
  }
}

function noteOf(isCut: boolean, bucketSeconds: number | null, isEmpty: boolean): string {
  if (isEmpty) return 'Nothing in this stretch';
  if (isCut) return 'More than can be shown; some is left out';
  if (bucketSeconds === null) return '';
  const text =
    bucketSeconds % 86_400 === 0
      ? `${bucketSeconds / 86_400} d`
      : bucketSeconds % 3600 === 0
        ? `${bucketSeconds / 3600} h`
        : bucketSeconds % 60 === 0
          ? `${bucketSeconds / 60} min`
          : `${bucketSeconds} s`;
  return `Mean of ${text}, band from lowest to highest`;
}

customElements.define('oc-device-metrics', DeviceMetrics);
declare global {
  interface HTMLElementTagNameMap {
    'oc-device-metrics': DeviceMetrics;
  }
}
