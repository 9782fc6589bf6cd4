/** Everything that a device measures, with real sockets, a real exporter and this machine. */
import { createSocket } from 'node:dgram';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type RequestListener } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { decodeValue, EventRecord, MetricRecord, type ServiceStatus } from '#contract';
import { machineCollectors } from '../../../agent/collectors/machine.ts';
import { simulatedCollectors } from '../../../agent/fleet/simulated.ts';
import type { MetricsConfig } from '../../../agent/metrics/config.ts';
import { MAX_SCRAPE_BYTES, scrape } from '../../../agent/metrics/scrape.ts';
import { type MetricSourceOptions, startMetricSource } from '../../../agent/metrics/source.ts';
import { silentLog } from '../../unit/agent/silent-log.ts';

let stateDir: string;
const endings: (() => unknown)[] = [];
beforeEach(async () => {
  stateDir = await mkdtemp(join(tmpdir(), 'metric-source-'));
});
afterEach(async () => {
  for (const end of endings.splice(0).reverse()) await end();
  await rm(stateDir, { recursive: true });
});

const every = (interval_seconds: number, aggregate_seconds = 0) => ({
  metrics: { interval_seconds, aggregate_seconds },
});

async function start(config: MetricsConfig, options: Partial<MetricSourceOptions> = {}) {
  const records: MetricRecord[] = [];
  const events: EventRecord[] = [];
  const now = () => new Date();
  const services: ServiceStatus[] = [{ name: 'vllm', kind: 'docker', status: 'running', restarts: 2 }];
  const source = startMetricSource({
    collectors: simulatedCollectors({ index: 0, name: 'sim', now, random: () => 0.5 }),
    config,
    settings: every(1),
    sink: (batch) => {
      expect(batch.length).toBeGreaterThan(0);
      records.push(...batch);
    },
    event: (event) => events.push(event),
    services: () => services,
    stateDir,
    log: silentLog(),
    now,
    ...options,
  });
  endings.push(() => source.stop());
  await source.ready;
  const of = (type: string) => records.filter(({ metric_type }) => metric_type === type);
  return { source, records, events, of };
}

