/** Above the device list: the fleet in numbers, and the filters. Dumb templates. */
import { html, nothing, type TemplateResult } from 'lit';
import { live } from 'lit/directives/live.js';
import {
  DEVICE_STATUSES,
  DEVICE_TYPES,
  type FleetSummary,
  type GroupView,
  type OrganizationView,
} from '#web-api';
import { icon } from '../components/icons.ts';
import { DEVICE_STATUS_LOOKS, DEVICE_TYPE_LABELS, SUMMARY_ORDER } from '../format/status.ts';
import { type DeviceListView, isFiltered, MAX_SEARCH_LENGTH, NO_FILTERS } from '../state/device-filters.ts';

/** Shown even at zero; the others only where there is one. */
const ALWAYS_SHOWN: ReadonlySet<string> = new Set(['online', 'degraded', 'error', 'offline']);

export function summaryTiles(
  summary: FleetSummary | null,
  view: DeviceListView,
  choose: (status: DeviceListView['status']) => void,
): TemplateResult {
  const tile = (
    status: DeviceListView['status'],
    label: string,
    tone: string,
    count: number | null,
    mark: TemplateResult,
  ) => {
    const isChosen = view.status === status;
    return html`<button
      type="button"
      class="tile tone-${tone} ${count === 0 ? 'is-zero' : ''}"
      aria-pressed=${isChosen ? 'true' : 'false'}
      @click=${() => choose(isChosen ? undefined : status)}
    >
      <span class="tile-label">${mark}${label}</span>
      <span class="tile-count">${count === null ? '–' : count.toLocaleString()}</span>
    </button>`;
  };
  const shown = SUMMARY_ORDER.filter(
    (status) => ALWAYS_SHOWN.has(status) || (summary?.by_status[status] ?? 0) > 0 || view.status === status,
  );
  return html`<div class="tiles" role="group" aria-label="Fleet by status">
    ${tile(undefined, 'All devices', 'accent', summary?.total ?? null, icon('devices'))}
    ${shown.map((status) => {
      const look = DEVICE_STATUS_LOOKS[status];
      return tile(
        status,
        look.label,
        look.tone,
        summary === null ? null : (summary.by_status[status] ?? 0),
        icon(look.icon),
      );
    })}
  </div>`;
}

export interface FilterBar {
  readonly view: DeviceListView;
  readonly organizations: readonly OrganizationView[];
  readonly organizationId: string | null;
  /** Of the chosen organisation, or of all. */
  readonly groups: readonly GroupView[];
  readonly onSearch: (text: string) => void;
  readonly onChange: (change: Partial<DeviceListView>) => void;
  readonly onOrganization: (organizationId: string | null) => void;
}

const chosenValue = (event: Event): string =>
  event.currentTarget instanceof HTMLSelectElement || event.currentTarget instanceof HTMLInputElement
    ? event.currentTarget.value
    : '';

export const filterBar = (bar: FilterBar): TemplateResult => html`
  <div class="filters" role="search" aria-label="Devices">
    <div class="search">
      ${icon('search')}
      <input
        class="input"
        type="search"
        aria-label="Search name, hardware id, firmware or tag"
        placeholder="Search name, hardware id, firmware or tag"
        maxlength=${MAX_SEARCH_LENGTH}
        .value=${live(bar.view.search)}
        @input=${(event: Event) => bar.onSearch(chosenValue(event))}
      />
    </div>
    <select class="select wide-filter" aria-label="Organisation" @change=${(event: Event) => bar.onOrganization(chosenValue(event) || null)}>
      <option value="" ?selected=${bar.organizationId === null}>All organisations</option>
      ${bar.organizations.map(
        ({ id, name }) => html`<option value=${id} ?selected=${id === bar.organizationId}>${name}</option>`,
      )}
    </select>
    <select
      class="select"
      aria-label="Status"
      @change=${(event: Event) => {
        const value = chosenValue(event);
        bar.onChange({ status: DEVICE_STATUSES.find((status) => status === value) });
      }}
    >
      <option value="" ?selected=${bar.view.status === undefined}>Any status</option>
      ${SUMMARY_ORDER.map(
        (status) =>
          html`<option value=${status} ?selected=${status === bar.view.status}>${DEVICE_STATUS_LOOKS[status].label}</option>`,
      )}
    </select>
    <select
      class="select"
      aria-label="Type"
      @change=${(event: Event) => {
        const value = chosenValue(event);
        bar.onChange({ type: DEVICE_TYPES.find((type) => type === value) });
      }}
    >
      <option value="" ?selected=${bar.view.type === undefined}>Any type</option>
      ${DEVICE_TYPES.map(
        (type) =>
          html`<option value=${type} ?selected=${type === bar.view.type}>${DEVICE_TYPE_LABELS[type]}</option>`,
      )}
    </select>
    ${groupChoice(bar)}
    ${
      isFiltered(bar.view)
        ? html`<button type="button" class="button link" @click=${() => bar.onChange(NO_FILTERS)}>Clear</button>`
        : nothing
    }
  </div>`;

/** Nothing where there is no group to choose. */
function groupChoice({ view, groups, organizations, organizationId, onChange }: FilterBar) {
  if (groups.length === 0 && view.group === undefined) return nothing;
  const isKnown = groups.some(({ id }) => id === view.group);
  const label = ({ name, organization_id: ownerId }: GroupView): string => {
    const owner = organizations.find(({ id }) => id === ownerId)?.name;
    return organizationId !== null || organizations.length < 2 || owner === undefined
      ? name
      : `${name} (${owner})`;
  };
  return html`<select class="select" aria-label="Group" @change=${(event: Event) => onChange({ group: chosenValue(event) || undefined })}>
    <option value="" ?selected=${view.group === undefined}>Any group</option>
    ${groups.map((group) => html`<option value=${group.id} ?selected=${group.id === view.group}>${label(group)}</option>`)}
    ${view.group === undefined || isKnown ? nothing : html`<option value=${view.group} selected>Another group</option>`}
  </select>`;
}
