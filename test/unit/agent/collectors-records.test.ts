/** From a sample to records: names, units and labels as the catalogue has them. */
import { describe, expect, it } from 'vitest';
import { decodeValue, METRIC_CATALOGUE, MetricRecord } from '#contract';
import { createBaselines } from '../../../agent/collectors/baselines.ts';
import { corePercents, parseProcStat } from '../../../agent/collectors/cpu.ts';
import { metricRecords, processRecords, type Sample } from '../../../agent/collectors/sample.ts';

const TAKEN_AT = new Date('2026-11-23T06:00:00Z');
const EMPTY: Sample = {
  takenAt: TAKEN_AT,
  uptimeSeconds: 1,
  cpu: null,
  memory: null,
  disk: null,
  network: [],
  gpus: [],
};
const GPU = {
  index: 1,
  name: 'NVIDIA A10',
  utilizationPercent: 89,
  memoryUsedMib: 28672,
  memoryTotalMib: 32768,
  temperatureCelsius: 72,
  powerWatts: null,
};
const FULL: Sample = {
  ...EMPTY,
  cpu: {
    percent: 12.5,
    cores: 2,
    load1: 0.5,
    corePercents: new Map([
      [0, 10],
      [1, 15],
    ]),
  },
  memory: { totalBytes: 1000, usedBytes: 400, swapTotalBytes: 0, swapUsedBytes: 0 },
  disk: { mount: '/var/lib/edge-agent', totalBytes: 100, usedBytes: 10, percent: 10 },
  disks: [
    { mount: '/', totalBytes: 100, usedBytes: 10, percent: 10, inodesPercent: 3.2 },
    { mount: '/data', totalBytes: 200, usedBytes: 20, percent: 10 },
  ],
  network: [{ name: 'eth0', receivedBytesPerSecond: 1, sentBytesPerSecond: 2, errors: 3 }],
  gpus: [GPU],
};

describe('metricRecords', () => {
  it('tells series apart by labels and leaves out what is not known', () => {
    const rows = metricRecords(FULL).map(({ metric_type, labels, value }) => [metric_type, labels, value]);
    expect(rows).toEqual([
      ['cpu', undefined, { percent: 12.5, cores: 2, load1: 0.5 }],
      ['cpu_core', { from: '0' }, { 0: 10, 1: 15 }],
      ['memory', undefined, { percent: 40, used_bytes: 400, total_bytes: 1000, swap_used_bytes: 0 }],
      ['disk', { mount: '/' }, { percent: 10, used_bytes: 10, total_bytes: 100, inodes_percent: 3.2 }],
      ['disk', { mount: '/data' }, { percent: 10, used_bytes: 20, total_bytes: 200 }],
      [
        'network',
        { interface: 'eth0' },
        { received_bytes_per_second: 1, sent_bytes_per_second: 2, errors: 3 },
      ],
      [
        'gpu',
        { gpu: '1', name: 'NVIDIA A10' },
        { utilization: 89, memory_used: 28672, memory_total: 32768, temperature: 72 },
      ],
    ]);
  });

  it('uses only names that the catalogue has', () => {
    for (const { metric_type, value, labels = {} } of metricRecords(FULL)) {
      const known = METRIC_CATALOGUE[metric_type];
      const fields = Object.keys(known?.fields ?? {});
      if (!fields.includes('*')) expect(fields).toEqual(expect.arrayContaining(Object.keys(value)));
      expect(known?.labels).toEqual(expect.arrayContaining(Object.keys(labels)));
    }
  });

  it('takes the file system of the state folder where no others are known', () => {
    const [record] = metricRecords({ ...EMPTY, disk: FULL.disk });
    expect(record?.labels).toEqual({ mount: '/var/lib/edge-agent' });
  });

  it('makes no record of a GPU that tells nothing', () => {
    const silent = { ...GPU, utilizationPercent: null, memoryUsedMib: null, memoryTotalMib: null };
    expect(metricRecords({ ...EMPTY, gpus: [{ ...silent, temperatureCelsius: null }] })).toEqual([]);
  });

  it('spreads 130 cores over three records with steady labels, also where a core is off', () => {
    const cores = new Map(Array.from({ length: 130 }, (_, core) => [core, core / 2] as const));
    cores.delete(64);
    const records = metricRecords({
      ...EMPTY,
      cpu: { percent: null, cores: 130, load1: 0, corePercents: cores },
    });
    expect(records.map(({ labels, value }) => [labels?.from, Object.keys(value).length])).toEqual([
      ['0', 64],
      ['64', 63],
      ['128', 2],
    ]);
    for (const record of records) expect(decodeValue(MetricRecord, record).ok).toBe(true);
  });

  it('cuts a mount point that is too long without halving a character', () => {
    const mount = `/${'a'.repeat(98)}😀`;
    const [record] = metricRecords({ ...EMPTY, disk: { mount, totalBytes: 1, usedBytes: 1, percent: 100 } });
    expect(decodeValue(MetricRecord, record).ok).toBe(true);
  });
});