async function say(...lines: object[]): Promise<unknown[]> {
  const client = connect({ path: join(stateDir, 'metrics.sock'), allowHalfOpen: true });
  client.end(lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
  return (await text(client))
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
}

async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  endings.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/metrics`;
}

describe('the metric source', () => {
  it('samples this machine in its rhythm, with records that the contract accepts', async () => {
    const log = silentLog();
    const now = () => new Date();
    const { records, of } = await start(
      { processes: [{ name: 'me', command: 'no-such-program' }] },
      {
        collectors: machineCollectors({
          stateDir,
          watchedServices: new Set(),
          agentVersion: '0.1.0',
          log,
          now,
          run: () => Promise.reject(new Error('no such program')),
        }),
      },
    );
    await vi.waitFor(() => expect(of('cpu').length).toBeGreaterThanOrEqual(2), { timeout: 10_000 });
    for (const type of ['cpu_core', 'memory', 'disk', 'process']) expect(of(type)).not.toEqual([]);
    expect(of('process')[0]).toMatchObject({
      labels: { service: 'vllm' },
      value: { running: 1, restarts: 2 },
    });
    for (const record of records) expect(decodeValue(MetricRecord, record)).toMatchObject({ ok: true });
    const [first, second] = of('memory').map(({ timestamp }) => Date.parse(timestamp));
    expect((second ?? 0) - (first ?? 0)).toBeGreaterThan(500);
  });

  it('sends what a program says at once, and answers for each line', async () => {
    const { of, source } = await start({}, { settings: every(3600) });
    const answers = await say(
      { metric_type: 'room', value: 21.5, labels: { sensor: 'a' } },
      { metric_type: 'cpu', value: 1 },
      { metric_type: 'room', value: 'warm' },
    );
    expect(answers).toEqual([
      { ok: true },
      { error: 'metric_type: cpu is the agent’s own' },
      { error: expect.stringMatching(/^value/) },
    ]);
    expect(of('room')).toMatchObject([{ value: { value: 21.5 }, labels: { sensor: 'a' } }]);
    expect(source.refused()).toEqual({ reserved_name: 1, malformed: 1 });
  });

  it('tells what is declared, once, and holds it to its labels', async () => {
    const { events, of } = await start(
      { undeclared: 'reject', declared: [{ name: 'fixed', unit: 'bytes' }] },
      { settings: every(3600) },
    );
    const declare = { declare: { name: 'room', unit: 'celsius', labels: ['sensor'] } };
    const answers = await say(
      { metric_type: 'room', value: 1 },
      declare,
      declare,
      { metric_type: 'room', value: 2, labels: { sensor: 'a' } },
      { metric_type: 'room', value: 3, labels: { floor: '1' } },
    );
    expect(answers.map((answer) => typeof answer === 'object' && answer !== null && 'ok' in answer)).toEqual([
      false,
      true,
      true,
      true,
      false,
    ]);
    expect(of('room')).toHaveLength(1);
    expect(events.map(({ kind, metadata }) => [kind, metadata?.name, metadata?.unit])).toEqual([
      ['metrics.declared', 'fixed', 'bytes'],
      ['metrics.declared', 'room', 'celsius'],
    ]);
    for (const event of events) expect(decodeValue(EventRecord, event).ok).toBe(true);
  });

  it('adds up StatsD until the next sample', async () => {
    const { of, source } = await start({ statsd: { port: 0 } });
    const socket = createSocket('udp4');
    endings.push(() => socket.close());
    const port = source.statsdPort() ?? 0;
    const send = (datagram: string) =>
      new Promise((resolve) => socket.send(datagram, port, '127.0.0.1', resolve));
    await send('hits:1|c|#env:prod\nhits:2|c|#env:prod\nbroken\ncpu:1|c');
    await send('temp:21|g');
    await vi.waitFor(() => expect(of('temp')).not.toEqual([]), { timeout: 5000 });
    expect(of('hits')[0]).toMatchObject({ labels: { env: 'prod' }, value: { count: 3 } });
    expect(source.refused()).toEqual({ malformed: 1, reserved_name: 1 });
    // What was refused is told once, with the records.
    await vi.waitFor(() => expect(of('agent')).not.toEqual([]), { timeout: 5000 });
    expect(of('agent')[0]?.value).toEqual({
      refused_malformed: 1,
      refused_reserved_name: 1,
      custom_series: 2,
    });
  });

  it('scrapes a page, tells when it is gone and when it is back', async () => {
    let isUp = true;
    const url = await serve((_request, response) => {
      response.statusCode = isUp ? 200 : 503;
      response.end(isUp ? '# TYPE jobs counter\njobs_total{queue="a"} 7\ngo_x 1\nbad NaN\n' : 'no');
    });
    const { of, events, source } = await start({
      scrape: [{ url: `${url}?token=secret`, exclude: ['go_*'], interval_seconds: 1 }],
    });
    await vi.waitFor(() => expect(of('jobs')).not.toEqual([]), { timeout: 5000 });
    expect(of('jobs')[0]).toMatchObject({ labels: { queue: 'a' }, value: { total: 7 } });
    expect(of('go_x')).toEqual([]);
    isUp = false;
    await vi.waitFor(() => expect(events).toHaveLength(1), { timeout: 5000 });
    isUp = true;
    await vi.waitFor(() => expect(events).toHaveLength(2), { timeout: 5000 });
    expect(events.map(({ kind, message }) => [kind, message])).toEqual([
      ['metrics.scrape_failed', `${url}: answered 503`],
      ['metrics.scrape_recovered', `${url} answers`],
    ]);
    expect(source.refused()).toMatchObject({
      unreachable: expect.any(Number),
      not_finite: expect.any(Number),
    });
  });

  it('sends windows with mean, minimum and maximum, and the open one when the settings change', async () => {
    const { source, of } = await start({}, { settings: every(3600, 3600) });
    await say(...[1, 2, 6].map((value) => ({ metric_type: 'room', value })));
    expect(of('room')).toEqual([]);
    source.configure(every(3600, 0));
    expect(of('room')).toMatchObject([
      { value: { value: 3 }, aggregate: { count: 3, min: { value: 1 }, max: { value: 6 } } },
    ]);
    await say({ metric_type: 'room', value: 9 });
    expect(of('room')[1]).not.toHaveProperty('aggregate');
    source.configure(every(3600, 60));
    await say({ metric_type: 'room', value: 4 });
    await source.stop();
    expect(of('room')[2]).toMatchObject({ value: { value: 4 }, aggregate: { count: 1 } });
  });

  it('takes up a shorter interval at once', async () => {
    const { source, of } = await start({}, { settings: every(3600) });
    await vi.waitFor(() => expect(of('memory')).toHaveLength(1), { timeout: 5000 });
    source.configure(every(1));
    await vi.waitFor(() => expect(of('memory').length).toBeGreaterThanOrEqual(3), { timeout: 10_000 });
  });

  it('looks at the machine for a live view without storing it', async () => {
    const { source, of } = await start({}, { settings: every(3600) });
    await vi.waitFor(() => expect(of('memory')).toHaveLength(1), { timeout: 5000 });
    const types = (await source.sampleNow()).map(({ metric_type }) => metric_type);
    expect(types).toEqual(expect.arrayContaining(['cpu', 'memory', 'disk', 'network', 'gpu', 'process']));
    expect(of('memory')).toHaveLength(1);
  });

  it('starts although a way in is taken, and says so', async () => {
    const first = await start({ statsd: { port: 0 } });
    const { events, source } = await start({ statsd: { port: first.source.statsdPort() ?? 0 }, socket: {} });
    expect(events.map(({ kind }) => kind)).toEqual(['metrics.input_failed', 'metrics.input_failed']);
    expect(source.statsdPort()).toBeNull();
  });

  it('closes everything, twice if asked', async () => {
    const { source } = await start({ statsd: { port: 0 } });
    await Promise.all([source.stop(), source.stop()]);
    expect(source.statsdPort()).toBeNull();
    await expect(say({ metric_type: 'x', value: 1 })).rejects.toThrow('ENOENT');
    source.configure(every(1));
  });
});

describe('a scrape', () => {
  const never = new AbortController().signal;

  it('unpacks, and is bounded in what it unpacks', async () => {
    const big = await serve((_request, response) => {
      response.setHeader('content-encoding', 'gzip');
      response.end(gzipSync(Buffer.alloc(MAX_SCRAPE_BYTES + 1, 'a')));
    });
    expect(await scrape(big, never)).toMatchObject({ ok: false, refusal: 'too_large' });
    const small = await serve((_request, response) => {
      response.setHeader('content-encoding', 'gzip');
      response.end(gzipSync('a 1\n'));
    });
    expect(await scrape(small, never)).toEqual({ ok: true, text: 'a 1\n' });
  });

  it('gives up on a page that does not end', async () => {
    const url = await serve((_request, response) => {
      response.write('a 1\n');
    });
    expect(await scrape(url, never, { timeoutMs: 100 })).toMatchObject({ ok: false, refusal: 'unreachable' });
  });

  it('does not follow a redirect', async () => {
    const url = await serve((_request, response) => {
      response.writeHead(302, { location: 'http://169.254.169.254/' }).end();
    });
    expect(await scrape(url, never)).toMatchObject({ ok: false, reason: 'answered 302' });
  });

  it('says why nobody answers', async () => {
    const url = await serve(() => undefined);
    for (const end of endings.splice(-1)) await end();
    expect(await scrape(url, never)).toMatchObject({
      ok: false,
      reason: expect.stringContaining('ECONNREFUSED'),
    });
  });
});
