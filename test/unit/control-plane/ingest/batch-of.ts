/** Batch messages as the decoder makes them, for tests of what comes behind it. */
import type { MetricRecord, Stream } from '#contract';
import { decodeContent } from '../../../../control-plane/ingest/decode-batch.ts';
import type { BatchMessage } from '../../../../control-plane/ingest/message.ts';

export const DEVICE = '0b6f3a1e-58a1-4c8e-9a44-0f3a1be5a001';
export const ORG = '0b6f3a1e-58a1-4c8e-9a44-0f3a1be5a002';
export const RECEIVED_AT = new Date('2026-11-23T06:00:00Z');
export const ADDRESS = { org: 'acme', device: DEVICE };

/** @throws Error where the decoder refuses it as a whole */
export function batchOf(
  stream: Stream,
  records: readonly unknown[],
  fields: Readonly<Record<string, unknown>> = {},
): BatchMessage {
  const decoded = decodeContent(stream, fields, records, 'records', false);
  if (!decoded.ok) throw new Error(decoded.reason);
  return {
    kind: 'batch',
    address: ADDRESS,
    receivedAt: RECEIVED_AT,
    bytes: 100,
    content: decoded.content,
  };
}

export const metricOf = (extra: Partial<MetricRecord> = {}): MetricRecord => ({
  timestamp: '2026-11-23T05:59:59.000Z',
  metric_type: 'cpu',
  value: { percent: 1 },
  ...extra,
});
