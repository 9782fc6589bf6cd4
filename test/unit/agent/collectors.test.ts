/** Parsers of what the machine says, on samples in the format of the tools. */
import { describe, expect, it, vi } from 'vitest';
import { decodeValue, MetricRecord } from '#contract';
import { parseContainers } from '../../../agent/collectors/containers.ts';
import { cpuPercent, parseProcStat } from '../../../agent/collectors/cpu.ts';
import { diskUse } from '../../../agent/collectors/disk.ts';
import { parseOsRelease } from '../../../agent/collectors/facts.ts';
import { parseNvidiaSmi } from '../../../agent/collectors/gpu.ts';
import { machineCollectors } from '../../../agent/collectors/machine.ts';
import { parseMeminfo } from '../../../agent/collectors/memory.ts';
import { networkRates, parseNetDev } from '../../../agent/collectors/network.ts';
import { probe } from '../../../agent/collectors/program.ts';
import { heartbeatMetrics, metricRecords, type Sample } from '../../../agent/collectors/sample.ts';
import { boundServices } from '../../../agent/collectors/services.ts';
import { parseUnits } from '../../../agent/collectors/systemd.ts';
import { silentLog } from './silent-log.ts';

const STAT_EARLY = `cpu  7549 0 5946 371978 863 0 197 2268 0 0
cpu0 3551 0 2823 186810 136 0 17 1096 0 0
cpu1 3997 0 3122 185167 726 0 180 1171 0 0
intr 462689 0 0
ctxt 1234
`;
const STAT_LATE = STAT_EARLY.replace('cpu  7549 0 5946 371978', 'cpu  7649 0 5996 372828');

describe('CPU use from /proc/stat', () => {
  it('counts the cores and the share of busy ticks between two samples', () => {
    const early = parseProcStat(STAT_EARLY);
    const late = parseProcStat(STAT_LATE);
    expect(early?.cores).toBe(2);
    expect(late === null ? null : cpuPercent(early, late)).toBe(15);
  });

  it('says nothing without an earlier sample, without passed time, or without a cpu line', () => {
    const sample = parseProcStat(STAT_EARLY);
    if (sample === null) throw new Error('sample must parse');
    expect(cpuPercent(null, sample)).toBeNull();
    expect(cpuPercent(sample, sample)).toBeNull();
    expect(parseProcStat('intr 1')).toBeNull();
  });

  it('stays within 0 and 100 when the idle counter jumps back', () => {
    const before = { total: 100, idle: 90 };
    expect(cpuPercent(before, { total: 200, idle: 80 })).toBe(100);
  });
});

describe('memory from /proc/meminfo', () => {
  it('takes what is available as free', () => {
    const text =
      'MemTotal:  1000 kB\nMemFree:  100 kB\nMemAvailable:  600 kB\nSwapTotal: 50 kB\nSwapFree: 20 kB\n';
    expect(parseMeminfo(text)).toEqual({
      totalBytes: 1000 * 1024,
      usedBytes: 400 * 1024,
      swapTotalBytes: 50 * 1024,
      swapUsedBytes: 30 * 1024,
    });
  });

  it('adds buffers and cache on kernels that do not tell what is available', () => {
    const text = 'MemTotal:  1000 kB\nMemFree:  100 kB\nBuffers:  50 kB\nCached:  250 kB\n';
    expect(parseMeminfo(text)?.usedBytes).toBe(600 * 1024);
  });
});

it('computes disk use as df does, without what is reserved for root', () => {
  expect(diskUse('/', { bsize: 4096, blocks: 1000, bfree: 300, bavail: 250 })).toEqual({
    mount: '/',
    totalBytes: 4096000,
    usedBytes: 700 * 4096,
    percent: 73.7,
  });
});

