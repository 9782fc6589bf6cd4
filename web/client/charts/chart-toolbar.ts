/** Above the charts: the stretch of time, zoom, comparison and export. Dumb templates. */
import { html, nothing, type TemplateResult } from 'lit';
import { live } from 'lit/directives/live.js';
import { type IconName, icon } from '../components/icons.ts';
import type { Tone } from '../format/status.ts';
import { fromLocalInput, toLocalInput } from '../logs/log-view.ts';
import { type ChartView, RANGE_NAMES, RANGES, type Span } from './chart-range.ts';
import type { ChartStep } from './time-chart.ts';

export interface ChartToolbar {
  readonly view: ChartView;
  readonly span: Span;
  readonly state: { readonly label: string; readonly tone: Tone; readonly icon: IconName };
  readonly canShowCores: boolean;
  readonly compared: string | null;
  readonly picker: TemplateResult | typeof nothing;
  readonly exports: readonly { readonly label: string; readonly href: string }[];
  readonly onChange: (change: Partial<ChartView>) => void;
  readonly onStep: (step: ChartStep) => void;
  readonly onCompare: () => void;
}

const STEPS: readonly { step: ChartStep; icon: IconName; label: string }[] = [
  { step: 'earlier', icon: 'arrow-left', label: 'Earlier' },
  { step: 'in', icon: 'zoom-in', label: 'Zoom in' },
  { step: 'out', icon: 'zoom-out', label: 'Zoom out' },
  { step: 'later', icon: 'arrow-right', label: 'Later' },
];

export const chartToolbar = (bar: ChartToolbar): TemplateResult => html`
  <div class="chart-bar card">
    <div class="segmented" role="group" aria-label="Range">
      ${RANGE_NAMES.map(
        (name) =>
          html`<button type="button" aria-pressed=${bar.view.range === name && bar.view.zoom === null ? 'true' : 'false'} @click=${() => bar.onChange({ range: name, custom: null, zoom: null })}>${RANGES[name].label}</button>`,
      )}
    </div>
    <div class="chart-steps" role="group" aria-label="Zoom and move">
      ${STEPS.map(
        ({ step, icon: name, label }) =>
          html`<button type="button" class="icon-button" aria-label=${label} title=${label} @click=${() => bar.onStep(step)}>${icon(name)}</button>`,
      )}
      ${bar.view.zoom === null ? nothing : html`<button type="button" class="button small" @click=${() => bar.onStep('reset')}>Reset zoom</button>`}
    </div>
    <details class="log-times" ?open=${bar.view.custom !== null}>
      <summary class="button small">${icon('clock')}From–to</summary>
      <form class="log-time-fields" @submit=${(event: SubmitEvent) => submitSpan(event, bar)}>
        <label class="log-field" for="chart-from">From
          <input class="input" id="chart-from" name="from" type="datetime-local" step="1" required .value=${live(toLocalInput(iso(bar.span.fromMs)))} /></label>
        <label class="log-field" for="chart-to">To
          <input class="input" id="chart-to" name="to" type="datetime-local" step="1" required .value=${live(toLocalInput(iso(bar.span.toMs)))} /></label>
        <button type="submit" class="button small">Show</button>
      </form>
    </details>
    ${bar.canShowCores ? html`<label class="check"><input type="checkbox" .checked=${live(bar.view.showsCores)} @change=${() => bar.onChange({ showsCores: !bar.view.showsCores })} />Each core</label>` : nothing}
    <span class="chart-compare">
      ${
        bar.compared === null
          ? html`<button type="button" class="button small" aria-expanded=${bar.picker === nothing ? 'false' : 'true'} @click=${bar.onCompare}>${icon('plus')}Compare</button>`
          : html`<span class="tag">with ${bar.compared}<button type="button" aria-label="Stop comparing" @click=${() => bar.onChange({ compare: '' })}>${icon('cross')}</button></span>`
      }
      ${bar.picker}
    </span>
    <span class="chart-end">
      <span class="pill tone-${bar.state.tone}" role="status">${icon(bar.state.icon)}${bar.state.label}</span>
      ${bar.exports.map(({ label, href }) => html`<a class="button small" href=${href} download title="The shown stretch, as it was sent">${icon('download')}${label}</a>`)}
    </span>
  </div>`;

function submitSpan(event: SubmitEvent, bar: ChartToolbar): void {
  event.preventDefault();
  if (!(event.currentTarget instanceof HTMLFormElement)) return;
  const form = new FormData(event.currentTarget);
  const fromMs = Date.parse(fromLocalInput(String(form.get('from') ?? '')));
  const toMs = Date.parse(fromLocalInput(String(form.get('to') ?? '')));
  if (toMs > fromMs) bar.onChange({ range: null, custom: { fromMs, toMs }, zoom: null });
}

const iso = (ms: number): string => new Date(ms).toISOString();
