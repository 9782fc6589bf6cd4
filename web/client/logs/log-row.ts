/** One line of the log. Dumb templates: texts of devices come in as text, what they hide is shown. */
import { html, nothing, type TemplateResult } from 'lit';
import { icon } from '../components/icons.ts';
import { LEVEL_LOOKS } from '../format/log-level.ts';
import { dateTime } from '../format/time.ts';
import type { LogLine } from './log-book.ts';
import { visibleParts, visibleText } from './log-text.ts';

/** What stands in one row before it is opened; the whole text is in the opened one. */
const MAX_ROW_TEXT = 1000;

export interface LogRow {
  readonly line: LogLine;
  readonly isOpen: boolean;
  readonly isMarked: boolean;
  /** In the order of Tab. */
  readonly isActive: boolean;
  readonly onToggle: () => void;
  readonly onCopy: () => void;
  readonly onLink: () => void;
}

const clock = new Intl.DateTimeFormat(undefined, {
  month: 'short',
  day: '2-digit',
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  fractionalSecondDigits: 3,
  hourCycle: 'h23',
});

const shown = (text: string): (TemplateResult | string)[] =>
  visibleParts(text).map((part) =>
    part.isMark ? html`<span class="hidden-mark">${part.text}</span>` : part.text,
  );

export function logRow(row: LogRow): TemplateResult {
  const { record, key, atMs } = row.line;
  const look = LEVEL_LOOKS[record.log_level];
  const [firstLine = '', ...rest] = record.message.slice(0, MAX_ROW_TEXT).split('\n');
  return html`<div
    class="log-row tone-${look.tone} level-${record.log_level} ${row.isOpen ? 'is-open' : ''} ${row.isMarked ? 'is-marked' : ''}"
    data-key=${key}
  >
    <button
      type="button"
      class="log-open"
      tabindex=${row.isActive ? '0' : '-1'}
      aria-expanded=${row.isOpen ? 'true' : 'false'}
      aria-label="Details of ${clock.format(atMs)}, ${look.label}"
      @click=${row.onToggle}
    >${icon('chevron-right')}</button>
    <time class="log-time" datetime=${record.timestamp} title=${dateTime(record.timestamp)}>${clock.format(atMs)}</time>
    <span class="log-level" title=${look.label}>${look.short}</span>
    <span class="log-service" title=${visibleText(record.service_name)}>${shown(record.service_name)}</span>
    <span class="log-message">${shown(firstLine)}${
      rest.length === 0
        ? nothing
        : html`<span class="log-more"> +${rest.length} ${rest.length === 1 ? 'line' : 'lines'}</span>`
    }</span>
    ${row.isOpen ? details(row) : nothing}
  </div>`;
}

function details({ line, onCopy, onLink }: LogRow): TemplateResult {
  const { record } = line;
  return html`<div class="log-details">
    <pre tabindex="0" role="group" aria-label="Whole message">${shown(record.message)}</pre>
    <dl class="facts">
      <dt>Time</dt><dd>${dateTime(record.timestamp)}</dd>
      <dt>Received</dt><dd>${line.receivedAt === null ? 'Streamed live; not yet read from storage' : dateTime(line.receivedAt)}</dd>
      <dt>Service</dt><dd>${shown(record.service_name)}</dd>
      ${Object.entries(record.metadata ?? {}).map(
        ([name, value]) => html`<dt>${shown(name)}</dt><dd class="mono">${shown(String(value))}</dd>`,
      )}
    </dl>
    <div class="log-actions">
      <button type="button" class="button small" @click=${onCopy}>${icon('copy')}Copy line</button>
      <button type="button" class="button small" @click=${onLink}>${icon('link')}Copy link to this line</button>
    </div>
  </div>`;
}
