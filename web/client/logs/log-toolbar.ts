/** Above the log: search, filters, place in time, and what is going on. Dumb templates. */
import { html, nothing, type TemplateResult } from 'lit';
import { live } from 'lit/directives/live.js';
import { LOG_LEVELS, type LogLevel } from '#contract';
import { type IconName, icon } from '../components/icons.ts';
import { LEVEL_LOOKS } from '../format/log-level.ts';
import type { Tone } from '../format/status.ts';
import type { TailState } from './log-reader.ts';
import { visibleText } from './log-text.ts';
import {
  fromLocalInput,
  isLogFiltered,
  type LogViewState,
  MAX_LOG_SEARCH,
  toLocalInput,
} from './log-view.ts';

export interface LogToolbar {
  readonly view: LogViewState;
  readonly services: readonly string[];
  readonly tail: TailState;
  readonly isPaused: boolean;
  readonly exports: readonly { readonly label: string; readonly href: string }[];
  readonly onSearch: (text: string) => void;
  readonly onChange: (change: Partial<LogViewState>) => void;
  readonly onPause: (isPaused: boolean) => void;
}

const TAIL_LOOKS: Readonly<Record<TailState, { label: string; tone: Tone; meaning: string }>> = {
  waiting: {
    label: 'Waiting',
    tone: 'warn',
    meaning: 'The device is asked to stream; it has not answered yet.',
  },
  streaming: { label: 'Streaming', tone: 'good', meaning: 'New lines show up as they are written.' },
  offline: { label: 'Device offline', tone: 'quiet', meaning: 'New lines show up when the device is back.' },
  lost: { label: 'No live stream', tone: 'warn', meaning: 'Trying again; stored lines still show up.' },
  paused: { label: 'Paused', tone: 'quiet', meaning: 'Nothing is streamed until you go on.' },
  history: { label: 'Looking back', tone: 'info', meaning: 'Older lines; nothing is streamed.' },
};

const chosenValue = (event: Event): string =>
  event.currentTarget instanceof HTMLInputElement || event.currentTarget instanceof HTMLSelectElement
    ? event.currentTarget.value
    : '';

export const logToolbar = (bar: LogToolbar): TemplateResult => html`
  <div class="log-bar" role="search" aria-label="Log lines">
    <div class="search">
      ${icon('search')}
      <input
        class="input"
        type="search"
        aria-label="Search the messages"
        aria-describedby="log-syntax"
        placeholder="Search the messages"
        maxlength=${MAX_LOG_SEARCH}
        .value=${live(bar.view.text)}
        @input=${(event: Event) => bar.onSearch(chosenValue(event))}
      />
    </div>
    <select class="select" aria-label="Service" @change=${(event: Event) => bar.onChange({ service: chosenValue(event) })}>
      <option value="" ?selected=${bar.view.service === ''}>All services</option>
      ${[...new Set([...bar.services, ...(bar.view.service === '' ? [] : [bar.view.service])])].map(
        (service) =>
          html`<option value=${service} ?selected=${service === bar.view.service}>${visibleText(service)}</option>`,
      )}
    </select>
    <div class="segmented levels" role="group" aria-label="Levels">
      ${LOG_LEVELS.map((level) => levelButton(bar, level))}
    </div>
    <details class="log-times" ?open=${bar.view.from !== '' || bar.view.to !== ''}>
      <summary class="button small">${icon('clock')}Time</summary>
      <div class="log-time-fields">
        ${timeField('From', 'log-from', bar.view.from, (from) => bar.onChange({ from, at: '', line: '' }))}
        ${timeField('To', 'log-to', bar.view.to, (to) => bar.onChange({ to, at: '', line: '' }))}
        ${timeField('Jump to', 'log-at', bar.view.at, (at) => bar.onChange({ at, line: '' }))}
      </div>
    </details>
    ${isLogFiltered(bar.view) ? html`<button type="button" class="button link" @click=${() => bar.onChange({ levels: [], service: '', text: '', from: '', to: '', at: '', line: '' })}>Clear</button>` : nothing}
    <p class="fine log-syntax" id="log-syntax">All words must occur. <code>"a phrase"</code> <code>prefix*</code> <code>-without</code></p>
  </div>
  <div class="log-status">
    ${tailPill(bar.tail)}
    ${
      bar.tail === 'history'
        ? html`<button type="button" class="button small" @click=${() => bar.onChange({ at: '', line: '', to: '' })}>${icon('arrow-down')}Go to the newest</button>`
        : html`<button type="button" class="button small" aria-pressed=${bar.isPaused ? 'true' : 'false'} @click=${() => bar.onPause(!bar.isPaused)}>${icon(bar.isPaused ? 'play' : 'pause')}${bar.isPaused ? 'Resume' : 'Pause'}</button>`
    }
    <label class="check"><input type="checkbox" .checked=${live(bar.view.isWrapped)} @change=${() => bar.onChange({ isWrapped: !bar.view.isWrapped })} />Wrap lines</label>
    <span class="log-exports" role="group" aria-label="Export">
      ${bar.exports.map(({ label, href }) => html`<a class="button small" href=${href} download title="As filtered; the last 24 hours where no time is chosen">${icon('download')}${label}</a>`)}
    </span>
  </div>`;

function tailPill(tail: TailState): TemplateResult {
  const look = TAIL_LOOKS[tail];
  const icons: Readonly<Record<TailState, IconName>> = {
    waiting: 'clock',
    streaming: 'pulse',
    offline: 'moon',
    lost: 'unlink',
    paused: 'pause',
    history: 'clock',
  };
  return html`<span class="pill tone-${look.tone}" role="status" title=${look.meaning}>${icon(icons[tail])}${look.label}</span>`;
}

function levelButton(bar: LogToolbar, level: LogLevel): TemplateResult {
  const { levels } = bar.view;
  const isChosen = levels.includes(level);
  const next = LOG_LEVELS.filter((known) => (known === level ? !isChosen : levels.includes(known)));
  return html`<button type="button" class="tone-${LEVEL_LOOKS[level].tone}" aria-pressed=${isChosen ? 'true' : 'false'} @click=${() => bar.onChange({ levels: next })}>${LEVEL_LOOKS[level].label}</button>`;
}

const timeField = (
  label: string,
  id: string,
  iso: string,
  onChange: (iso: string) => void,
): TemplateResult => html`
  <label class="log-field" for=${id}>${label}
    <input class="input" id=${id} type="datetime-local" step="1" .value=${live(toLocalInput(iso))} @change=${(event: Event) => onChange(fromLocalInput(chosenValue(event)))} />
  </label>`;
