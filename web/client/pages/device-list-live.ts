/** Keeps the device list true: live events go into the rows at once, what they do not carry is asked for in groups. */
import type { ReactiveController, ReactiveControllerHost } from 'lit';
import type { DeviceView, LiveEvent } from '#web-api';
import { ApiError } from '../data/api-error.ts';
import type { ConsoleContext } from '../state/context.ts';
import type { CursorList } from '../state/cursor-list.ts';
import type { DeviceSort } from '../state/device-filters.ts';
import {
  applyEvent,
  type DeviceFilters,
  type PlacedDevice,
  placeDevice,
  removeRow,
} from '../state/device-rows.ts';

/** Changes within this time are asked for together. */
const GATHER_MS = 300;
/** More changed devices than this, and the list is asked for anew instead of one by one. */
const MAX_SINGLE_LOOKUPS = 12;
/** The numbers above the list may lag so much behind a storm of changes. */
const SUMMARY_MS = 500;

export interface LiveListOptions {
  readonly context: () => ConsoleContext;
  readonly list: CursorList<DeviceView>;
  readonly filters: () => DeviceFilters;
  readonly sort: () => DeviceSort;
  readonly reload: () => void;
  readonly reloadSummary: () => void;
}

export class DeviceListLive implements ReactiveController {
  readonly #options: LiveListOptions;
  readonly #gathered = new Set<string>();
  #lookup: ReturnType<typeof setTimeout> | undefined;
  #summary: ReturnType<typeof setTimeout> | undefined;
  #releases: (() => void)[] = [];

  constructor(host: ReactiveControllerHost, options: LiveListOptions) {
    this.#options = options;
    host.addController(this);
  }

  hostConnected(): void {
    const { live } = this.#options.context();
    this.#releases = [
      live.onEvent((event) => this.#take(event)),
      live.onResumed(() => {
        this.#options.reload();
        this.#options.reloadSummary();
      }),
    ];
  }

  hostDisconnected(): void {
    for (const release of this.#releases) release();
    clearTimeout(this.#lookup);
    clearTimeout(this.#summary);
    this.#gathered.clear();
  }

  changed(device: PlacedDevice): void {
    const { list, filters, sort } = this.#options;
    if (list.items === null) return;
    const rows = placeDevice(
      { items: list.items, total: list.total },
      device,
      filters(),
      sort(),
      !list.hasMore,
    );
    list.put(rows.items, rows.total);
    this.#refreshSummary();
  }

  deleted(deviceId: string): void {
    const { list } = this.#options;
    if (list.items === null) return;
    const rows = removeRow({ items: list.items, total: list.total }, deviceId);
    list.put(rows.items, rows.total);
    this.#refreshSummary();
  }

  #take(event: LiveEvent): void {
    const { list, filters } = this.#options;
    if (event.kind !== 'devices.seen' && event.kind !== 'token.used' && event.kind !== 'approval.changed')
      this.#refreshSummary();
    if (list.items === null) return;
    const applied = applyEvent({ items: list.items, total: list.total }, event, filters());
    if (applied.items !== list.items || applied.total !== list.total) list.put(applied.items, applied.total);
    for (const deviceId of applied.refresh) this.#gathered.add(deviceId);
    if (applied.refresh.length > 0) this.#lookup ??= setTimeout(() => void this.#lookUp(), GATHER_MS);
  }

  async #lookUp(): Promise<void> {
    this.#lookup = undefined;
    const deviceIds = [...this.#gathered];
    this.#gathered.clear();
    if (deviceIds.length > MAX_SINGLE_LOOKUPS) {
      this.#options.reload();
      return;
    }
    await Promise.all(deviceIds.map((deviceId) => this.#lookUpOne(deviceId)));
  }

  async #lookUpOne(deviceId: string): Promise<void> {
    try {
      this.changed(
        await this.#options.context().api.call('devices.get', { params: { device_id: deviceId } }),
      );
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      // Gone meanwhile, or the link is: its return reloads the list.
      if (error.status === 404) this.deleted(deviceId);
    }
  }

  #refreshSummary(): void {
    this.#summary ??= setTimeout(() => {
      this.#summary = undefined;
      this.#options.reloadSummary();
    }, SUMMARY_MS);
  }
}