describe('traffic from /proc/net/dev', () => {
  const text = (received: number, sent: number) => `Inter-|   Receive    |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
    lo:    3193      29    0    0    0     0          0         0     3193      29    0    0    0     0       0          0
  eth0: ${received}   12553    1    2    0     0          0         0   ${sent}    7456    3    4    0     0       0          0
veth12:    3193      29    0    0    0     0          0         0     3193      29    0    0    0     0       0          0
`;

  it('leaves out loopback and virtual interfaces and gives bytes per second', () => {
    expect(networkRates(parseNetDev(text(1000, 500)), parseNetDev(text(31000, 3500)), 30)).toEqual([
      { name: 'eth0', receivedBytesPerSecond: 1000, sentBytesPerSecond: 100, errors: 10 },
    ]);
  });

  it('leaves out an interface whose counters fell, and one that is new', () => {
    expect(networkRates(parseNetDev(text(1000, 500)), parseNetDev(text(10, 5)), 30)).toEqual([]);
    expect(networkRates([], parseNetDev(text(1000, 500)), 30)).toEqual([]);
  });
});

describe('GPUs from nvidia-smi', () => {
  it('reads several, with a comma in the name and a value that the driver does not tell', () => {
    const text =
      '0, 89, 28672, 32768, 72, 310.52, NVIDIA RTX A6000\n1, [N/A], 12, 32768, 40, [N/A], Tesla, V100\n';
    expect(parseNvidiaSmi(text)).toEqual([
      {
        index: 0,
        name: 'NVIDIA RTX A6000',
        utilizationPercent: 89,
        memoryUsedMib: 28672,
        memoryTotalMib: 32768,
        temperatureCelsius: 72,
        powerWatts: 310.52,
      },
      {
        index: 1,
        name: 'Tesla, V100',
        utilizationPercent: null,
        memoryUsedMib: 12,
        memoryTotalMib: 32768,
        temperatureCelsius: 40,
        powerWatts: null,
      },
    ]);
  });

  it('passes over a message instead of a table', () => {
    expect(parseNvidiaSmi("NVIDIA-SMI has failed because it couldn't communicate with the driver.")).toEqual(
      [],
    );
  });
});

describe('services', () => {
  const units = `  docker.service      loaded    active   running Docker Application Container Engine
● broken.service      loaded    failed   failed  A broken thing
  cron.service        loaded    active   running Regular background program processing daemon
  mine.service        loaded    inactive dead    Mine
● gone.service        not-found inactive dead    gone.service
  vllm.service        loaded    activating auto-restart vLLM
`;

  it('takes the failed, the relevant and the wanted units of systemd', () => {
    expect(parseUnits(units, new Set(['mine']))).toEqual([
      { name: 'docker', status: 'running', kind: 'systemd' },
      { name: 'broken', status: 'failed', kind: 'systemd' },
      { name: 'mine', status: 'stopped', kind: 'systemd' },
      { name: 'vllm', status: 'failed', kind: 'systemd' },
    ]);
  });

  it('reads the lines of Docker', () => {
    const text = [
      '{"Names":"open-webui","State":"running","Status":"Up 2 hours (healthy)"}',
      '{"Names":"vllm","State":"running","Status":"Up 1 minute (unhealthy)"}',
      '{"Names":"old","State":"exited","Status":"Exited (0) 3 days ago"}',
      '{"Names":"crashed","State":"exited","Status":"Exited (1) 3 days ago"}',
      'not json',
    ].join('\n');
    expect(parseContainers(text, 'docker')).toEqual([
      { name: 'open-webui', status: 'running', kind: 'docker' },
      { name: 'vllm', status: 'failed', kind: 'docker' },
      { name: 'old', status: 'stopped', kind: 'docker' },
      { name: 'crashed', status: 'failed', kind: 'docker' },
    ]);
  });

  it('reads the array of Podman', () => {
    expect(parseContainers('[{"Names":["web"],"State":"running","Restarts":2}]', 'podman')).toEqual([
      { name: 'web', status: 'running', kind: 'podman', restarts: 2 },
    ]);
    expect(parseContainers('', 'docker')).toEqual([]);
  });

  it('keeps the failed ones when there are more than a heartbeat may carry', () => {
    const many = Array.from({ length: 250 }, (_, index) => ({
      name: `s${index}`,
      kind: 'docker',
      status: index === 249 ? ('failed' as const) : ('running' as const),
    }));
    const bounded = boundServices([...many, ...many]);
    expect(bounded).toHaveLength(200);
    expect(bounded[0]?.name).toBe('s249');
  });
});

