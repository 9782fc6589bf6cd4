/** The presence card of a device: band, share of time online, and the events behind it. */
import { html, nothing, type TemplateResult } from 'lit';
import type { Observation, PresenceEventView } from '#web-api';
import { presenceChart } from '../components/presence-chart.ts';
import { statusPill } from '../components/status-pill.ts';
import { onlinePercent, presenceBand, presenceReason } from '../format/presence-band.ts';
import { percent } from '../format/quantity.ts';
import { DEVICE_STATUS_LOOKS } from '../format/status.ts';
import { dateTime } from '../format/time.ts';
import { card } from './device-cards.ts';

export const PRESENCE_SPANS = {
  day: { label: '24 hours', hours: 24 },
  week: { label: '7 days', hours: 168 },
} as const;
export type PresenceSpan = keyof typeof PRESENCE_SPANS;
const TICKS = 7;
/** From here on the axis names days, not hours. */
const DAYS_AXIS_MS = 2 * 86_400_000;
/** Events in the table; the band shows all that were fetched. */
const MAX_LISTED_EVENTS = 50;

export interface PresenceCard {
  readonly events: readonly PresenceEventView[] | null;
  readonly observation: Observation;
  readonly span: PresenceSpan;
  /** The band of a young device begins with it. */
  readonly registeredAt: string;
  readonly nowMs: number;
  readonly failure: TemplateResult | typeof nothing;
  readonly onSpan: (span: PresenceSpan) => void;
}

export function presenceCard(input: PresenceCard): TemplateResult {
  const spans = html`<div class="segmented" role="group" aria-label="Time span">
    ${(Object.keys(PRESENCE_SPANS) as PresenceSpan[]).map(
      (span) =>
        html`<button type="button" aria-pressed=${span === input.span ? 'true' : 'false'} @click=${() => input.onSpan(span)}>${PRESENCE_SPANS[span].label}</button>`,
    )}
  </div>`;
  return card('Presence', body(input), { aside: spans });
}

function body({ events, observation, span, registeredAt, nowMs, failure }: PresenceCard): TemplateResult {
  if (failure !== nothing) return html`${failure}`;
  if (events === null) return html`<div class="skeleton-row"><span class="bar bar-a"></span></div>`;
  const fromMs = Math.max(nowMs - PRESENCE_SPANS[span].hours * 3_600_000, Date.parse(registeredAt));
  const changes = events.filter((event) => Date.parse(event.at) >= fromMs);
  const segments = presenceBand(events, fromMs, nowMs, observation);
  const share = onlinePercent(segments);
  const kinds = [...new Set(segments.map((segment) => segment.observation))];
  const label = `Presence in the last ${PRESENCE_SPANS[span].label}${share === null ? '' : `: reachable ${percent(round(share))} of the time`}`;
  return html`
    ${presenceChart(segments, ticks(fromMs, nowMs), label)}
    <ul class="legend">
      ${share === null ? nothing : html`<li><b>${percent(round(share))}</b> reachable</li>`}
      ${kinds.map(
        (kind) =>
          html`<li><svg viewBox="0 0 10 10" aria-hidden="true"><rect class="presence-${kind ?? 'unknown'}" width="10" height="10"></rect></svg>${kind === null ? 'Not known' : DEVICE_STATUS_LOOKS[kind].label}</li>`,
      )}
    </ul>
    <details class="card-details">
      <summary>${changes.length === 0 ? 'No change in this time' : `Changes (${changes.length})`}</summary>
      ${
        changes.length === 0
          ? nothing
          : html`<table class="table auto">
              <thead><tr><th scope="col">Time</th><th scope="col">Became</th><th scope="col">Because</th></tr></thead>
              <tbody>
                ${changes.slice(0, MAX_LISTED_EVENTS).map(
                  (event) => html`<tr class="row">
                    <td data-label="Time"><div class="cell">${dateTime(event.at)}</div></td>
                    <td data-label="Became"><div class="cell">${statusPill(DEVICE_STATUS_LOOKS[event.to])}</div></td>
                    <td data-label="Because"><div class="cell">${presenceReason(event.reason)}</div></td>
                  </tr>`,
                )}
              </tbody>
            </table>`
      }
    </details>`;
}

/** Never 100 % where something was missing. */
const round = (share: number): number => (share > 99.9 && share < 100 ? 99.9 : Math.round(share * 10) / 10);

function ticks(fromMs: number, toMs: number) {
  const isDays = toMs - fromMs > DAYS_AXIS_MS;
  return Array.from({ length: TICKS }, (_, index) => {
    const atMs = fromMs + ((toMs - fromMs) * index) / (TICKS - 1);
    const date = new Date(atMs);
    const label = isDays
      ? date.toLocaleDateString(undefined, { weekday: 'short', day: 'numeric' })
      : date.toLocaleTimeString(undefined, { hour: '2-digit', minute: '2-digit' });
    return { atMs, label: index === TICKS - 1 ? 'Now' : label };
  });
}
