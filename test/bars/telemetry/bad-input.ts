/**
 * Bar: every kind of bad record, over MQTT and over HTTPS, is counted with its reason and never stops its neighbours.
 * MQTT through the real broker, service and database; HTTPS through the use case that its route calls, with what
 * JSON.parse makes of the body, for what is not JSON at all the web server answers 400 itself.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { startBroker } from '#broker';
import { openAuthority, readCertificate } from '#certs';
import { DEFAULT_TELEMETRY, decodePayload, parseTopic, type Stream } from '#contract';
import { DEFAULT_RETENTION_DAYS } from '#web-api';
import { createControlPlane } from '../../../control-plane/create.ts';
import { openDeviceTokens } from '../../../control-plane/credentials/device-token.ts';
import { startControlPlaneService } from '../../../control-plane/service.ts';
import { SILENT } from '../../../db/log.ts';
import { runBar } from '../../support/bar.ts';
import { createTestDatabase } from '../../support/database.ts';
import { startTestServer } from '../../support/database-server.ts';
import { openDeviceLink } from '../../support/device-link.ts';
import { openTestEncryption } from '../../support/encryption.ts';
import { type SeededDevice, seedFleet } from '../../support/seeded-fleet.ts';

const ACK_LIMIT_MS = 15_000;
const now = (): string => new Date().toISOString();
const time = (value: string): string => `"timestamp":${value}`;
const metric = (rest = '"metric_type":"cpu","value":{"percent":1}', at = `"${now()}"`): string =>
  `{${time(at)},${rest}}`;
const line = (message: string, rest = ''): string =>
  `{${time(`"${now()}"`)},"log_level":"info","service_name":"bar","message":${message}${rest}}`;

interface Case {
  readonly name: string;
  readonly stream: Stream;
  readonly bad: string;
  /** Key of `counts()` that must rise by one. */
  readonly counted: string;
  /** Whether a row is stored all the same, with what was wrong put right. */
  readonly isStored?: boolean;
}
const CASES: readonly Case[] = [
  {
    name: 'NaN',
    stream: 'metrics',
    bad: metric('"metric_type":"cpu","value":{"percent":NaN}'),
    counted: 'rejected_not_json',
  },
  {
    name: '-Infinity',
    stream: 'metrics',
    bad: metric('"metric_type":"cpu","value":{"percent":-Infinity}'),
    counted: 'rejected_not_json',
  },
  {
    name: '10^400',
    stream: 'metrics',
    bad: metric('"metric_type":"cpu","value":{"percent":1e400}'),
    counted: 'rejected_number',
  },
  {
    name: 'U+0000 in a label',
    stream: 'metrics',
    bad: metric('"metric_type":"cpu","labels":{"a":"\\u0000"},"value":{"percent":1}'),
    counted: 'rejected_text',
  },
  {
    name: 'half a character',
    stream: 'metrics',
    bad: metric('"metric_type":"cpu","value":{"a":"\\ud800"}'),
    counted: 'rejected_text',
  },
  {
    name: 'five years ahead',
    stream: 'metrics',
    bad: metric(undefined, `"${new Date(Date.now() + 5 * 365 * 86_400_000).toISOString()}"`),
    counted: 'retimed',
    isStored: true,
  },
  {
    name: 'older than retention',
    stream: 'metrics',
    bad: metric(undefined, `"${new Date(Date.now() - 200 * 86_400_000).toISOString()}"`),
    counted: 'rejected_older_than_retention',
  },
  {
    name: 'a number for a type',
    stream: 'metrics',
    bad: metric('"metric_type":7,"value":{"percent":1}'),
    counted: 'rejected_record',
  },
  {
    name: 'a list for a value',
    stream: 'metrics',
    bad: metric('"metric_type":"cpu","value":[1]'),
    counted: 'rejected_record',
  },
  {
    name: 'no timestamp',
    stream: 'metrics',
    bad: '{"metric_type":"cpu","value":{"percent":1}}',
    counted: 'rejected_record',
  },
  {
    name: 'the 30th of February',
    stream: 'metrics',
    bad: metric(undefined, '"2026-02-30T00:00:00Z"'),
    counted: 'rejected_record',
  },
  {
    name: 'an unknown metric',
    stream: 'metrics',
    bad: metric('"metric_type":"nobody.knows","value":{"a":1}'),
    counted: 'rejected_unknown_metric',
  },
  {
    name: 'an undeclared label',
    stream: 'metrics',
    bad: metric('"metric_type":"queue","labels":{"other":"x"},"value":{"n":1}'),
    counted: 'rejected_undeclared_label',
  },
  {
    name: 'depth without end',
    stream: 'metrics',
    bad: metric(`"metric_type":"cpu","value":{"a":${'['.repeat(20_000)}${']'.repeat(20_000)}}`),
    counted: 'rejected_depth',
  },
  { name: 'a raw control character', stream: 'logs', bad: line('"a\u0001b"'), counted: 'rejected_not_json' },
  { name: 'a bad escape', stream: 'logs', bad: line('"a\\x41"'), counted: 'rejected_not_json' },
  { name: 'U+0000 in a line', stream: 'logs', bad: line('"a\\u0000b"'), counted: 'rejected_text' },
  {
    name: 'a line of 200 KiB',
    stream: 'logs',
    bad: line(`"${'x'.repeat(200 * 1024)}"`),
    counted: 'rejected_message_too_long',
  },
  {
    name: 'an unknown level',
    stream: 'logs',
    bad: line('"a"').replace('"info"', '"loud"'),
    counted: 'rejected_record',
  },
  {
    name: 'metadata of a wrong type',
    stream: 'logs',
    bad: line('"a"', ',"metadata":{"a":{"b":1}}'),
    counted: 'rejected_record',
  },
  { name: 'an event without kind', stream: 'events', bad: line('"a"'), counted: 'rejected_record' },
];
const NEIGHBOUR: Readonly<Record<Stream, string>> = {
  metrics: metric('"metric_type":"cpu","value":{"neighbour":1}'),
  logs: line('"neighbour"'),
  events: `{${time(`"${now()}"`)},"log_level":"info","kind":"bar.neighbour","message":"neighbour"}`,
};

