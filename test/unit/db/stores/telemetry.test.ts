import { describe, expect, it } from 'vitest';
import { placeInTime } from '../../../../db/stores/telemetry.ts';

const receivedAt = new Date('2026-11-23T10:00:00Z');
const place = (timestamp: string) => placeInTime({ timestamp }, receivedAt);

describe('placeInTime', () => {
  it.each([
    '2024-11-24T00:00:00Z',
    '2026-11-23T09:59:59.5Z',
    '2026-11-24T10:00:00Z',
    '2026-11-23T12:00:00+02:00',
  ])('believes %s', (timestamp) =>
    expect(place(timestamp)).toEqual({ at: new Date(timestamp), metadata: null }),
  );

  it.each([
    '2024-11-22T00:00:00Z',
    '2026-11-24T10:00:00.001Z',
    '1970-01-01T00:00:00Z',
    '9999-12-31T23:59:59Z',
  ])('puts %s at the time of receipt, and keeps what the device said', (timestamp) => {
    const { at, metadata } = place(timestamp);
    expect(at).toEqual(receivedAt);
    expect(JSON.parse(metadata ?? '')).toEqual({
      ...{ clock_skew: true, device_timestamp: timestamp },
      clock_skew_ms: Date.parse(timestamp) - receivedAt.getTime(),
    });
  });

  it('survives a leap second, which a Date cannot hold', () => {
    const { at, metadata } = place('2016-12-31T23:59:60Z');
    expect(at).toEqual(receivedAt);
    expect(JSON.parse(metadata ?? '')).toMatchObject({ clock_skew_ms: null });
  });
});
