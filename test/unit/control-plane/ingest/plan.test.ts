import { describe, expect, it } from 'vitest';
import type { PresenceState } from '#db';
import type { IngestMessage } from '../../../../control-plane/ingest/message.ts';
import { cursorKey, planBatch } from '../../../../control-plane/ingest/plan.ts';

const DEVICE = '0b6f3a1e-58a1-4c8e-9a44-0f3a1be5a001';
const ORG = '0b6f3a1e-58a1-4c8e-9a44-0f3a1be5a002';
const receivedAt = new Date('2026-11-23T06:00:00Z');
const address = { org: 'acme', device: DEVICE };
const state: PresenceState = {
  deviceId: DEVICE,
  orgId: ORG,
  orgSlug: 'acme',
  observation: 'offline',
  since: null,
  sessionEpoch: 4,
  connected: false,
  lastHeartbeatAt: null,
  goodbyeReason: null,
};
const beat = (epoch: number, seq: number, extra: object = {}): IngestMessage => ({
  kind: 'heartbeat',
  via: 'mqtt',
  address,
  receivedAt,
  heartbeat: { status: 'online', uptime: 1, session_epoch: epoch, seq, ...extra },
  certificateSerial: 'ab12',
});
const batch = (seq: number): IngestMessage => ({
  kind: 'metrics',
  address,
  receivedAt,
  batch: { bootId: 'boot-0001', seq },
  records: [{ timestamp: '2026-11-23T06:00:00Z', metric_type: 'cpu', value: { percent: seq } }],
});
const ack = (seq: number) => ({ stream: 'metrics', boot_id: 'boot-0001', seq });

describe('planBatch', () => {
  it('stores consecutive batches of one device once each and answers every one of them', () => {
    const cursors = new Map([[cursorKey(DEVICE, 'boot-0001'), 6]]);
    const plan = planBatch([batch(7), batch(7), batch(8), batch(10), batch(5)], [state], cursors);
    expect(plan.outcomes.map(({ kind, ack }) => [kind, ack])).toEqual([
      ['committed', ack(7)],
      ['duplicate', ack(7)],
      ['committed', ack(8)],
      ['gap', ack(8)],
      ['duplicate', ack(8)],
    ]);
    expect(plan.metrics.map(({ record }) => record.value.percent)).toEqual([7, 8]);
    expect(plan.moves).toMatchObject([{ deviceId: DEVICE, orgId: ORG, bootId: 'boot-0001', seq: 8 }]);
    expect(plan.states).toEqual([]);
  });

  it('passes the number of an unusable batch and keeps it as a dead letter', () => {
    const unusable: IngestMessage = {
      kind: 'unusable',
      address,
      receivedAt,
      batch: { bootId: 'boot-0001', seq: 1 },
      reason: 'records.0.timestamp: must match format',
      sample: Buffer.from('{}'),
    };
    const plan = planBatch([unusable, batch(2)], [state], new Map());
    expect(plan.outcomes.map(({ kind }) => kind)).toEqual(['dead_lettered', 'committed']);
    expect(plan.deadLetters).toEqual([unusable]);
    expect(plan.moves).toMatchObject([{ seq: 2 }]);
  });

  it('writes the newest beat of a device, with the facts of an earlier one, and one change', () => {
    const plan = planBatch([beat(5, 1, { facts: { arch: 'x64' } }), beat(5, 2)], [state], new Map());
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
    const plan = planBatch([beat(5, 2)], [online], new Map());
    expect(plan.states).toEqual([]);
    expect(plan.heartbeats).toMatchObject([{ receivedAt }]);
  });

  it('neither stores nor answers a beat of an ended session', () => {
    const plan = planBatch([beat(4, 9)], [state], new Map());
    expect(plan.outcomes).toEqual([{ kind: 'stale', deviceId: DEVICE, orgId: ORG, ack: null }]);
    expect(plan.heartbeats).toEqual([]);
    expect(plan.certificates).toEqual([]);
  });

  it('takes the certificate of a hello, never that of a will', () => {
    const presence = (kind: 'hello' | 'lost'): IngestMessage => ({
      kind: 'presence',
      address,
      receivedAt,
      presence: { kind, session_epoch: 6, certificate_serial: 'cd34' },
    });
    expect(planBatch([presence('hello')], [state], new Map()).certificates).toHaveLength(1);
    expect(planBatch([presence('lost')], [state], new Map()).certificates).toEqual([]);
  });

  it('counts a device that does not exist under its address and goes on', () => {
    const foreign = { ...batch(1), address: { org: 'globex', device: DEVICE } };
    const plan = planBatch([foreign, batch(1)], [state], new Map());
    expect(plan.outcomes.map(({ kind }) => kind)).toEqual(['unknown_device', 'committed']);
    expect(plan.metrics).toHaveLength(1);
  });
});