await runBar(async () => {
  const server = await startTestServer();
  const test = await createTestDatabase();
  const dir = mkdtempSync(join(tmpdir(), 'bad-input-'));
  const authority = await openAuthority({ dir });
  const deviceTokens = await openDeviceTokens({ dir });
  const { database } = test;
  const { organization, devices } = await seedFleet({ database, authority, slug: 'bad-input', count: 2 });
  await declare(organization.id);
  const broker = await startBroker({
    host: '127.0.0.1',
    port: 0,
    tls: await authority.serverCertificate({ name: 'broker', hosts: ['localhost', '127.0.0.1'] }),
    trustPem: authority.trustPem,
    log: SILENT,
  });
  const service = await startControlPlaneService({
    database,
    authority,
    deviceTokens,
    mqttUrl: `mqtts://127.0.0.1:${broker.port}`,
    tls: await authority.serviceCertificate('control-plane'),
    trustPem: authority.trustPem,
    log: SILENT,
    deviceCertificateDays: 30,
  });
  await service.ready;
  const controlPlane = await createControlPlane({
    encryption: await openTestEncryption(database, dir),
    database,
    authority,
    deviceTokens,
    addresses: { publicUrl: 'https://localhost', mqttUrl: 'mqtts://localhost', serverPin: 'sha256//' },
    settings: { deviceMtls: 'optional', deviceCertificateDays: 30 },
    log: SILENT,
  });
  const sql = new pg.Client({ connectionString: test.url });
  await sql.connect();
  const failures: string[] = [];
  try {
    const [overMqtt, overHttps] = devices as [SeededDevice, SeededDevice];
    await runMqtt(overMqtt);
    await runHttps(overHttps);
    const letters = await sql.query<{ n: number }>('SELECT count(*)::int AS n FROM dead_letters');
    console.log(`${letters.rows[0]?.n} dead letters kept as samples`);
    for (const failure of failures) console.log(failure);
    return {
      name: 'telemetry-bad-input',
      figure: `${failures.length} of ${2 * CASES.length} cases stopped a neighbour or were not counted`,
      limit: '0',
      holds: failures.length === 0 && (letters.rows[0]?.n ?? 0) > 0,
    };
  } finally {
    await sql.end();
    await controlPlane.stop();
    await service.stop();
    await broker.stop();
    await test.drop();
    await server.stop();
    rmSync(dir, { recursive: true, force: true });
  }

  /** An organisation that takes declared types only, and one of these. */
  async function declare(orgId: string): Promise<void> {
    await database.telemetrySettings.replace(orgId, 0, {
      settings: DEFAULT_TELEMETRY,
      retentionDays: DEFAULT_RETENTION_DAYS,
      unknownMetrics: 'reject',
      updatedBy: 'bar',
    });
    const type = { description: null, unit: null, kind: 'gauge', maxSeries: 10 } as const;
    await database.metricTypes.put(orgId, { ...type, name: 'queue', allowedLabels: ['name'] });
  }

  async function runMqtt(device: SeededDevice): Promise<void> {
    const acked: Record<string, number> = {};
    let wake = Promise.withResolvers<void>();
    const link = await openDeviceLink({
      host: '127.0.0.1',
      port: broker.port,
      trustPem: authority.trustPem,
      credentials: device,
      epoch: 1,
      onMessage(topic, payload) {
        if (parseTopic(topic)?.channel !== 'ack') return;
        const ack = decodePayload('ack', payload);
        if (ack.ok) acked[ack.value.stream] = ack.value.seq;
        wake.resolve();
      },
      onClose: () => undefined,
    });
    const seqs: Record<Stream, number> = { metrics: 0, logs: 0, events: 0 };
    for (const { name, stream, bad, counted, isStored = false } of CASES) {
      seqs[stream] += 1;
      const seq = seqs[stream];
      const before = service.counts()[counted] ?? 0;
      const rows = await countRows(device);
      const records = [NEIGHBOUR[stream], bad, NEIGHBOUR[stream]].join(',');
      link.publishText(stream, `{"boot_id":"bad-input-1","seq":${seq},"records":[${records}]}`);
      const deadline = Date.now() + ACK_LIMIT_MS;
      while ((acked[stream] ?? 0) < seq && Date.now() < deadline) {
        wake = Promise.withResolvers();
        const timer = setTimeout(wake.resolve, 200);
        await wake.promise;
        clearTimeout(timer);
      }
      const stored = (await countRows(device)) - rows;
      const rise = (service.counts()[counted] ?? 0) - before;
      const wanted = isStored ? 3 : 2;
      if ((acked[stream] ?? 0) < seq || stored !== wanted || rise !== 1) {
        failures.push(
          `MQTT ${name}: ${stored} of ${wanted} rows, ${counted} +${rise}, ack ${acked[stream] ?? 0} of ${seq}`,
        );
      }
    }
    link.destroy();
  }

  async function runHttps(device: SeededDevice): Promise<void> {
    const origin = { ipAddress: null, userAgent: null, requestId: 'bar' };
    const caller = await controlPlane.device.authenticateCertificate(
      device.serial,
      readCertificate(device.chainPem).fingerprintSha256,
      origin,
    );
    for (const { name, stream, bad, isStored = false } of CASES) {
      const rows = await countRows(device);
      const records = [NEIGHBOUR[stream], bad, NEIGHBOUR[stream]].map(parseOrText);
      const reply =
        stream === 'metrics'
          ? await controlPlane.device.metrics(caller, { metrics: records })
          : stream === 'logs'
            ? await controlPlane.device.logs(caller, { logs: records })
            : await controlPlane.device.events(caller, { events: records });
      const stored = (await countRows(device)) - rows;
      const wanted = isStored ? 3 : 2;
      const isNamed = isStored || reply.errors[0]?.index === 1;
      if (reply.accepted !== wanted || stored !== wanted || !isNamed) {
        failures.push(`HTTPS ${name}: ${stored} of ${wanted} rows, ${JSON.stringify(reply.errors)}`);
      }
    }
  }

  async function countRows(device: SeededDevice): Promise<number> {
    const { rows } = await sql.query<{ n: number }>(
      `SELECT ((SELECT count(*) FROM device_metrics WHERE device_id = $1)
             + (SELECT count(*) FROM device_logs WHERE device_id = $1))::int AS n`,
      [device.device],
    );
    return rows[0]?.n ?? 0;
  }
});

/** A body is JSON as a whole over HTTPS: what is not, comes as the text that it was. */
function parseOrText(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
