/** Sixty minutes as bars: a small picture beside its numbers. Dumb template. */
import { html, svg, type TemplateResult } from 'lit';

const WIDTH = 240;
const HEIGHT = 44;
const GAP = 1;
/** A minute with anything in it is seen, however tall the others are. */
const MIN_HEIGHT = 1.5;

export interface MinuteBars {
  readonly label: string;
  /** Of the whole picture, in words: the newest and the highest. */
  readonly value: string;
  readonly note: string;
  readonly minutes: readonly { readonly at: string; readonly value: number | null }[];
  readonly format: (value: number) => string;
  readonly tone: 'info' | 'warn' | 'bad' | 'good';
}

export function minuteBars(bars: MinuteBars): TemplateResult {
  const highest = Math.max(1, ...bars.minutes.map(({ value }) => value ?? 0));
  const step = WIDTH / Math.max(1, bars.minutes.length);
  return html`<div class="minute-bars tone-${bars.tone}">
    <div class="minute-head"><span class="tile-label">${bars.label}</span><span class="fine">${bars.note}</span></div>
    <span class="tile-count">${bars.value}</span>
    <svg viewBox="0 0 ${WIDTH} ${HEIGHT}" preserveAspectRatio="none" role="img" aria-label="${bars.label} of the last hour: ${bars.value}, ${bars.note}">
      ${bars.minutes.map(({ at, value }, index) => {
        if (value === null || value === 0) return svg``;
        const height = Math.max(MIN_HEIGHT, (value / highest) * HEIGHT);
        return svg`<rect x=${index * step} y=${HEIGHT - height} width=${Math.max(0.5, step - GAP)} height=${height}><title>${new Date(at).toLocaleTimeString()}: ${bars.format(value)}</title></rect>`;
      })}
    </svg>
  </div>`;
}
