/** How a live change shows in the loaded part of the device list. Pure. */
import type { DeviceDetail, DeviceStatus, DeviceView, LiveEvent, QueryOf } from '#web-api';

export type DeviceFilters = Pick<
  NonNullable<QueryOf<'devices.list'>>,
  'org_id' | 'status' | 'type' | 'group_id' | 'search'
>;
type Sort = NonNullable<NonNullable<QueryOf<'devices.list'>>['sort']>;

/** Its groups are known where it was asked for alone, not in the rows of a list. */
export type PlacedDevice = DeviceView & Partial<Pick<DeviceDetail, 'groups'>>;

export interface Rows {
  readonly items: readonly DeviceView[];
  /** Matches on all pages. */
  readonly total: number;
}

/** `refresh`: devices whose fields must be asked for, since the event does not carry them. */
export interface Applied extends Rows {
  readonly refresh: readonly string[];
}

/** Statuses that a heartbeat proves. */
const ALIVE: ReadonlySet<DeviceStatus> = new Set(['online', 'degraded', 'error']);

export function applyEvent(rows: Rows, event: LiveEvent, filters: DeviceFilters): Applied {
  const unchanged = { ...rows, refresh: [] };
  if (filters.org_id !== undefined && event.organization_id !== filters.org_id) return unchanged;
  switch (event.kind) {
    case 'devices.seen': {
      const seen = new Set(event.device_ids);
      if (!rows.items.some((row) => seen.has(row.id))) return unchanged;
      const items = rows.items.map((row) => (seen.has(row.id) ? { ...row, last_seen: event.at } : row));
      return { items, total: rows.total, refresh: [] };
    }
    case 'device.changed': {
      const items = rows.items.map((row) => (row.id === event.device_id ? patchStatus(row, event) : row));
      return { items, total: rows.total, refresh: [event.device_id] };
    }
    case 'device.created':
      return { ...rows, refresh: [event.device_id] };
    case 'device.deleted':
      return { ...removeRow(rows, event.device_id), refresh: [] };
    default:
      return unchanged;
  }
}

/** Takes the fresh state of a device into the list: updates, inserts in order, or removes what matches no more. */
export function placeDevice(
  rows: Rows,
  device: PlacedDevice,
  filters: DeviceFilters,
  sort: Sort,
  isComplete: boolean,
): Rows {
  const index = rows.items.findIndex((row) => row.id === device.id);
  if (!matches(device, filters)) return index < 0 ? rows : removeRow(rows, device.id);
  if (index < 0 && filters.group_id !== undefined && device.groups === undefined) return rows;
  if (index >= 0) return { ...rows, items: rows.items.with(index, device) };
  const place = rows.items.findIndex((row) => compareDevices(device, row, sort) < 0);
  const total = rows.total + 1;
  if (place < 0) return { items: isComplete ? [...rows.items, device] : rows.items, total };
  return { items: rows.items.toSpliced(place, 0, device), total };
}

export function removeRow(rows: Rows, deviceId: string): Rows {
  const items = rows.items.filter((row) => row.id !== deviceId);
  return items.length === rows.items.length ? rows : { items, total: Math.max(0, rows.total - 1) };
}

/** A group that is not known to be left counts as kept. */
export function matches(device: PlacedDevice, filters: DeviceFilters): boolean {
  const { org_id, status, type, group_id } = filters;
  const search = filters.search?.trim().toLowerCase() ?? '';
  return (
    (org_id === undefined || device.organization_id === org_id) &&
    (status === undefined || device.status === status) &&
    (type === undefined || device.device_type === type) &&
    (group_id === undefined || (device.groups?.some(({ id }) => id === group_id) ?? true)) &&
    (search === '' ||
      [device.device_name, device.hardware_id, device.firmware_version ?? '', ...device.tags].some((text) =>
        text.toLowerCase().includes(search),
      ))
  );
}

export function compareDevices(a: DeviceView, b: DeviceView, sort: Sort): number {
  const isDescending = sort.startsWith('-');
  const field = sort.replace('-', '');
  const keyOf = (device: DeviceView) =>
    field === 'last_seen'
      ? (device.last_seen ?? '')
      : field === 'status'
        ? device.status
        : field === 'created_at'
          ? device.created_at
          : device.device_name.toLowerCase();
  const [keyA, keyB] = [keyOf(a), keyOf(b)];
  const order = keyA < keyB ? -1 : keyA > keyB ? 1 : a.id < b.id ? -1 : 1;
  return isDescending ? -order : order;
}

function patchStatus(row: DeviceView, event: Extract<LiveEvent, { kind: 'device.changed' }>): DeviceView {
  const status = event.status ?? row.status;
  return {
    ...row,
    status,
    observation: event.observation ?? row.observation,
    last_seen: event.status !== undefined && ALIVE.has(status) ? event.at : row.last_seen,
  };
}
