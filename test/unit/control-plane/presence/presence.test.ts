import { describe, expect, it } from 'vitest';
import type { PresenceState } from '#db';
import {
  decidePresence,
  type PresenceEvent,
  SILENCE_MS,
} from '../../../../control-plane/presence/presence.ts';

const START = new Date('2026-11-23T06:00:00Z');
const at = (seconds: number): Date => new Date(START.getTime() + seconds * 1000);

const fresh: PresenceState = {
  deviceId: '0b6f3a1e-58a1-4c8e-9a44-0f3a1be5a001',
  orgId: '0b6f3a1e-58a1-4c8e-9a44-0f3a1be5a002',
  orgSlug: 'acme',
  observation: 'never_seen',
  since: null,
  sessionEpoch: 0,
  connected: false,
  lastHeartbeatAt: null,
  goodbyeReason: null,
};
const hello = (epoch: number): PresenceEvent => ({ kind: 'hello', epoch });
const lost = (epoch: number): PresenceEvent => ({ kind: 'lost', epoch });
const goodbye = (epoch: number): PresenceEvent => ({ kind: 'goodbye', epoch, reason: 'shutdown' });
const beat = (
  epoch: number | null,
  status: 'online' | 'degraded' | 'error' | 'maintenance' = 'online',
): PresenceEvent => ({ kind: 'heartbeat', via: 'mqtt', epoch, status });
const httpsBeat: PresenceEvent = { kind: 'heartbeat', via: 'https', epoch: null, status: 'online' };
const silence: PresenceEvent = { kind: 'silence' };

/** One second between events. */
const play = (events: readonly PresenceEvent[], from = fresh): PresenceState =>
  events.reduce((state, event, index) => decidePresence(state, event, at(index)).next, from);

describe('decidePresence', () => {
  it.each<[string, PresenceEvent[], PresenceState['observation']]>([
    ['brings a device online by its hello', [hello(1)], 'online'],
    ['brings it online by a beat that overtook the hello', [beat(1)], 'online'],
    [
      'keeps it offline when the hello comes after the goodbye of its session',
      [goodbye(1), hello(1)],
      'offline',
    ],
    [
      'keeps it offline when a beat comes after the will of its session',
      [hello(1), lost(1), beat(1)],
      'offline',
    ],
    [
      'keeps it offline when a beat comes after the goodbye of its session',
      [hello(1), goodbye(1), beat(1)],
      'offline',
    ],
    ['ignores the will of a session that was taken over', [hello(1), hello(2), lost(1)], 'online'],
    ['ignores the goodbye of a session that was taken over', [hello(1), beat(2), goodbye(1)], 'online'],
    ['ignores a beat of an older session', [hello(2), lost(2), beat(1)], 'offline'],
    ['takes a will of a session whose hello was missed', [hello(1), lost(2), hello(1)], 'offline'],
    ['comes back with a higher epoch', [hello(1), lost(1), hello(2)], 'online'],
    ['believes a device that says error', [hello(1), beat(1, 'error')], 'error'],
    ['believes a device that says degraded', [hello(1), beat(1, 'degraded')], 'degraded'],
    ['shows a device in maintenance as there', [hello(1), beat(1, 'maintenance')], 'online'],
    ['recovers from error with a good beat', [beat(1, 'error'), beat(1)], 'online'],
    ['keeps error over a reconnect until a beat says otherwise', [beat(1, 'error'), hello(2)], 'error'],
    ['is degraded by HTTPS alone', [httpsBeat], 'degraded'],
    ['is degraded by HTTPS after the MQTT link broke', [hello(1), lost(1), httpsBeat], 'degraded'],
    ['stays online by HTTPS beside a live MQTT session', [hello(1), httpsBeat], 'online'],
    ['is online again when MQTT returns after HTTPS', [httpsBeat, hello(1), beat(1)], 'online'],
    ['takes a plain MQTT client without sessions as online', [beat(null)], 'online'],
    ['ends by revocation', [hello(1), beat(1), { kind: 'revoked' }, beat(1)], 'offline'],
    ['leaves a device that never came as it is when revoked', [{ kind: 'revoked' }], 'never_seen'],
    ['says nothing of silence about a device that never came', [silence], 'never_seen'],
  ])('%s', (_sentence, events, expected) => {
    expect(play(events).observation).toBe(expected);
  });

  it('is silent from 75 s on and not before', () => {
    const state = play([hello(1), beat(1)]);
    const early = decidePresence(state, silence, new Date(at(1).getTime() + SILENCE_MS - 1));
    expect(early).toMatchObject({ change: null, next: { observation: 'online' } });
    const due = decidePresence(state, silence, new Date(at(1).getTime() + SILENCE_MS));
    expect(due.change).toMatchObject({ from: 'online', to: 'offline', reason: 'silence', sessionEpoch: 1 });
    expect(due.next.connected).toBe(true);
  });

  it('counts silence from the hello where the last beat is of yesterday', () => {
    const state = play([hello(2)], { ...fresh, observation: 'offline', lastHeartbeatAt: at(-86_400) });
    expect(decidePresence(state, silence, at(60)).change).toBeNull();
    expect(decidePresence(state, silence, at(80)).change).toMatchObject({ to: 'offline' });
  });

  it('brings a silent device back with the next beat of the same session', () => {
    const silent = decidePresence(play([hello(1), beat(1)]), silence, at(200)).next;
    expect(decidePresence(silent, beat(1), at(201)).change).toMatchObject({ from: 'offline', to: 'online' });
  });

  it('never takes a disconnect as activity', () => {
    const state = play([hello(1), beat(1)]);
    expect(decidePresence(state, lost(1), at(50)).next.lastHeartbeatAt).toEqual(at(1));
    expect(decidePresence(state, goodbye(1), at(50)).next.lastHeartbeatAt).toEqual(at(1));
  });

  it('says why a device left, even when its will was faster', () => {
    expect(decidePresence(play([hello(1)]), goodbye(1), at(9)).change?.reason).toBe('goodbye:shutdown');
    const late = decidePresence(play([hello(1), lost(1)]), goodbye(1), at(9));
    expect(late).toMatchObject({ change: null, next: { goodbyeReason: 'shutdown', observation: 'offline' } });
  });

  it('reports a change only where something changed, and returns the same state for what it ignores', () => {
    const state = play([hello(3), beat(3)]);
    expect(decidePresence(state, hello(3), at(9)).next).toBe(state);
    expect(decidePresence(state, lost(2), at(9))).toEqual({ next: state, change: null, accepted: false });
    expect(decidePresence(state, beat(3), at(9))).toMatchObject({ change: null, accepted: true });
  });
});

