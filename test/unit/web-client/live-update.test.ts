import { describe, expect, it } from 'vitest';
import { decodeLiveUpdate } from '../../../web/client/data/live-update.ts';

const line = {
  timestamp: '2026-11-23T12:00:00Z',
  log_level: 'info',
  service_name: 'vllm',
  message: 'loaded',
};

describe('decodeLiveUpdate', () => {
  it('takes records that are whole, and leaves out the others', () => {
    const records = [line, { ...line, timestamp: 'soon' }, { ...line, log_level: 'loud' }, null, 'x'];
    expect(decodeLiveUpdate(JSON.stringify({ kind: 'logs', skipped: 3, records }))).toEqual({
      kind: 'logs',
      skipped: 3,
      records: [line],
    });
  });

  it('reads measurements and states', () => {
    const record = { timestamp: line.timestamp, metric_type: 'cpu', value: { percent: 4 } };
    expect(decodeLiveUpdate(JSON.stringify({ kind: 'metrics', records: [record, {}] }))).toEqual({
      kind: 'metrics',
      skipped: 0,
      records: [record],
    });
    expect(decodeLiveUpdate('{"kind":"state","state":"offline"}')).toEqual({
      kind: 'state',
      state: 'offline',
    });
  });

  it.each([['not json'], ['null'], ['[]'], ['{"kind":"state","state":"asleep"}'], ['{"kind":"video"}']])(
    'knows nothing of %s',
    (data) => {
      expect(decodeLiveUpdate(data)).toBeNull();
    },
  );
});
