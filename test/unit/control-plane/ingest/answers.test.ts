import { describe, expect, it } from 'vitest';
import { createAnswers } from '../../../../control-plane/ingest/answers.ts';
import type { IngestMessage } from '../../../../control-plane/ingest/message.ts';
import { outcomeOf } from '../../../../control-plane/ingest/outcome.ts';
import { orgTelemetryOf } from '../../../../control-plane/settings-delivery/org-telemetry.ts';
import { SILENT } from '../../../../db/log.ts';
import { ADDRESS, batchOf, DEVICE, metricOf, ORG, RECEIVED_AT } from './batch-of.ts';

const asShipped = orgTelemetryOf(null, []);
const owner = { deviceId: DEVICE, orgId: ORG };
const beat = (version?: number): IngestMessage => ({
  kind: 'heartbeat',
  via: 'mqtt',
  address: ADDRESS,
  receivedAt: RECEIVED_AT,
  heartbeat: {
    status: 'online',
    uptime: 1,
    ...(version === undefined ? {} : { telemetry_version: version }),
  },
  certificateSerial: null,
});
const batch = batchOf('metrics', [metricOf()], { boot_id: 'boot-0001', seq: 1 });

function setUp() {
  let nowMs = RECEIVED_AT.getTime();
  const sent: { channel: string; payload: unknown; qos: number }[] = [];
  const answers = createAnswers({
    tokens: { isDue: () => false, make: async () => null },
    telemetry: { asShipped, of: () => asShipped, ready: () => null, stop: async () => undefined },
    trust: { due: () => null },
    publish(topic, payload, qos = 1) {
      sent.push({ channel: topic.split('/').slice(5).join('/'), payload: JSON.parse(payload), qos });
      return true;
    },
    log: SILENT,
    now: () => new Date(nowMs),
  });
  return {
    answers,
    sent,
    wait: (ms: number) => {
      nowMs += ms;
    },
  };
}

describe('createAnswers', () => {
  it('gives one ack for each stream of a device, the last', () => {
    const { answers, sent } = setUp();
    const ack = (stream: 'metrics' | 'logs', seq: number) =>
      outcomeOf('committed', owner, { stream, boot_id: 'boot-0001', seq });
    answers.tell(
      [batch, batch, batch, batch],
      [ack('metrics', 1), ack('logs', 1), ack('metrics', 2), ack('metrics', 3)],
    );
    expect(sent).toEqual([
      { channel: 'ack', payload: { stream: 'metrics', boot_id: 'boot-0001', seq: 3 }, qos: 0 },
      { channel: 'ack', payload: { stream: 'logs', boot_id: 'boot-0001', seq: 1 }, qos: 0 },
    ]);
  });

  it('says nothing about batches without a number, of unknown or of disabled devices', () => {
    const { answers, sent } = setUp();
    answers.tell(
      [batch, batch, batch],
      [outcomeOf('committed', owner), outcomeOf('unknown_device', null), outcomeOf('disabled', owner)],
    );
    expect(sent).toEqual([]);
  });

  it('sends settings where the beat names another version, at most every 30 s, never to who knows of none', () => {
    const { answers, sent, wait } = setUp();
    const tell = (version?: number) => answers.tell([beat(version)], [outcomeOf('committed', owner)]);
    tell();
    tell(0);
    expect(sent).toEqual([]);
    tell(7);
    tell(7);
    expect(sent).toMatchObject([{ channel: 'telemetry', payload: { version: 0 }, qos: 1 }]);
    wait(30_000);
    tell(7);
    expect(sent).toHaveLength(2);
  });
});
