/** How much of a resource is used: a bar, a number, and words where it is nearly full. */
import { html, type TemplateResult } from 'lit';
import { percent } from '../format/quantity.ts';
import { meterTone } from '../format/status.ts';

export function meter(label: string, percentUsed: number | undefined): TemplateResult {
  if (percentUsed === undefined) {
    return html`<div class="meter is-absent"><span class="meter-label">${label}</span><span class="meter-value">–</span><div class="meter-track"></div></div>`;
  }
  const tone = meterTone(percentUsed);
  return html`
    <div class="meter tone-${tone}">
      <span class="meter-label">${label}</span>
      <span class="meter-value">${percent(percentUsed)}${tone === 'bad' ? html`<span class="visually-hidden"> nearly full</span>` : ''}</span>
      <div class="meter-track" role="meter" aria-label=${label} aria-valuenow=${percentUsed} aria-valuemin="0" aria-valuemax="100">
        <div class="meter-fill" .style=${`width: ${Math.max(1, percentUsed)}%`}></div>
      </div>
    </div>`;
}