describe('a probe', () => {
  it('asks a program that is not there again only after a while', async () => {
    let nowMs = 0;
    let calls = 0;
    const ask = probe(() => Promise.reject(new Error(`missing ${++calls}`)), {
      absentForMs: 1000,
      nowMs: () => nowMs,
    });
    expect([await ask(), await ask(), calls]).toEqual([null, null, 1]);
    nowMs = 1001;
    await ask();
    expect(calls).toBe(2);
  });
});

describe('the machine’s collectors', () => {
  const machine = (run: (file: string) => Promise<string>) =>
    machineCollectors({
      stateDir: import.meta.dirname,
      watchedServices: new Set(),
      agentVersion: '0.1.0',
      log: silentLog(),
      now: () => new Date(),
      run,
    });

  it('give a whole sample of this machine that the contract accepts', async () => {
    const collectors = machine(() => Promise.reject(new Error('no such program')));
    // A share of CPU needs ticks that passed, on each core.
    const sample = await vi.waitFor(async () => {
      const found = await collectors.sample('metrics');
      expect(found.cpu?.corePercents?.size).toBe(found.cpu?.cores);
      return found;
    });
    expect(sample.memory?.totalBytes).toBeGreaterThan(0);
    expect(sample.disk?.totalBytes).toBeGreaterThan(0);
    expect(sample.gpus).toEqual([]);
    const types = new Set(metricRecords(sample).map(({ metric_type }) => metric_type));
    expect([...types]).toEqual(expect.arrayContaining(['cpu', 'cpu_core', 'memory', 'disk']));
    for (const record of metricRecords(sample)) expect(decodeValue(MetricRecord, record).ok).toBe(true);
    expect(Object.keys(await collectors.facts())).toContain('cpu_model');
  });

  it('go on without a part that fails', async () => {
    const collectors = machineCollectors({
      stateDir: '/does/not/exist',
      watchedServices: new Set(),
      agentVersion: '0.1.0',
      log: silentLog(),
      now: () => new Date(),
      run: () => Promise.reject(new Error('no such program')),
    });
    const sample = await collectors.sample();
    expect(sample.disk).toBeNull();
    expect(sample.memory).not.toBeNull();
    expect(await collectors.services()).toEqual([]);
  });

  it('report containers where a tool answers', async () => {
    const collectors = machine((file) =>
      file === 'docker'
        ? Promise.resolve('{"Names":"a","State":"running","Status":"Up"}')
        : Promise.reject(new Error('no')),
    );
    expect(await collectors.services()).toEqual([{ name: 'a', status: 'running', kind: 'docker' }]);
  });
});

it('reads the name of the operating system', () => {
  expect(parseOsRelease('ID=debian\nPRETTY_NAME="Debian GNU/Linux 13 (trixie)"\n')).toBe(
    'Debian GNU/Linux 13 (trixie)',
  );
  expect(parseOsRelease('')).toBeNull();
});

it('names the busiest GPU in the heartbeat and leaves out what is not known', () => {
  const gpu = (utilizationPercent: number | null) => ({
    index: 0,
    name: 'x',
    utilizationPercent,
    memoryUsedMib: null,
    memoryTotalMib: null,
    temperatureCelsius: null,
    powerWatts: null,
  });
  const sample: Sample = {
    takenAt: new Date(),
    uptimeSeconds: 1,
    cpu: { percent: null, cores: 1, load1: 0 },
    memory: null,
    disk: null,
    network: [],
    gpus: [gpu(10), gpu(70), gpu(null)],
  };
  expect(heartbeatMetrics(sample)).toEqual({ gpu_percent: 70 });
  expect(heartbeatMetrics({ ...sample, gpus: [gpu(null)] })).toEqual({});
});
