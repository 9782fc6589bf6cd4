/** `/admin/edge/devices`: the fleet, live (SD-U1, U2, U10). */
import { WindowVirtualizerController } from '@tanstack/lit-virtual';
import { html, nothing } from 'lit';
import type { DeviceView, FleetSummary } from '#web-api';
import { icon } from '../components/icons.ts';
import { emptyState, errorState, skeletonRows } from '../components/states.ts';
import { count } from '../format/quantity.ts';
import { PAGES } from '../state/addresses.ts';
import { CursorList } from '../state/cursor-list.ts';
import {
  type DeviceListView,
  isFiltered,
  NO_FILTERS,
  nextSort,
  readView,
  writeView,
} from '../state/device-filters.ts';
import type { DeviceFilters } from '../state/device-rows.ts';
import { Resource } from '../state/resource.ts';
import { ConsolePage, pageHead } from './console-page.ts';
import { DeviceActions } from './device-actions.ts';
import { DeviceClaim } from './device-claim.ts';
import { DeviceImport } from './device-import.ts';
import { DeviceListLive } from './device-list-live.ts';
import { deviceTable } from './device-table.ts';
import { filterBar, summaryTiles } from './device-toolbar.ts';
import { GroupNames } from './group-names.ts';

export const DEVICES_TAG = 'oc-devices-page' as const;

/** One page: some screens of rows, little enough for a first picture well under a second. */
const PAGE_SIZE = 60;
const NEXT_PAGE_SIZE = 200;
/** The API's largest page; a reload brings back at most so many rows at once. */
const MAX_PAGE_SIZE = 500;
/** The next page is asked for when so few loaded rows are left below. */
const LOAD_AHEAD_ROWS = 30;
const SEARCH_DEBOUNCE_MS = 250;
const ROW_HEIGHT_PX = 52;
const CARD_HEIGHT_PX = 170;
const NARROW = '(max-width: 860px)';

