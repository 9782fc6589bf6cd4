/** The decoder: unknown fields pass, missing and unstorable ones do not, and the reason names the field. */
import { describe, expect, it } from 'vitest';
import { decodePayload, decodeSystemPayload, MAX_BATCH_RECORDS } from '#contract';

const bytes = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));
const beat = { status: 'online', uptime: 1 };
const record = { timestamp: '2026-11-23T06:00:00Z', metric_type: 'cpu', value: { percent: 1 } };
const batch = (records: unknown[]) => ({ boot_id: '0c8f6a52-4f0e', seq: 1, records });

describe('decodePayload', () => {
  it('accepts the least, and ignores what it does not know', () => {
    expect(decodePayload('heartbeat', bytes({ ...beat, later: [1, 2, { x: null }] }))).toMatchObject({
      ok: true,
    });
  });

  it.each([
    ['a missing field', { uptime: 1 }, /status/],
    ['a foreign status', { ...beat, status: 'offline' }, /status/],
    ['a percentage above 100', { ...beat, metrics: { cpu_percent: 101 } }, /metrics\.cpu_percent/],
    ['a negative uptime', { ...beat, uptime: -1 }, /uptime/],
    ['U+0000', { ...beat, firmware_version: 'a\0' }, /U\+0000/],
    ['half a character', { ...beat, firmware_version: '\ud800' }, /half a character/],
    ['U+0000 in a key', { ...beat, facts: { 'a\0': 1 } }, /U\+0000/],
    ['a list', [], /./],
    ['null', null, /./],
  ])('refuses %s and says where', (_name, value, reason) => {
    const decoded = decodePayload('heartbeat', bytes(value));
    expect(decoded).toMatchObject({ ok: false });
    expect(decoded.ok ? '' : decoded.reason).toMatch(reason);
  });

  it('refuses depth without end, in time', () => {
    const deep = `${'{"a":'.repeat(5000)}1${'}'.repeat(5000)}`;
    const decoded = decodePayload('heartbeat', Buffer.from(`{"status":"online","uptime":1,"x":${deep}}`));
    expect(decoded).toEqual({ ok: false, reason: 'nested deeper than 12 levels' });
  });

  it.each([
    ['no JSON', Buffer.from('hello')],
    ['an empty payload', Buffer.alloc(0)],
    ['UTF-8 cut short', Buffer.from('7b22ff227d', 'hex')],
    ['two values', Buffer.from('{}{}')],
    ['NaN', Buffer.from('{"status":"online","uptime":NaN}')],
  ])('refuses %s', (_name, payload) => {
    expect(decodePayload('heartbeat', payload)).toEqual({
      ok: false,
      reason: 'payload is not JSON in UTF-8',
    });
  });

  it('takes a full batch and not one record more', () => {
    expect(decodePayload('metrics', bytes(batch(Array(MAX_BATCH_RECORDS).fill(record))))).toMatchObject({
      ok: true,
    });
    expect(decodePayload('metrics', bytes(batch(Array(MAX_BATCH_RECORDS + 1).fill(record))))).toMatchObject({
      ok: false,
    });
    expect(decodePayload('metrics', bytes(batch([])))).toMatchObject({ ok: false });
  });

  it('does not let a prototype in through a key', () => {
    const decoded = decodePayload(
      'heartbeat',
      Buffer.from('{"status":"online","uptime":1,"__proto__":{"polluted":true}}'),
    );
    expect(decoded).toMatchObject({ ok: true });
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
  });
});

describe('decodeSystemPayload', () => {
  it('takes serials in lower hex only', () => {
    const message = { kind: 'added', generation: '1', part: 1, parts: 1 };
    expect(decodeSystemPayload('revocations', bytes({ ...message, serials: ['0abc'] }))).toMatchObject({
      ok: true,
    });
    expect(decodeSystemPayload('revocations', bytes({ ...message, serials: ['0ABC'] }))).toMatchObject({
      ok: false,
    });
  });
});
