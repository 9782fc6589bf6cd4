/** The cards of the dashboard. Dumb templates. */
import { html, nothing, type TemplateResult } from 'lit';
import type { Dashboard, DeviceType } from '#web-api';
import { type IconName, icon } from '../components/icons.ts';
import { minuteBars } from '../components/minute-bars.ts';
import { statusPill } from '../components/status-pill.ts';
import { bytes, count, percent } from '../format/quantity.ts';
import { DEVICE_STATUS_LOOKS, DEVICE_TYPE_LABELS, meterTone, SUMMARY_ORDER } from '../format/status.ts';
import { duration } from '../format/time.ts';
import { devicePath, deviceTabPath, PAGES } from '../state/addresses.ts';
import { card } from './device-cards.ts';

const ALWAYS_SHOWN: ReadonlySet<string> = new Set(['online', 'degraded', 'error', 'offline']);
type TopDevice = Dashboard['top']['cpu_percent'][number];
type Minute = Dashboard['ingest']['minutes'][number];

/** Milliseconds as people read them: `840 ms`, `2.4 s`, `3 min`. */
export const span = (ms: number): string =>
  ms < 1000 ? `${Math.round(ms)} ms` : ms < 60_000 ? `${(ms / 1000).toFixed(1)} s` : duration(ms / 1000);

export const statusTiles = ({ total, by_status }: Dashboard): TemplateResult => html`
  <nav class="tiles" aria-label="Fleet by status">
    ${tile('All devices', total, 'accent', 'devices', PAGES.devices)}
    ${SUMMARY_ORDER.filter((status) => ALWAYS_SHOWN.has(status) || (by_status[status] ?? 0) > 0).map(
      (status) => {
        const look = DEVICE_STATUS_LOOKS[status];
        return tile(
          look.label,
          by_status[status] ?? 0,
          look.tone,
          look.icon,
          `${PAGES.devices}?status=${status}`,
        );
      },
    )}
  </nav>`;

const tile = (
  label: string,
  value: number,
  tone: string,
  name: IconName,
  href: string,
): TemplateResult => html`
  <a class="tile tone-${tone} ${value === 0 ? 'is-zero' : ''}" href=${href}>
    <span class="tile-label">${icon(name)}${label}</span>
    <span class="tile-count">${value.toLocaleString()}</span>
  </a>`;

export const typeCard = ({ by_type, total }: Dashboard): TemplateResult =>
  card(
    'By type',
    html`<ul class="bar-list">
      ${(Object.keys(DEVICE_TYPE_LABELS) as DeviceType[]).map((type) => {
        const value = by_type[type] ?? 0;
        return bar(
          DEVICE_TYPE_LABELS[type],
          `${PAGES.devices}?type=${type}`,
          value.toLocaleString(),
          (100 * value) / Math.max(1, total),
          'info',
        );
      })}
    </ul>`,
    { isFlush: true },
  );

const TOP_CARDS = [
  ['cpu_percent', 'CPU'],
  ['memory_percent', 'memory'],
  ['disk_percent', 'disk'],
  ['gpu_percent', 'GPU'],
] as const satisfies readonly (readonly [keyof Dashboard['top'], string])[];

export const topCards = ({ top }: Dashboard): TemplateResult[] =>
  TOP_CARDS.filter(([name]) => name !== 'gpu_percent' || top[name].length > 0).map(([name, label]) =>
    card(
      `Highest ${label} use`,
      top[name].length === 0
        ? html`<p class="quiet">No device reports it.</p>`
        : html`<ul class="bar-list">
            ${top[name].map((device) => bar(device.device_name, deviceTabPath(device.device_id, 'metrics'), percent(device.value), device.value, meterTone(device.value)))}
          </ul>`,
      { isFlush: top[name].length > 0 },
    ),
  );

const bar = (label: string, href: string, value: string, share: number, tone: string): TemplateResult => html`
  <li>
    <a href=${href} title=${label}>${label}</a><span class="meter-value">${value}</span>
    <div class="meter-track tone-${tone}"><div class="meter-fill" .style=${`width: ${Math.min(100, Math.max(0.5, share))}%`}></div></div>
  </li>`;

