import { describe, expect, it } from 'vitest';
import { culpritOf } from '../../../../control-plane/ingest/culprit.ts';
import type { BatchMessage } from '../../../../control-plane/ingest/message.ts';
import { type LocatedDevice, planBatches } from '../../../../control-plane/ingest/plan-batches.ts';
import { prepareRows } from '../../../../control-plane/ingest/rows.ts';
import { createSeriesLimit } from '../../../../control-plane/ingest/series-limit.ts';
import { orgTelemetryOf } from '../../../../control-plane/settings-delivery/org-telemetry.ts';
import { batchOf, DEVICE, metricOf, ORG } from './batch-of.ts';

const telemetry = orgTelemetryOf(null, []);
const series = createSeriesLimit();
const device: LocatedDevice = { deviceId: DEVICE, orgId: ORG, orgSlug: 'acme', isDisabled: false };
const old = metricOf({ timestamp: '2020-01-01T00:00:00Z', labels: {} });
const messages: readonly BatchMessage[] = [
  batchOf('metrics', [metricOf(), {}, metricOf()]),
  batchOf('events', [{ timestamp: '2026-11-23T05:59:59Z', kind: 'a', log_level: 'info', message: 'm' }]),
  batchOf('metrics', [{}, { ...old, timestamp: '2026-06-01T00:00:00Z' }, metricOf(), metricOf()]),
];
const plan = planBatches(messages, new Map([[`acme/${DEVICE}`, device]]), new Map(), (message, owner) =>
  prepareRows(message, owner, telemetry, series.of(DEVICE, 0, telemetry.redactor)),
);
const errorAt = (where: string): Error =>
  new Error('refused', { cause: Object.assign(new Error(), { where }) });

describe('culpritOf', () => {
  it.each([
    ['COPY device_metrics, line 1: "…"', { message: 0, record: 0 }],
    ['COPY device_metrics, line 2, column metric_value', { message: 0, record: 1 }],
    ['COPY device_metrics, line 3', { message: 2, record: 1 }],
    ['COPY device_metrics, line 4', { message: 2, record: 2 }],
    ['COPY device_logs, line 1', { message: 1, record: 0 }],
    ['COPY device_metrics, line 5', null],
    ['SQL statement', null],
  ])('reads %j', (where, culprit) => {
    expect(culpritOf(errorAt(where), messages, plan)).toEqual(culprit);
  });

  it('knows nothing of other errors', () => {
    expect(culpritOf(new Error('away'), messages, plan)).toBeNull();
    expect(culpritOf('text', messages, plan)).toBeNull();
  });
});
