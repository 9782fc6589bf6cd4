import { describe, expect, it } from 'vitest';
import { DEFAULT_TELEMETRY } from '#contract';
import type { StoredMetricType, StoredTelemetrySettings } from '#db';
import { DEFAULT_RETENTION_DAYS } from '#web-api';
import type { BatchMessage } from '../../../../control-plane/ingest/message.ts';
import { prepareRows } from '../../../../control-plane/ingest/rows.ts';
import { createSeriesLimit, MAX_SERIES_PER_DEVICE } from '../../../../control-plane/ingest/series-limit.ts';
import {
  type OrgTelemetry,
  orgTelemetryOf,
} from '../../../../control-plane/settings-delivery/org-telemetry.ts';
import { batchOf, DEVICE, metricOf, ORG, RECEIVED_AT } from './batch-of.ts';

const asShipped = orgTelemetryOf(null, []);
const stored: StoredTelemetrySettings = {
  settings: { ...DEFAULT_TELEMETRY, version: 1 },
  retentionDays: { ...DEFAULT_RETENTION_DAYS, metrics: 7 },
  unknownMetrics: 'reject',
  updatedAt: RECEIVED_AT,
  updatedBy: 'admin',
};
const declared: StoredMetricType = {
  name: 'queue',
  origin: 'declared',
  description: null,
  unit: null,
  kind: 'gauge',
  allowedLabels: ['name'],
  maxSeries: 2,
  firstSeenAt: null,
};
const prepare = (message: BatchMessage, telemetry: OrgTelemetry = asShipped, series = createSeriesLimit()) =>
  prepareRows(message, { deviceId: DEVICE, orgId: ORG }, telemetry, series.of(DEVICE, 0, telemetry.redactor));
const secret = 'password=hunter2-very-secret';
const line = (extra: object = {}) => ({
  timestamp: '2026-11-23T05:59:59Z',
  log_level: 'info',
  service_name: 'vllm',
  message: 'up',
  ...extra,
});

describe('prepareRows', () => {
  it('makes a row of each measurement, with what is said of it besides', () => {
    const aggregate = { seconds: 60, count: 6, min: { percent: 0 }, max: { percent: 2 } };
    const prepared = prepare(
      batchOf('metrics', [metricOf(), metricOf({ aggregate, labels: { core: '1' } })]),
    );
    const row = { deviceId: DEVICE, orgId: ORG, metricType: 'cpu', value: { percent: 1 }, labels: null };
    expect(prepared.metrics).toMatchObject([
      { ...row, atMs: RECEIVED_AT.getTime() - 1000, receivedAtMs: RECEIVED_AT.getTime(), metadata: null },
      { labels: { core: '1' }, metadata: { aggregate } },
    ]);
  });

  it('makes a line of an event, under the name of the agent', () => {
    const event = {
      timestamp: '2026-11-23T05:59:59Z',
      kind: 'agent.started',
      log_level: 'warning',
      message: 'm',
    };
    expect(prepare(batchOf('events', [{ ...event, metadata: { a: 1 } }])).logs).toMatchObject([
      { service: 'edge-agent', level: 'warning', message: 'm', metadata: { a: 1, event: 'agent.started' } },
    ]);
  });

  it('hides secrets in lines, events, texts of measurements and labels', () => {
    const rows = [
      prepare(batchOf('logs', [line({ message: secret, metadata: { note: secret } })])),
      prepare(batchOf('events', [{ ...line(), kind: 'a', message: secret }])),
      prepare(
        batchOf('metrics', [metricOf({ value: { note: secret } }), metricOf({ labels: { note: secret } })]),
      ),
    ];
    const text = JSON.stringify(rows.map(({ metrics, logs }) => [metrics, logs]));
    expect(text).not.toContain('hunter2');
    expect(text.match(/\[redacted:/g)?.length).toBeGreaterThanOrEqual(5);
  });

  it('hides the labels of a series in its second record too', () => {
    const series = createSeriesLimit();
    const record = metricOf({ labels: { note: secret } });
    prepare(batchOf('metrics', [record]), asShipped, series);
    const [row] = prepare(batchOf('metrics', [record]), asShipped, series).metrics;
    expect(row?.labels?.note).toContain('[redacted:');
  });

  it('corrects the times of a device whose clock is off, and says so', () => {
    const fields = { sent_at: '2031-11-23T06:00:00Z', backfill: true };
    const [row] = prepare(
      batchOf('metrics', [metricOf({ timestamp: '2031-11-23T05:59:00Z' })], fields),
    ).metrics;
    expect(row?.atMs).toBe(RECEIVED_AT.getTime() - 60_000);
    expect(row?.metadata).toEqual({
      backfill: true,
      clock_skew_ms: Date.parse('2031-11-23T06:00:00Z') - RECEIVED_AT.getTime(),
      device_timestamp: '2031-11-23T05:59:00Z',
    });
  });

  it('refuses what is older than the organisation keeps', () => {
    const old = metricOf({ timestamp: '2026-11-15T06:00:00Z' });
    expect(prepare(batchOf('metrics', [old])).metrics).toHaveLength(1);
    expect(prepare(batchOf('metrics', [old, metricOf()]), orgTelemetryOf(stored, []))).toMatchObject({
      metrics: [{ metricType: 'cpu' }],
      rejected: [{ index: 0, code: 'older_than_retention' }],
    });
  });

  it('takes up new metric types, or refuses them where only declared ones are taken', () => {
    const message = batchOf('metrics', [metricOf({ metric_type: 'own' }), metricOf()]);
    expect([...prepare(message).newTypes]).toEqual(['own']);
    expect(prepare(message, orgTelemetryOf(stored, []))).toMatchObject({
      metrics: [{ metricType: 'cpu' }],
      rejected: [
        { index: 0, code: 'unknown_metric', reason: expect.stringContaining('records.0.metric_type') },
      ],
    });
  });

  it('keeps a declared type to its labels and to its number of series', () => {
    const queue = (labels: Record<string, string>) => metricOf({ metric_type: 'queue', labels });
    const sent = [
      queue({ name: 'a' }),
      queue({ other: 'x' }),
      queue({ name: 'b' }),
      queue({ name: 'c' }),
      queue({ name: 'a' }),
    ];
    expect(prepare(batchOf('metrics', sent), orgTelemetryOf(stored, [declared]))).toMatchObject({
      metrics: [{ labels: { name: 'a' } }, { labels: { name: 'b' } }, { labels: { name: 'a' } }],
      rejected: [
        { index: 1, code: 'undeclared_label' },
        { index: 3, code: 'too_many_series' },
      ],
    });
  });

  it('bounds the series of one device', () => {
    const series = createSeriesLimit();
    const sent = (from: number) =>
      batchOf(
        'metrics',
        Array.from({ length: 1000 }, (_, i) => metricOf({ labels: { id: String(from + i) } })),
      );
    expect(prepare(sent(0), asShipped, series).metrics).toHaveLength(MAX_SERIES_PER_DEVICE);
    expect(prepare(sent(1000), asShipped, series).rejected).toHaveLength(1000);
    expect(prepare(sent(0), asShipped, series).metrics).toHaveLength(MAX_SERIES_PER_DEVICE);
  });

  it('names the place of a record as it was sent, though others were left out before', () => {
    const message = batchOf('metrics', [{}, metricOf({ metric_type: 'own' })]);
    const { rejected } = prepare(message, orgTelemetryOf(stored, []));
    expect(rejected.map(({ index, code }) => `${index} ${code}`)).toEqual(['0 record', '1 unknown_metric']);
  });
});