export class DevicesPage extends ConsolePage {
  readonly #narrow = matchMedia(NARROW);
  readonly #list = new CursorList<DeviceView>(this, (cursor, shown, signal) =>
    this.context.api.call('devices.list', {
      query: {
        ...this.#filters(),
        sort: this.#view.sort,
        page_size:
          cursor === undefined ? Math.min(MAX_PAGE_SIZE, Math.max(PAGE_SIZE, shown)) : NEXT_PAGE_SIZE,
        ...(cursor === undefined ? {} : { cursor }),
      },
      signal,
    }),
  );
  readonly #summary = new Resource<FleetSummary>(this, (signal) =>
    this.context.api.call('devices.summary', { query: this.chosenOrganization, signal }),
  );
  readonly #live = new DeviceListLive(this, {
    context: () => this.context,
    list: this.#list,
    filters: () => this.#filters(),
    sort: () => this.#view.sort,
    reload: () => void this.#list.load(),
    reloadSummary: () => void this.#summary.load(),
  });
  readonly #actions = new DeviceActions(this, {
    context: () => this.context,
    onChanged: (device) => this.#live.changed(device),
    onDeleted: (deviceId) => this.#live.deleted(deviceId),
    onRevoked: () => void this.#list.load(),
  });
  readonly #import = new DeviceImport(this, {
    context: () => this.context,
    onImported: () => {
      void this.#list.load();
      void this.#summary.load();
    },
  });
  readonly #groups = new GroupNames(this, {
    context: () => this.context,
    organizationId: () => this.context.organization.get(),
  });
  readonly #claim = new DeviceClaim(this, { context: () => this.context });
  readonly #virtual = new WindowVirtualizerController<HTMLTableRowElement>(this, {
    count: 0,
    estimateSize: () => (this.#narrow.matches ? CARD_HEIGHT_PX : ROW_HEIGHT_PX),
    overscan: 10,
  });
  #view: DeviceListView = readView(new URLSearchParams());
  #scrollMarginPx = 0;
  #armedId: string | null = null;
  #search: ReturnType<typeof setTimeout> | undefined;

  protected override open() {
    this.#view = readView(this.location.search);
    void this.#list.load();
    void this.#summary.load();
    this.#loadGroups();
    const remeasure = () => {
      this.#virtual.getVirtualizer().measure();
      this.requestUpdate();
    };
    this.#narrow.addEventListener('change', remeasure);
    return [
      () => this.#narrow.removeEventListener('change', remeasure),
      () => clearTimeout(this.#search),
      this.context.organization.subscribe(() => {
        this.#loadGroups();
        void this.#summary.load({ forget: true });
        // A group is one organisation's.
        if (this.#view.group === undefined) void this.#list.load();
        else this.#show({ group: undefined });
      }),
      ...this.#followRights(),
    ];
  }

  #loadGroups(): void {
    if (this.can('group.read', null)) this.#groups.load();
  }

  /** On a fresh page the rights come after the first look. */
  #followRights(): (() => void)[] {
    if (this.can('group.read', null)) return [];
    let isDone = false;
    return [
      this.context.session.subscribe(() => {
        if (isDone || !this.can('group.read', null)) return;
        isDone = true;
        this.#groups.load();
      }),
    ];
  }

  override willUpdate(changed: Map<string, unknown>) {
    if (changed.has('location') && changed.get('location') !== undefined) {
      this.#view = readView(this.location.search);
      void this.#list.load();
    }
    const virtualizer = this.#virtual.getVirtualizer();
    virtualizer.setOptions({
      ...virtualizer.options,
      count: this.#list.items?.length ?? 0,
      scrollMargin: this.#scrollMarginPx,
      getItemKey: (index) => this.#list.items?.[index]?.id ?? index,
    });
  }

  protected override updated(changed: Map<string, unknown>) {
    super.updated(changed);
    const body = this.querySelector('tbody');
    if (body === null) return;
    const marginPx = Math.round(body.getBoundingClientRect().top + window.scrollY);
    if (marginPx !== this.#scrollMarginPx) {
      this.#scrollMarginPx = marginPx;
      this.requestUpdate();
    }
    const virtualizer = this.#virtual.getVirtualizer();
    if (this.#narrow.matches) {
      for (const row of body.querySelectorAll<HTMLTableRowElement>('tr.row')) virtualizer.measureElement(row);
    }
    const last = virtualizer.getVirtualItems().at(-1)?.index ?? 0;
    if (
      this.#list.hasMore &&
      last + LOAD_AHEAD_ROWS >= (this.#list.items?.length ?? 0) &&
      this.#list.error === null
    ) {
      void this.#list.more();
    }
  }

  override render() {
    const canImport = this.organizationsFor('device.import').length > 0;
    const canEnrol = this.can('token.write', this.context.organization.get());
    return html`
      ${pageHead({
        title: 'Devices',
        sub: this.#subtitle(),
        actions: html`
          ${this.organizationsFor('claim.write').length > 0 ? html`<button type="button" class="button" @click=${() => this.#claim.open()}>${icon('token')}Claim</button>` : nothing}
          ${canImport ? html`<button type="button" class="button" @click=${() => this.#import.open()}>${icon('upload')}Import</button>` : nothing}
          ${canEnrol ? html`<a class="button primary" href="${PAGES.tokens}?create=1">${icon('plus')}Add device</a>` : nothing}`,
      })}
      ${summaryTiles(this.#summary.value, this.#view, (status) => this.#show({ status }))}
      <div class="visually-hidden" role="status">${this.#spoken()}</div>
      <div class="card table-card">
        ${filterBar({
          view: this.#view,
          organizations: this.organizations,
          organizationId: this.context.organization.get(),
          groups: this.#groups.all,
          onSearch: (text) => this.#searchSoon(text),
          onChange: (change) => this.#show(change),
          onOrganization: (organizationId) => this.context.organization.choose(organizationId),
        })}
        ${this.#content()}
      </div>
      ${this.#actions.render()} ${this.#import.render()} ${this.#claim.render()}`;
  }

  #content() {
    const { items, error, isLoading, total } = this.#list;
    if (items === null) {
      return error === null
        ? skeletonRows(10, 'Loading devices')
        : errorState(error, () => void this.#list.load());
    }
    if (items.length === 0) return this.#empty();
    const virtualizer = this.#virtual.getVirtualizer();
    const visible = virtualizer.getVirtualItems();
    const beforePx = (visible[0]?.start ?? this.#scrollMarginPx) - this.#scrollMarginPx;
    const endPx = (visible.at(-1)?.end ?? this.#scrollMarginPx) - this.#scrollMarginPx;
    return html`
      ${deviceTable({
        rows: items,
        total,
        visible,
        beforePx,
        afterPx: virtualizer.getTotalSize() - endPx,
        sort: this.#view.sort,
        nowMs: this.nowMs,
        isBusy: isLoading,
        showsOrganization: this.context.organization.get() === null && this.organizations.length > 1,
        actions: this.#actions,
        armedId: this.#armedId,
        onArm: (deviceId) => {
          this.#armedId = deviceId;
          this.requestUpdate();
        },
        onSort: (field) => this.#show({ sort: nextSort(this.#view.sort, field) }),
      })}
      ${error === null ? nothing : html`<div class="table-foot"><span class="error-text">${icon('alert')}${error.message}</span><button type="button" class="button small" @click=${() => void this.#list.more()}>Try again</button></div>`}
      ${this.#list.hasMore && error === null ? html`<div class="table-foot"><span>${items.length.toLocaleString()} of ${total.toLocaleString()} loaded</span>${isLoading ? html`<span class="spinner" aria-hidden="true"></span>` : nothing}</div>` : nothing}`;
  }

  #empty() {
    if (isFiltered(this.#view)) {
      return emptyState({
        icon: 'search',
        title: 'No device matches',
        text: 'Try fewer words, another status, or all organisations.',
        action: html`<button type="button" class="button" @click=${() => this.#show(NO_FILTERS)}>Clear the filters</button>`,
      });
    }
    return emptyState({
      icon: 'devices',
      title: 'No devices yet',
      text: 'Create an enrolment token and run the one-line installer on a machine. It shows up here with its first heartbeat.',
      action: this.can('token.write', null)
        ? html`<a class="button primary" href="${PAGES.tokens}?create=1">${icon('plus')}Add the first device</a>`
        : nothing,
    });
  }

  #subtitle() {
    const { items, total } = this.#list;
    if (items === null) return this.#list.error === null ? 'Loading…' : 'Not available now';
    return isFiltered(this.#view)
      ? `${count(total, 'device')} match`
      : `${count(total, 'device')} under management`;
  }

  /** Said to screen readers when the numbers change. */
  #spoken(): string {
    const summary = this.#summary.value;
    if (summary === null) return '';
    return `${summary.by_status.online ?? 0} of ${count(summary.total, 'device')} online, ${summary.by_status.offline ?? 0} offline`;
  }

  #filters(): DeviceFilters {
    const { status, type, group, search } = this.#view;
    return {
      ...this.chosenOrganization,
      ...(status === undefined ? {} : { status }),
      ...(type === undefined ? {} : { type }),
      ...(group === undefined ? {} : { group_id: group }),
      ...(search === '' ? {} : { search }),
    };
  }

  #show(change: Partial<DeviceListView>) {
    clearTimeout(this.#search);
    this.context.router.go(PAGES.devices + writeView({ ...this.#view, ...change }), { replace: true });
  }

  #searchSoon(search: string) {
    clearTimeout(this.#search);
    this.#search = setTimeout(() => this.#show({ search: search.trim() }), SEARCH_DEBOUNCE_MS);
  }
}

customElements.define(DEVICES_TAG, DevicesPage);
declare global {
  interface HTMLElementTagNameMap {
    [DEVICES_TAG]: DevicesPage;
  }
}
