import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { BatchMessage } from '../../../../control-plane/ingest/message.ts';
import { cursorKey, type LocatedDevice, planBatches } from '../../../../control-plane/ingest/plan-batches.ts';
import { prepareRows } from '../../../../control-plane/ingest/rows.ts';
import { createSeriesLimit } from '../../../../control-plane/ingest/series-limit.ts';
import { orgTelemetryOf } from '../../../../control-plane/settings-delivery/org-telemetry.ts';
import { batchOf, DEVICE, metricOf, ORG } from './batch-of.ts';

const telemetry = orgTelemetryOf(null, []);
const series = createSeriesLimit();
const device: LocatedDevice = { deviceId: DEVICE, orgId: ORG, orgSlug: 'acme', isDisabled: false };
const located = new Map([[`acme/${DEVICE}`, device]]);
const prepare = (message: BatchMessage, owner: LocatedDevice) =>
  prepareRows(message, owner, telemetry, series.of(owner.deviceId, 0, telemetry.redactor));
const batch = (seq: number, bootId = 'boot-0001'): BatchMessage =>
  batchOf('metrics', [metricOf({ value: { seq } })], { boot_id: bootId, seq });
const ack = (seq: number) => ({ stream: 'metrics', boot_id: 'boot-0001', seq });
const key = cursorKey({ deviceId: DEVICE, stream: 'metrics', bootId: 'boot-0001' });

describe('planBatches', () => {
  it('stores consecutive batches of one device once each and answers every one of them', () => {
    const sent = [batch(7), batch(7), batch(8), batch(10), batch(5)];
    const plan = planBatches(sent, located, new Map([[key, 6]]), prepare);
    expect(plan.outcomes.map((outcome) => [outcome.kind, outcome.ack])).toEqual([
      ['committed', ack(7)],
      ['duplicate', ack(7)],
      ['committed', ack(8)],
      ['gap', ack(8)],
      ['duplicate', ack(8)],
    ]);
    expect(plan.metrics.map(({ value }) => value.seq)).toEqual([7, 8]);
    expect(plan.moves).toMatchObject([{ deviceId: DEVICE, orgId: ORG, bootId: 'boot-0001', seq: 8 }]);
  });

  it('stores each batch once and in order, in whatever order, company and number it comes', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.constantFrom('boot-0001', 'boot-0002'), fc.integer({ min: 1, max: 8 })), {
          maxLength: 40,
        }),
        fc.integer({ min: 1, max: 10 }),
        (sends, size) => {
          const cursors = new Map<string, number>();
          const stored = new Map<string, number[]>();
          for (let from = 0; from < sends.length; from += size) {
            const messages = sends.slice(from, from + size).map(([boot, seq]) => batch(seq, boot));
            const plan = planBatches(messages, located, cursors, prepare);
            expect(plan.outcomes).toHaveLength(messages.length);
            for (const [index, { kind, ack: answer }] of plan.outcomes.entries()) {
              const number = messages[index]?.content.batch;
              if (kind !== 'committed') continue;
              stored.set(number?.bootId ?? '', [
                ...(stored.get(number?.bootId ?? '') ?? []),
                number?.seq ?? 0,
              ]);
              expect(answer?.seq).toBe(number?.seq);
            }
            for (const move of plan.moves) cursors.set(cursorKey(move), move.seq);
          }
          for (const seqs of stored.values()) expect(seqs).toEqual(seqs.map((_, index) => index + 1));
        },
      ),
      { numRuns: 500 },
    );
  });

  it('passes the number of a batch of which nothing can be stored, and keeps it as a dead letter', () => {
    const unusable = batchOf('metrics', [{ metric_type: 'cpu' }], { boot_id: 'boot-0001', seq: 1 });
    const plan = planBatches([unusable, batch(2)], located, new Map(), prepare);
    expect(plan.outcomes.map(({ kind }) => kind)).toEqual(['dead_lettered', 'committed']);
    expect(plan.refused).toMatchObject([{ orgId: ORG, rejected: [{ index: 0, code: 'record' }] }]);
    expect(plan.moves).toMatchObject([{ seq: 2 }]);
  });

  it('takes a batch without a number each time it comes, and answers nothing', () => {
    const plain = batchOf('metrics', [metricOf()]);
    const plan = planBatches([plain, plain], located, new Map(), prepare);
    expect(plan.outcomes).toMatchObject([
      { kind: 'committed', ack: null },
      { kind: 'committed', ack: null },
    ]);
    expect(plan.metrics).toHaveLength(2);
    expect(plan.moves).toEqual([]);
  });

  it('refuses a device that does not exist under its address, or is switched off, and goes on', () => {
    const foreign = { ...batch(1), address: { org: 'globex', device: DEVICE } };
    const plan = planBatches([foreign, batch(1)], located, new Map(), prepare);
    expect(plan.outcomes.map(({ kind }) => kind)).toEqual(['unknown_device', 'committed']);
    expect(plan.metrics).toHaveLength(1);
    const off = new Map([[`acme/${DEVICE}`, { ...device, isDisabled: true }]]);
    const refused = planBatches([batch(1)], off, new Map(), prepare);
    expect(refused.outcomes).toMatchObject([{ kind: 'disabled', ack: null }]);
    expect(refused).toMatchObject({ metrics: [], moves: [] });
  });
});
