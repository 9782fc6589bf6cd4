/** The filters of the audit page, kept in its address. */
import { html, nothing, type TemplateResult } from 'lit';
import { live } from 'lit/directives/live.js';
import { AUDIT_ACTORS, AUDIT_OUTCOMES, type QueryOf } from '#web-api';
import { icon } from '../components/icons.ts';

type AuditQuery = QueryOf<'audit.list'>;
export type AuditFilters = Pick<AuditQuery, 'q' | 'action' | 'actor_kind' | 'outcome' | 'from' | 'to'>;

const MAX_TEXT = 100;
const ACTOR_LABELS: Readonly<Record<(typeof AUDIT_ACTORS)[number], string>> = {
  person: 'People',
  key: 'API keys',
  service: 'Services',
  device: 'Devices',
  token: 'Tokens',
  system: 'System',
  provider: 'Identity provider',
  other: 'Others',
};
const OUTCOME_LABELS: Readonly<Record<(typeof AUDIT_OUTCOMES)[number], string>> = {
  success: 'Success',
  refused: 'Refused',
  failed: 'Failed',
};

/** Whatever the address says that is no filter is left out. Days are those of this machine. */
export function auditFiltersOf(search: URLSearchParams): AuditFilters {
  const text = (name: string) => (search.get(name) ?? '').slice(0, MAX_TEXT);
  const actorKind = AUDIT_ACTORS.find((kind) => kind === search.get('actor'));
  const outcome = AUDIT_OUTCOMES.find((one) => one === search.get('outcome'));
  const from = startOfDay(search.get('from'), 0);
  const to = startOfDay(search.get('to'), 1);
  return {
    ...(text('q') === '' ? {} : { q: text('q') }),
    ...(text('action') === '' ? {} : { action: text('action') }),
    ...(actorKind === undefined ? {} : { actor_kind: actorKind }),
    ...(outcome === undefined ? {} : { outcome }),
    ...(from === null ? {} : { from }),
    ...(to === null ? {} : { to }),
  };
}

function startOfDay(day: string | null, later: number): string | null {
  const match = /^(\d{4})-(\d{2})-(\d{2})$/.exec(day ?? '');
  if (match === null) return null;
  const date = new Date(Number(match[1]), Number(match[2]) - 1, Number(match[3]) + later);
  return Number.isNaN(date.getTime()) ? null : date.toISOString();
}

export interface AuditFilterBar {
  readonly search: URLSearchParams;
  /** Name of a parameter of the address and its new value; empty takes it out. */
  readonly onChange: (name: string, value: string, isTyped: boolean) => void;
  readonly onClear: () => void;
}

export const auditFilterBar = (bar: AuditFilterBar): TemplateResult => html`
  <div class="filters audit-filters" role="search" aria-label="Audit log">
    <div class="search">
      ${icon('search')}<input class="input" type="search" aria-label="Part of who, what, on what or address" placeholder="Who, what, on what, address" maxlength=${MAX_TEXT} .value=${live(bar.search.get('q') ?? '')} @input=${(event: Event) => bar.onChange('q', chosen(event), true)} />
    </div>
    <input class="input" type="text" aria-label="Action, as in device.update or device.*" placeholder="Action, device.*" maxlength=${MAX_TEXT} spellcheck="false" .value=${live(bar.search.get('action') ?? '')} @input=${(event: Event) => bar.onChange('action', chosen(event), true)} />
    ${choice(bar, 'actor', 'Kind of actor', 'Anybody', ACTOR_LABELS)}
    ${choice(bar, 'outcome', 'Outcome', 'Any outcome', OUTCOME_LABELS)}
    <label class="day"><span>From</span><input class="input" type="date" .value=${live(bar.search.get('from') ?? '')} @change=${(event: Event) => bar.onChange('from', chosen(event), false)} /></label>
    <label class="day"><span>To</span><input class="input" type="date" .value=${live(bar.search.get('to') ?? '')} @change=${(event: Event) => bar.onChange('to', chosen(event), false)} /></label>
    ${bar.search.size === 0 ? nothing : html`<button type="button" class="button link" @click=${bar.onClear}>Clear</button>`}
  </div>`;

const choice = (
  bar: AuditFilterBar,
  name: string,
  label: string,
  all: string,
  labels: Readonly<Record<string, string>>,
): TemplateResult => html`
  <select class="select" aria-label=${label} @change=${(event: Event) => bar.onChange(name, chosen(event), false)}>
    <option value="" ?selected=${bar.search.get(name) === null}>${all}</option>
    ${Object.entries(labels).map(
      ([value, text]) =>
        html`<option value=${value} ?selected=${bar.search.get(name) === value}>${text}</option>`,
    )}
  </select>`;

const chosen = (event: Event): string =>
  event.currentTarget instanceof HTMLInputElement || event.currentTarget instanceof HTMLSelectElement
    ? event.currentTarget.value.trim()
    : '';
