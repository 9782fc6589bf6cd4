import { describe, expect, it } from 'vitest';
import type { LockedPresence } from '#db';
import type { SignMessage } from '../../../../control-plane/ingest/message.ts';
import { planBeats } from '../../../../control-plane/ingest/plan-beats.ts';

const DEVICE = '0b6f3a1e-58a1-4c8e-9a44-0f3a1be5a001';
const ORG = '0b6f3a1e-58a1-4c8e-9a44-0f3a1be5a002';
const receivedAt = new Date('2026-11-23T06:00:00Z');
const address = { org: 'acme', device: DEVICE };
const state: LockedPresence = {
  deviceId: DEVICE,
  orgId: ORG,
  orgSlug: 'acme',
  observation: 'offline',
  since: null,
  sessionEpoch: 4,
  connected: false,
  lastHeartbeatAt: null,
  goodbyeReason: null,
  intent: 'active',
};
const beat = (epoch: number, seq: number, extra: object = {}): SignMessage => ({
  kind: 'heartbeat',
  via: 'mqtt',
  address,
  receivedAt,
  heartbeat: { status: 'online', uptime: 1, session_epoch: epoch, seq, ...extra },
  certificateSerial: 'ab12',
});

describe('planBeats', () => {
  it('writes the newest beat of a device, with the facts of an earlier one, and one change', () => {
    const plan = planBeats([beat(5, 1, { facts: { arch: 'x64' } }), beat(5, 2)], [state]);
    expect(plan.heartbeats).toMatchObject([
      { deviceId: DEVICE, heartbeat: { seq: 2, facts: { arch: 'x64' } } },
    ]);
    expect(plan.changes).toMatchObject([{ from: 'offline', to: 'online', sessionEpoch: 5 }]);
    expect(plan.states).toMatchObject([{ connected: true, sessionEpoch: 5, lastHeartbeatAt: receivedAt }]);
    expect([...(plan.seen.get(ORG) ?? [])]).toEqual([DEVICE]);
    expect(plan.outcomes[1]?.ack).toEqual({ stream: 'heartbeat', boot_id: '5', seq: 2 });
    expect(plan.certificates).toContainEqual({ serial: 'ab12', deviceId: DEVICE });
  });

  it('saves no presence for an ordinary beat: its body carries the time', () => {
    const online = { ...state, observation: 'online' as const, connected: true, sessionEpoch: 5 };
    const plan = planBeats([beat(5, 2)], [online]);
    expect(plan.states).toEqual([]);
    expect(plan.heartbeats).toMatchObject([{ receivedAt }]);
  });

  it('neither stores nor answers a beat of an ended session', () => {
    const plan = planBeats([beat(4, 9)], [state]);
    expect(plan.outcomes).toMatchObject([{ kind: 'stale', deviceId: DEVICE, orgId: ORG, ack: null }]);
    expect(plan.heartbeats).toEqual([]);
    expect(plan.certificates).toEqual([]);
  });

  it('takes no beat of a device that an operator switched off', () => {
    const plan = planBeats([beat(5, 1)], [{ ...state, intent: 'disabled' }]);
    expect(plan.outcomes).toMatchObject([{ kind: 'disabled', ack: null }]);
    expect(plan).toMatchObject({ heartbeats: [], changes: [], states: [], certificates: [] });
  });

  it('takes the certificate of a hello, never that of a will', () => {
    const presence = (kind: 'hello' | 'lost'): SignMessage => ({
      kind: 'presence',
      address,
      receivedAt,
      presence: { kind, session_epoch: 6, certificate_serial: 'cd34' },
    });
    expect(planBeats([presence('hello')], [state]).certificates).toHaveLength(1);
    expect(planBeats([presence('lost')], [state]).certificates).toEqual([]);
  });

  it('counts a device that does not exist under its address and goes on', () => {
    const foreign = { ...beat(5, 1), address: { org: 'globex', device: DEVICE } };
    const plan = planBeats([foreign, beat(5, 1)], [state]);
    expect(plan.outcomes.map(({ kind }) => kind)).toEqual(['unknown_device', 'committed']);
  });
});