export function ingestCard({ ingest }: Dashboard, mayDeadLetters: boolean): TemplateResult {
  const { minutes } = ingest;
  // The newest minute has only begun.
  const last = minutes.at(-2);
  const highest = (pick: (minute: Minute) => number | null) =>
    Math.max(0, ...minutes.map((minute) => pick(minute) ?? 0));
  const amount = (label: string, pick: (minute: Minute) => number, tone: 'info' | 'bad' | 'warn' = 'info') =>
    minuteBars({
      label,
      tone,
      value: `${(last === undefined ? 0 : pick(last)).toLocaleString()} / min`,
      note: `at most ${highest(pick).toLocaleString()}`,
      minutes: minutes.map((minute) => ({ at: minute.at, value: pick(minute) })),
      format: (value) => value.toLocaleString(),
    });
  const delay = (label: string, pick: (minute: Minute) => number | null) => {
    const value = last === undefined ? null : pick(last);
    return minuteBars({
      label,
      tone: 'good',
      value: value === null ? '–' : span(value),
      note: `at most ${span(highest(pick))}`,
      minutes: minutes.map((minute) => ({ at: minute.at, value: pick(minute) })),
      format: span,
    });
  };
  return card(
    'Ingest',
    html`<div class="minute-grid">
        ${amount('Messages', (minute) => minute.messages)} ${amount('Points', (minute) => minute.points)}
        ${amount('Log lines', (minute) => minute.log_lines)}
        ${delay('Device to database', (minute) => minute.lag_ms_max)}
        ${delay('Commit time', (minute) => minute.commit_ms_max)}
        ${amount('Duplicates left out', (minute) => minute.duplicates)}
        ${amount('Dead letters', (minute) => minute.dead_letters, 'bad')}
      </div>
      <ul class="fact-row">
        <li>${mayDeadLetters ? html`<a href=${PAGES['dead-letters']}>${count(ingest.dead_letters_24h, 'dead letter')}</a>` : count(ingest.dead_letters_24h, 'dead letter')} in 24 h</li>
        <li>${count(ingest.errors_24h, 'error line')} in 24 h</li>
        ${ingest.rollup_lag_seconds === null ? nothing : html`<li>Summed up until ${duration(ingest.rollup_lag_seconds)} ago</li>`}
      </ul>`,
  );
}

export function outboxCard({ outboxes }: Dashboard): TemplateResult {
  const { devices_with_backlog, records, dropped, worst } = outboxes;
  return card(
    'Waiting on devices',
    devices_with_backlog === 0 && dropped === 0
      ? html`<p class="quiet">Every outbox is empty: what was measured is here.</p>`
      : html`
          <ul class="fact-row pad">
            <li>${count(devices_with_backlog, 'device')} with a backlog</li>
            <li>${count(records, 'record')}, ${bytes(outboxes.bytes)}</li>
            ${dropped > 0 ? html`<li class="error-text">${icon('alert')}${count(dropped, 'record')} given up</li>` : nothing}
          </ul>
          ${deviceRows(worst, (value) => count(value, 'record'))}`,
    { isFlush: devices_with_backlog > 0 || dropped > 0 },
  );
}

export const skewCard = ({ skewed_clocks }: Dashboard): TemplateResult =>
  card(
    'Clocks that are off',
    skewed_clocks.length === 0
      ? html`<p class="quiet">No clock is off by two minutes or more.</p>`
      : deviceRows(skewed_clocks, (ms) => `${span(Math.abs(ms))} ${ms > 0 ? 'ahead' : 'behind'}`),
    { isFlush: skewed_clocks.length > 0 },
  );

const deviceRows = (devices: readonly TopDevice[], format: (value: number) => string): TemplateResult => html`
  <ul class="service-list">
    ${devices.map(
      (device) => html`<li>
        <div class="names"><a href=${devicePath(device.device_id)}>${device.device_name}</a><div class="fine">${format(device.value)}</div></div>
        ${statusPill(DEVICE_STATUS_LOOKS[device.status])}
      </li>`,
    )}
  </ul>`;