describe('sessions in any order', () => {
  /** Small, seeded and repeatable: the same sequences on every run. Source: mulberry32, public domain. */
  const randomFrom = (seed: number) => () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
  const shuffle = <T>(items: readonly T[], random: () => number): T[] => {
    const result = [...items];
    for (let index = result.length - 1; index > 0; index -= 1) {
      const other = Math.floor(random() * (index + 1));
      [result[index], result[other]] = [result[other] as T, result[index] as T];
    }
    return result;
  };

  it('ends online after 1,000 fast reconnects whose wills and hellos arrive reordered (W10)', () => {
    const random = randomFrom(7333);
    const sessions = Array.from({ length: 1000 }, (_, index) => index + 1);
    const events = sessions.flatMap((epoch) =>
      epoch === 1000 ? [hello(epoch), beat(epoch)] : [hello(epoch), beat(epoch), lost(epoch)],
    );
    for (let round = 0; round < 20; round += 1) {
      expect(play(shuffle(events, random))).toMatchObject({ observation: 'online', sessionEpoch: 1000 });
    }
    expect(play(events)).toMatchObject({ observation: 'online', sessionEpoch: 1000 });
  });

  it('ends as its newest session did, whatever the order and however often each message comes', () => {
    const random = randomFrom(6);
    for (let round = 0; round < 3000; round += 1) {
      const newest = 1 + Math.floor(random() * 5);
      const events: PresenceEvent[] = [];
      let hasEnded = false;
      for (let epoch = 1; epoch <= newest; epoch += 1) {
        events.push(hello(epoch));
        if (random() < 0.7) events.push(beat(epoch));
        if (random() < 0.6) {
          events.push(random() < 0.5 ? lost(epoch) : goodbye(epoch));
          hasEnded = epoch === newest;
        }
      }
      const doubled = events.filter(() => random() < 0.4);
      const state = play(shuffle([...events, ...doubled], random));
      expect(state.sessionEpoch).toBe(newest);
      expect(state.connected).toBe(!hasEnded);
      expect(state.observation).toBe(hasEnded ? 'offline' : 'online');
    }
  });
});
