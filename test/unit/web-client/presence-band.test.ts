import { describe, expect, it } from 'vitest';
import type { PresenceEventView } from '#web-api';
import { onlinePercent, presenceBand, presenceReason } from '../../../web/client/format/presence-band.ts';

const event = (
  atMs: number,
  from: PresenceEventView['from'],
  to: PresenceEventView['to'],
): PresenceEventView => ({
  at: new Date(atMs).toISOString(),
  from,
  to,
  reason: 'hello',
  session_epoch: null,
});

describe('presenceBand', () => {
  it('covers the window without gaps, whatever the order of the events', () => {
    const segments = presenceBand(
      [event(600, 'offline', 'online'), event(300, 'online', 'offline')],
      0,
      1000,
      'online',
    );
    expect(segments).toEqual([
      { fromMs: 0, toMs: 300, observation: 'online' },
      { fromMs: 300, toMs: 600, observation: 'offline' },
      { fromMs: 600, toMs: 1000, observation: 'online' },
    ]);
  });

  it('begins with what the last event before the window said', () => {
    expect(presenceBand([event(-500, 'online', 'degraded')], 0, 1000, 'offline')).toEqual([
      { fromMs: 0, toMs: 1000, observation: 'degraded' },
    ]);
  });

  it('holds the present state throughout where nothing is known', () => {
    expect(presenceBand([], 0, 1000, 'online')).toEqual([{ fromMs: 0, toMs: 1000, observation: 'online' }]);
  });

  it('leaves the time before a first event without origin unknown', () => {
    expect(presenceBand([event(400, null, 'online')], 0, 1000, 'online')).toEqual([
      { fromMs: 0, toMs: 400, observation: null },
      { fromMs: 400, toMs: 1000, observation: 'online' },
    ]);
  });

  it('joins events that change nothing and ignores those after the window', () => {
    const segments = presenceBand(
      [event(200, 'offline', 'online'), event(300, 'online', 'online'), event(1500, 'online', 'offline')],
      0,
      1000,
      'offline',
    );
    expect(segments.map(({ observation }) => observation)).toEqual(['offline', 'online']);
  });
});

describe('onlinePercent', () => {
  it('counts reachable time against known time', () => {
    expect(
      onlinePercent([
        { fromMs: 0, toMs: 500, observation: null },
        { fromMs: 500, toMs: 800, observation: 'degraded' },
        { fromMs: 800, toMs: 1000, observation: 'offline' },
      ]),
    ).toBe(60);
  });

  it('is unknown where all is unknown', () => {
    expect(onlinePercent([{ fromMs: 0, toMs: 1, observation: 'never_seen' }])).toBeNull();
  });
});

it('presenceReason speaks plainly, also about reasons it does not know', () => {
  expect([
    presenceReason('hello'),
    presenceReason('goodbye:restart'),
    presenceReason('some_new_one'),
  ]).toEqual(['Connected', 'Signed off (restart)', 'some new one']);
});
