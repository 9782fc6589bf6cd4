/** The device list as a table of which only the visible rows exist. Dumb templates. */
import type { VirtualItem } from '@tanstack/lit-virtual';
import { html, nothing, type TemplateResult } from 'lit';
import { repeat } from 'lit/directives/repeat.js';
import type { DeviceType, DeviceView } from '#web-api';
import { type IconName, icon } from '../components/icons.ts';
import { statusPill } from '../components/status-pill.ts';
import { ago } from '../components/time.ts';
import { DEVICE_STATUS_LOOKS, DEVICE_TYPE_LABELS } from '../format/status.ts';
import { devicePath } from '../state/addresses.ts';
import { ariaSort, type DeviceSort } from '../state/device-filters.ts';
import type { DeviceActions } from './device-actions.ts';

const TYPE_ICONS: Readonly<Record<DeviceType, IconName>> = {
  'uc1-pro': 'chip',
  gateway: 'gateway',
  custom: 'box',
};
const SORTABLE = { device_name: 'Name', status: 'Status', last_seen: 'Last seen' } as const;
type SortField = keyof typeof SORTABLE;

export interface DeviceTable {
  readonly rows: readonly DeviceView[];
  readonly total: number;
  readonly visible: readonly VirtualItem[];
  /** Heights of what stands above and below the visible rows. */
  readonly beforePx: number;
  readonly afterPx: number;
  readonly sort: DeviceSort;
  readonly nowMs: number;
  readonly isBusy: boolean;
  readonly showsOrganization: boolean;
  readonly actions: DeviceActions;
  /** Only the menu of the row in use is filled: the others would be most of the page's elements. */
  readonly armedId: string | null;
  readonly onArm: (deviceId: string) => void;
  readonly onSort: (field: SortField) => void;
}

export const deviceTable = (table: DeviceTable): TemplateResult => html`
  <table class="table sticky" role="table" aria-label="Devices" aria-rowcount=${table.total + 1} aria-busy=${table.isBusy ? 'true' : 'false'}>
    <thead role="rowgroup">
      <tr role="row" aria-rowindex="1">
        ${sortHeader(table, 'device_name', 'col-name')}
        <th role="columnheader" scope="col" class="col-type">Type</th>
        ${sortHeader(table, 'status', 'col-status')} ${sortHeader(table, 'last_seen', 'col-seen')}
        <th role="columnheader" scope="col">Firmware</th>
        <th role="columnheader" scope="col" class="actions"><span class="visually-hidden">Actions</span></th>
      </tr>
    </thead>
    <tbody role="rowgroup">
      ${spacer(table.beforePx)}
      ${repeat(
        table.visible,
        (item) => table.rows[item.index]?.id ?? item.index,
        (item) => {
          const device = table.rows[item.index];
          return device === undefined ? nothing : row(table, device, item.index);
        },
      )}
      ${spacer(table.afterPx)}
    </tbody>
  </table>`;

function row(table: DeviceTable, device: DeviceView, index: number): TemplateResult {
  const arm = () => table.onArm(device.id);
  return html`<tr class="row" role="row" aria-rowindex=${index + 2} data-index=${index} data-device=${device.id}>
    <td role="cell" class="lead">
      <div class="cell name-cell">
        ${icon(TYPE_ICONS[device.device_type])}
        <div class="names">
          <a href=${devicePath(device.id)} title=${device.device_name}>${device.device_name}</a>
          <span class="fine" title=${device.hardware_id}>${table.showsOrganization ? `${device.organization_slug} · ` : ''}${device.hardware_id}</span>
        </div>
      </div>
    </td>
    <td role="cell" data-label="Type"><div class="cell">${DEVICE_TYPE_LABELS[device.device_type]}</div></td>
    <td role="cell" data-label="Status"><div class="cell">${statusPill(DEVICE_STATUS_LOOKS[device.status])}</div></td>
    <td role="cell" data-label="Last seen"><div class="cell">${ago(device.last_seen, table.nowMs)}</div></td>
    <td role="cell" data-label="Firmware"><div class="cell">${device.firmware_version ?? html`<span class="quiet">–</span>`}</div></td>
    <td role="cell" class="actions" @pointerenter=${arm} @focusin=${arm}>
      <wa-dropdown
        placement="bottom-end"
        @wa-select=${(event: CustomEvent<{ item: { value: string } }>) => table.actions.select(device, event)}
      >
        <button slot="trigger" type="button" class="icon-button" aria-label="Actions for ${device.device_name}">${icon('more')}</button>
        ${table.armedId === device.id ? menuItems(table, device) : nothing}
      </wa-dropdown>
    </td>
  </tr>`;
}

const menuItems = (table: DeviceTable, device: DeviceView): TemplateResult => html`
  <wa-dropdown-item href=${devicePath(device.id)}><span slot="icon">${icon('chevron-right')}</span>Open</wa-dropdown-item>
  ${table.actions.items(device)}`;

function sortHeader(table: DeviceTable, field: SortField, className: string): TemplateResult {
  const direction = ariaSort(table.sort, field);
  const mark = direction === 'ascending' ? 'arrow-up' : direction === 'descending' ? 'arrow-down' : 'sort';
  return html`<th role="columnheader" scope="col" class=${className} aria-sort=${direction}>
    <button type="button" class="sort" @click=${() => table.onSort(field)}>${SORTABLE[field]}${icon(mark)}</button>
  </th>`;
}

// By property: the CSP refuses style attributes.
const spacer = (heightPx: number): TemplateResult | typeof nothing =>
  heightPx <= 0
    ? nothing
    : html`<tr class="spacer" role="presentation" .style=${`height: ${heightPx}px`}><td role="presentation" colspan="6"></td></tr>`;
