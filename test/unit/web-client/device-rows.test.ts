import { describe, expect, it } from 'vitest';
import type { DeviceView, LiveEvent } from '#web-api';
import { applyEvent, compareDevices, placeDevice, type Rows } from '../../../web/client/state/device-rows.ts';

const AT = '2026-11-23T12:00:00.000Z';
const device = (name: string, over: Partial<DeviceView> = {}): DeviceView => ({
  id: `id-${name}`,
  organization_id: 'org-1',
  organization_slug: 'acme',
  device_name: name,
  device_type: 'gateway',
  hardware_id: `hw-${name}`,
  status: 'online',
  intent: 'active',
  observation: 'online',
  last_seen: '2026-11-23T11:00:00.000Z',
  firmware_version: '2.1.0',
  agent_version: null,
  ip_address: null,
  tags: [],
  created_at: AT,
  updated_at: AT,
  ...over,
});
const rows = (...items: DeviceView[]): Rows => ({ items, total: items.length });
const changed = (name: string, status: DeviceView['status']): LiveEvent => ({
  kind: 'device.changed',
  organization_id: 'org-1',
  device_id: `id-${name}`,
  at: AT,
  status,
});

describe('applyEvent', () => {
  it('patches the status at once and asks for the rest', () => {
    const applied = applyEvent(rows(device('a'), device('b')), changed('b', 'offline'), {});
    expect(applied.items.map(({ status }) => status)).toEqual(['online', 'offline']);
    expect(applied.refresh).toEqual(['id-b']);
  });

  it('takes a disconnect for no activity, and a return for one', () => {
    const offline = applyEvent(rows(device('a')), changed('a', 'offline'), {});
    expect(offline.items[0]?.last_seen).toBe('2026-11-23T11:00:00.000Z');
    const online = applyEvent(offline, changed('a', 'online'), {});
    expect(online.items[0]?.last_seen).toBe(AT);
  });

  it('moves last seen for the devices of a batch, and keeps the list itself where none is shown', () => {
    const before = rows(device('a'), device('b'));
    const seen = (ids: string[]): LiveEvent => ({
      kind: 'devices.seen',
      organization_id: 'org-1',
      device_ids: ids,
      at: AT,
    });
    expect(applyEvent(before, seen(['id-b']), {}).items.map(({ last_seen }) => last_seen === AT)).toEqual([
      false,
      true,
    ]);
    expect(applyEvent(before, seen(['id-z']), {}).items).toBe(before.items);
  });

  it('ignores other organisations while one is chosen', () => {
    const before = rows(device('a'));
    expect(applyEvent(before, changed('a', 'offline'), { org_id: 'org-2' })).toEqual({
      ...before,
      refresh: [],
    });
  });

  it('removes what was deleted, once', () => {
    const deleted: LiveEvent = {
      kind: 'device.deleted',
      organization_id: 'org-1',
      device_id: 'id-a',
      at: AT,
    };
    const after = applyEvent(rows(device('a'), device('b')), deleted, {});
    expect([after.items.length, after.total]).toEqual([1, 1]);
    expect(applyEvent(after, deleted, {}).total).toBe(1);
  });
});

describe('placeDevice', () => {
  it('inserts in order and counts', () => {
    const after = placeDevice(rows(device('a'), device('c')), device('b'), {}, 'device_name', true);
    expect(after.items.map(({ device_name }) => device_name)).toEqual(['a', 'b', 'c']);
    expect(after.total).toBe(3);
  });

  it('counts a device that belongs behind the loaded rows, but does not show it there', () => {
    const after = placeDevice({ items: [device('a')], total: 50 }, device('z'), {}, 'device_name', false);
    expect([after.items.length, after.total]).toEqual([1, 51]);
  });

  it('takes in by group only what is known to be in it, and out what is known to be no more', () => {
    const [filters, inside] = [{ group_id: 'g-1' }, { id: 'g-1', name: 'Floor' }];
    const place = (before: Rows, fresh: Parameters<typeof placeDevice>[1]) =>
      placeDevice(before, fresh, filters, 'device_name', true).items.map(({ id }) => id);
    expect(place(rows(), device('a'))).toEqual([]);
    expect(place(rows(), { ...device('a'), groups: [] })).toEqual([]);
    expect(place(rows(), { ...device('a'), groups: [inside] })).toEqual(['id-a']);
    expect(place(rows(device('a')), device('a'))).toEqual(['id-a']);
    expect(place(rows(device('a')), { ...device('a'), groups: [] })).toEqual([]);
  });

  it('takes out what matches the filter no more', () => {
    const after = placeDevice(
      rows(device('a')),
      device('a', { status: 'offline' }),
      { status: 'online' },
      'device_name',
      true,
    );
    expect(after).toEqual({ items: [], total: 0 });
  });

  it('leaves alone what never matched', () => {
    const before = rows(device('a'));
    expect(
      placeDevice(before, device('b', { tags: ['x'] }), { search: 'nowhere' }, 'device_name', true),
    ).toBe(before);
    expect(
      placeDevice(before, device('b', { tags: ['Somewhere'] }), { search: 'SOMEWHERE' }, 'device_name', true)
        .total,
    ).toBe(2);
  });
});

it('compareDevices orders by the field, both ways, and never calls two devices equal', () => {
  const [older, newer] = [device('a', { last_seen: null }), device('b')];
  expect(Math.sign(compareDevices(older, newer, 'last_seen'))).toBe(-1);
  expect(Math.sign(compareDevices(older, newer, '-last_seen'))).toBe(1);
  expect(compareDevices(device('x', { id: '1' }), device('x', { id: '2' }), 'device_name')).toBeLessThan(0);
});
