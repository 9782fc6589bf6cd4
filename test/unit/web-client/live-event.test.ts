import { describe, expect, it } from 'vitest';
import type { LiveEvent } from '#web-api';
import { decodeLiveEvent } from '../../../web/client/data/live-event.ts';
import { arrive } from '../../../web/client/state/arrivals.ts';

const about = { organization_id: 'org', at: '2026-11-23T12:00:00.000Z' };

describe('decodeLiveEvent', () => {
  const events: LiveEvent[] = [
    { kind: 'device.changed', ...about, device_id: 'd', status: 'offline', observation: 'offline' },
    { kind: 'device.changed', ...about, device_id: 'd' },
    { kind: 'device.created', ...about, device_id: 'd' },
    { kind: 'device.deleted', ...about, device_id: 'd' },
    { kind: 'devices.seen', ...about, device_ids: ['a', 'b'] },
    { kind: 'token.used', ...about, token_id: 't', device_id: 'd' },
  ];
  it.each(events)('reads $kind', (event) => {
    expect(decodeLiveEvent(JSON.stringify(event))).toEqual(event);
  });

  it('leaves out a status that this release does not know', () => {
    expect(decodeLiveEvent(JSON.stringify({ ...events[0], status: 'asleep' }))).toEqual({
      kind: 'device.changed',
      ...about,
      device_id: 'd',
      observation: 'offline',
    });
  });

  it.each([
    '',
    'null',
    '7',
    '{',
    '{}',
    '{"kind":"device.deleted"}',
    JSON.stringify({ kind: 'later', ...about }),
    JSON.stringify({ kind: 'devices.seen', ...about }),
  ])('is silent about %j', (data) => {
    expect(decodeLiveEvent(data)).toBeNull();
  });
});

describe('arrive', () => {
  const used: LiveEvent = { kind: 'token.used', ...about, token_id: 't', device_id: 'd' };

  it('goes from enrolled to beating', () => {
    const enrolled = arrive([], used, 't');
    expect(enrolled).toEqual([{ deviceId: 'd', name: null, isOnline: false }]);
    const online: LiveEvent = { kind: 'device.changed', ...about, device_id: 'd', observation: 'online' };
    expect(arrive(enrolled, online, 't')).toEqual([{ deviceId: 'd', name: null, isOnline: true }]);
    expect(arrive(enrolled, { kind: 'devices.seen', ...about, device_ids: ['d'] }, 't')[0]?.isOnline).toBe(
      true,
    );
  });

  it('keeps the same list where nothing is new', () => {
    const enrolled = arrive([], used, 't');
    expect(arrive(enrolled, used, 't')).toBe(enrolled);
    expect(arrive(enrolled, { ...used, token_id: 'other', device_id: 'e' }, 't')).toBe(enrolled);
    expect(
      arrive(enrolled, { kind: 'device.changed', ...about, device_id: 'd', observation: 'offline' }, 't'),
    ).toBe(enrolled);
  });
});
