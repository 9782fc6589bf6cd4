import { describe, expect, it } from 'vitest';
import type { ChannelName } from '#contract';
import { BYTES_PER_ROW, decodeMessage, weightOf } from '../../../../control-plane/ingest/message.ts';

const address = { org: 'acme', device: '0b6f3a1e-58a1-4c8e-9a44-0f3a1be5a001' };
const now = new Date('2026-11-23T06:00:00Z');
const decode = (channel: ChannelName, value: unknown) =>
  decodeMessage(channel, address, Buffer.from(JSON.stringify(value)), now);
const line = { timestamp: '2026-11-23T06:00:00Z', log_level: 'info', service_name: 'a', message: 'x' };

describe('decodeMessage', () => {
  it('reads a heartbeat and the certificate that it names', () => {
    const decoded = decode('heartbeat', { status: 'online', uptime: 1, certificate_serial: 'ab12' });
    expect(decoded).toMatchObject({
      ok: true,
      message: { kind: 'heartbeat', via: 'mqtt', address, receivedAt: now, certificateSerial: 'ab12' },
    });
  });

  it('reads the number of a batch that it cannot use, so that the device can forget it', () => {
    const records = [{ timestamp: 'yesterday', metric_type: 'cpu', value: {} }];
    expect(decode('metrics', { boot_id: 'boot-0001', seq: 3, records })).toMatchObject({
      ok: true,
      message: { content: { batch: { bootId: 'boot-0001', seq: 3 }, records: [], rejected: [{ index: 0 }] } },
    });
  });

  it.each([
    ['a heartbeat without status', decode('heartbeat', { uptime: 1 })],
    ['no JSON', decodeMessage('heartbeat', address, Buffer.from('{'), now)],
    ['invalid UTF-8', decodeMessage('metrics', address, Buffer.from([0xff, 0x7b]), now)],
    ['a channel that is not for ingest', decode('live/logs', {})],
  ])('refuses %s', (_sentence, decoded) => {
    expect(decoded.ok).toBe(false);
    expect(decoded.ok ? '' : decoded.reason).not.toBe('');
  });
});

describe('weightOf', () => {
  it('counts records, or the bytes of long ones', () => {
    const weigh = (records: readonly object[]): number => {
      const decoded = decode('logs', { records });
      return decoded.ok ? weightOf(decoded.message) : 0;
    };
    expect(weigh(Array.from({ length: 100 }, () => line))).toBe(100);
    expect(weigh([{ ...line, message: 'x'.repeat(16_000) }])).toBe(Math.ceil(16_112 / BYTES_PER_ROW));
  });
});
