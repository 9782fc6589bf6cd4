/** The presence timeline as a band; the events stand in a table beside it for those who cannot see the band. */
import { html, svg, type TemplateResult } from 'lit';
import type { Segment } from '../format/presence-band.ts';
import { DEVICE_STATUS_LOOKS } from '../format/status.ts';

const WIDTH = 1000;
const HEIGHT = 40;
/** Thinner would not be seen. */
const MIN_WIDTH = 1.5;

export interface Tick {
  readonly atMs: number;
  readonly label: string;
}

export function presenceChart(
  segments: readonly Segment[],
  ticks: readonly Tick[],
  label: string,
): TemplateResult {
  const first = segments[0];
  const last = segments.at(-1);
  if (first === undefined || last === undefined) return html``;
  const spanMs = last.toMs - first.fromMs;
  const xOf = (ms: number) => ((ms - first.fromMs) / spanMs) * WIDTH;
  return html`
    <figure class="presence">
      <svg viewBox="0 0 ${WIDTH} ${HEIGHT}" preserveAspectRatio="none" role="img" aria-label=${label}>
        ${segments.map((segment) => {
          const observation = segment.observation ?? 'unknown';
          const words =
            segment.observation === null ? 'Not known' : DEVICE_STATUS_LOOKS[segment.observation].label;
          return svg`<rect class="presence-${observation}" x=${xOf(segment.fromMs)} y="0" width=${Math.max(MIN_WIDTH, xOf(segment.toMs) - xOf(segment.fromMs))} height=${HEIGHT}><title>${words}: ${new Date(segment.fromMs).toLocaleString()} – ${new Date(segment.toMs).toLocaleString()}</title></rect>`;
        })}
      </svg>
      <div class="presence-axis" aria-hidden="true">${ticks.map((tick) => html`<span>${tick.label}</span>`)}</div>
    </figure>`;
}