describe('processRecords', () => {
  const use = { isRunning: true, restarts: 0, cpuPercent: 12.5, memoryBytes: 4096 };

  it('joins state and restarts with use, and adds processes that are no services', () => {
    const records = processRecords(
      TAKEN_AT,
      [
        { name: 'vllm', kind: 'docker', status: 'running', restarts: 3 },
        { name: 'cron', kind: 'systemd', status: 'failed' },
      ],
      [
        { ...use, name: 'vllm', kind: 'docker' },
        { ...use, name: 'gateway', kind: 'process', isRunning: false, cpuPercent: null, memoryBytes: null },
      ],
    );
    expect(records.map(({ labels, value }) => [labels?.service, value])).toEqual([
      ['vllm', { running: 1, restarts: 3, cpu_percent: 12.5, memory_bytes: 4096 }],
      ['cron', { running: 0 }],
      ['gateway', { running: 0, restarts: 0 }],
    ]);
  });

  it('keeps two kinds of one name apart', () => {
    const named = (kind: string) => ({ name: 'web', kind, status: 'running' as const });
    const records = processRecords(TAKEN_AT, [named('systemd'), named('docker')], []);
    expect(records.map(({ labels }) => labels?.service)).toEqual(['web', 'docker/web']);
  });

  it('is bounded', () => {
    const many = Array.from({ length: 200 }, (_, at) => ({ name: `s${at}`, status: 'running' as const }));
    expect(processRecords(TAKEN_AT, many, [])).toHaveLength(100);
  });
});

describe('use of each core', () => {
  const stat = (first: string, second: string) => `cpu  1 0 1 10 0 0 0 0 0 0\n${first}\n${second}\n`;

  it('is taken between two samples, in the order of the cores', () => {
    const before = parseProcStat(stat('cpu10 100 0 0 100 0 0 0 0 0 0', 'cpu2 0 0 0 0 0 0 0 0 0 0'));
    const after = parseProcStat(stat('cpu10 150 0 0 150 0 0 0 0 0 0', 'cpu2 25 0 0 75 0 0 0 0 0 0'));
    if (before === null || after === null) throw new Error('samples must parse');
    expect([...corePercents(before, after)]).toEqual([
      [2, 25],
      [10, 50],
    ]);
  });

  it('leaves out a core that was switched on in between', () => {
    const before = parseProcStat('cpu  1 0 1 10\ncpu0 100 0 0 100\n');
    const after = parseProcStat('cpu  2 0 2 20\ncpu0 200 0 0 100\ncpu1 5 0 0 5\n');
    if (before === null || after === null) throw new Error('samples must parse');
    expect([...corePercents(before, after).keys()]).toEqual([0]);
  });
});

describe('baselines of several viewers', () => {
  it('are kept apart', () => {
    const seen = createBaselines<string>();
    seen.keep('heartbeat', 'h', 0);
    seen.keep('metrics', 'm', 29_990);
    expect(seen.of('heartbeat', 30_000)).toEqual({ value: 'h', atMs: 0 });
  });

  it('lend a first look the latest of another that is old enough to compare with', () => {
    const seen = createBaselines<string>();
    expect(seen.of('live', 0)).toBeNull();
    seen.keep('heartbeat', 'h', 1000);
    seen.keep('metrics', 'm', 9800);
    expect(seen.of('live', 10_000)?.value).toBe('h');
    expect(seen.of('live', 10_400)?.value).toBe('m');
  });

  it('forget what a live view saw before it was closed', () => {
    const seen = createBaselines<string>();
    seen.keep('live', 'old', 0);
    seen.keep('metrics', 'm', 3_600_000);
    expect(seen.of('live', 3_602_000)?.value).toBe('m');
  });
});
