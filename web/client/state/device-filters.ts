/** Filters and order of the device list, kept in the page's address so that a view can be shared. Pure. */
import { DEVICE_STATUSES, DEVICE_TYPES, type DeviceStatus, type DeviceType, SORTS } from '#web-api';

export const DEFAULT_SORT = 'device_name';
export type DeviceSort = (typeof SORTS)[number];
/** What the API takes at most. */
export const MAX_SEARCH_LENGTH = 200;
const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

export interface DeviceListView {
  readonly status: DeviceStatus | undefined;
  readonly type: DeviceType | undefined;
  /** Id of a device group. */
  readonly group: string | undefined;
  readonly search: string;
  readonly sort: DeviceSort;
}

/** What is not valid in an address is left out, never an error. */
export function readView(query: URLSearchParams): DeviceListView {
  const group = query.get('group') ?? '';
  return {
    status: DEVICE_STATUSES.find((status) => status === query.get('status')),
    type: DEVICE_TYPES.find((type) => type === query.get('type')),
    group: UUID.test(group) ? group : undefined,
    search: (query.get('q') ?? '').slice(0, MAX_SEARCH_LENGTH),
    sort: SORTS.find((sort) => sort === query.get('sort')) ?? DEFAULT_SORT,
  };
}

/** `''`, or `?…` without what is at its default. */
export function writeView(view: DeviceListView): string {
  const query = new URLSearchParams();
  if (view.search !== '') query.set('q', view.search);
  if (view.status !== undefined) query.set('status', view.status);
  if (view.type !== undefined) query.set('type', view.type);
  if (view.group !== undefined) query.set('group', view.group);
  if (view.sort !== DEFAULT_SORT) query.set('sort', view.sort);
  return query.size === 0 ? '' : `?${query}`;
}

export const isFiltered = (view: DeviceListView): boolean =>
  view.status !== undefined || view.type !== undefined || view.group !== undefined || view.search !== '';

/** Every filter taken out; the order stays. */
export const NO_FILTERS = {
  status: undefined,
  type: undefined,
  group: undefined,
  search: '',
} as const satisfies Partial<DeviceListView>;

/** Order after a click on a column: ascending first, times newest first, then turned round. */
export function nextSort(current: DeviceSort, field: 'device_name' | 'last_seen' | 'status'): DeviceSort {
  const first: DeviceSort = field === 'last_seen' ? '-last_seen' : field;
  const second: DeviceSort = field === 'last_seen' ? 'last_seen' : `-${field}`;
  return current === first ? second : first;
}

export function ariaSort(
  current: DeviceSort,
  field: 'device_name' | 'last_seen' | 'status',
): 'ascending' | 'descending' | 'none' {
  if (current === field) return 'ascending';
  return current === `-${field}` ? 'descending' : 'none';
}
