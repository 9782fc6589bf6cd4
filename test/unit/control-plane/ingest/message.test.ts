import { describe, expect, it } from 'vitest';
import { topicFor } from '#contract';
import { decodeMessage } from '../../../../control-plane/ingest/message.ts';

const address = { org: 'acme', device: '0b6f3a1e-58a1-4c8e-9a44-0f3a1be5a001' };
const now = new Date('2026-11-23T06:00:00Z');
const decode = (channel: 'heartbeat' | 'presence' | 'metrics', value: unknown) =>
  decodeMessage(topicFor(channel, address), Buffer.from(JSON.stringify(value)), now);

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
      message: { kind: 'unusable', batch: { bootId: 'boot-0001', seq: 3 } },
    });
  });

  it.each([
    ['a batch without a number', decode('metrics', { boot_id: 'boot-0001', records: [] })],
    ['a batch with a number below 1', decode('metrics', { boot_id: 'boot-0001', seq: 0, records: [] })],
    ['a heartbeat without status', decode('heartbeat', { uptime: 1 })],
    ['no JSON', decodeMessage(topicFor('heartbeat', address), Buffer.from('{'), now)],
    ['invalid UTF-8', decodeMessage(topicFor('metrics', address), Buffer.from([0xff, 0x7b]), now)],
    ['a channel that flows the other way', decodeMessage(topicFor('ack', address), Buffer.from('{}'), now)],
    ['a topic outside the tree', decodeMessage('edge/v1/acme', Buffer.from('{}'), now)],
  ])('refuses %s', (_sentence, decoded) => {
    expect(decoded.ok).toBe(false);
    expect(decoded.ok ? '' : decoded.reason).not.toBe('');
  });
});
