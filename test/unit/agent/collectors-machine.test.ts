/** Mounts, disks, GPUs, services and processes: parsers on samples of the tools, readers on this machine. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { amdGpu, readAmdGpus } from '../../../agent/collectors/amd-gpu.ts';
import { createDiskReader, diskUse } from '../../../agent/collectors/disk.ts';
import { parseNvidiaSmi } from '../../../agent/collectors/gpu.ts';
import { machineCollectors } from '../../../agent/collectors/machine.ts';
import { realMounts } from '../../../agent/collectors/mounts.ts';
import { parseNetDev } from '../../../agent/collectors/network.ts';
import {
  cgroupCounters,
  coreShare,
  parseCgroupPath,
  parseProcessStat,
  parseResidentBytes,
} from '../../../agent/collectors/process-stat.ts';
import { runsCommand } from '../../../agent/collectors/process-table.ts';
import { createProcessReader } from '../../../agent/collectors/processes.ts';
import { parseInspect, parseShow } from '../../../agent/collectors/service-detail.ts';
import { parseUnits } from '../../../agent/collectors/systemd.ts';
import { silentLog } from './silent-log.ts';

const folders: string[] = [];
const makeFolder = async (): Promise<string> => {
  const folder = await mkdtemp(join(tmpdir(), 'collectors-'));
  folders.push(folder);
  return folder;
};
afterEach(async () => {
  await Promise.all(folders.splice(0).map((folder) => rm(folder, { recursive: true })));
});

/** Recorded in a virtual machine; the second line of /dev/vda and the last five are made after fstab(5). */
const MOUNTS = `proc /proc proc rw,relatime 0 0
sysfs /sys sysfs rw,relatime 0 0
devtmpfs /dev devtmpfs rw,relatime,size=12334492k,nr_inodes=3083623,mode=755 0 0
tmpfs /dev/shm tmpfs rw,relatime,size=24684092k 0 0
/dev/vda /var/lib/edge-agent ext4 rw,relatime 0 0
/dev/vda / ext4 rw,relatime,discard,resv_strict,resuid=65534,resgid=65534 0 0
cgroup2 /sys/fs/cgroup/unified cgroup2 rw,relatime 0 0
/dev/sdb1 /media/My\\040Disk vfat rw,relatime 0 0
/dev/sdb1 /srv/a-much-longer-bind-mount vfat rw,relatime 0 0
/dev/loop3 /snap/core22/1380 squashfs ro,nodev,relatime 0 0
nas:/export /mnt/nas nfs4 rw,relatime 0 0
overlay /var/lib/docker/overlay2/x/merged overlay rw 0 0
`;

describe('mounted file systems', () => {
  it('are those on disks, one for each device, with the shortest path', () => {
    expect(realMounts(MOUNTS)).toEqual(['/', '/media/My Disk']);
  });

  it('count a layered root, as a container has it', () => {
    expect(realMounts('overlay / overlay rw,lowerdir=/a 0 0\noverlay /x overlay rw 0 0\n')).toEqual(['/']);
  });

  it('are bounded', () => {
    const text = Array.from({ length: 100 }, (_, at) => `/dev/sd${at} /mnt/${at} xfs rw 0 0`).join('\n');
    expect(realMounts(text)).toHaveLength(32);
  });

  it('that hang are passed over, and not asked again until they answer', async () => {
    let asked = 0;
    let answer = (): void => undefined;
    const read = createDiskReader((mount) => {
      if (mount === '/') return Promise.resolve(diskUse('/', { bsize: 1, blocks: 10, bfree: 5, bavail: 5 }));
      asked += 1;
      return new Promise((resolve) => {
        answer = () => resolve(diskUse(mount, { bsize: 1, blocks: 10, bfree: 5, bavail: 5 }));
      });
    }, 20);
    const mountsOf = async () => (await read(['/', '/hung'])).map(({ mount }) => mount);
    expect(await mountsOf()).toEqual(['/']);
    expect(await mountsOf()).toEqual(['/']);
    expect(asked).toBe(1);
    answer();
    await new Promise(setImmediate);
    const late = mountsOf();
    answer();
    expect(await late).toEqual(['/', '/hung']);
  });

  it('tell the use of their inodes where these are numbered', () => {
    const blocks = { bsize: 4096, blocks: 100, bfree: 50, bavail: 50 };
    expect(diskUse('/', { ...blocks, files: 200, ffree: 150 }).inodesPercent).toBe(25);
    expect(diskUse('/', { ...blocks, files: 0, ffree: 0 })).not.toHaveProperty('inodesPercent');
  });
});

describe('GPUs', () => {
  it('of NVIDIA with nothing but a name still have their place', () => {
    // As nvidia-smi prints them on a Jetson and for a GPU that fell off the bus.
    const text =
      '0, [N/A], [N/A], [N/A], 47, [N/A], Orin (nvgpu)\n1, [Unknown Error], [Not Supported], 1, 2, 3, X\n';
    expect(
      parseNvidiaSmi(text).map(({ temperatureCelsius, powerWatts }) => [temperatureCelsius, powerWatts]),
    ).toEqual([
      [47, null],
      [2, 3],
    ]);
  });

  it('of AMD are read from sysfs', async () => {
    const root = await makeFolder();
    const device = join(root, 'card1', 'device');
    await mkdir(join(device, 'hwmon', 'hwmon3'), { recursive: true });
    await mkdir(join(root, 'card1-DP-1'));
    await mkdir(join(root, 'card0', 'device'), { recursive: true });
    const files = {
      'card0/device/vendor': '0x8086\n',
      'card1/device/vendor': '0x1002\n',
      'card1/device/gpu_busy_percent': '37\n',
      'card1/device/mem_info_vram_used': '1073741824\n',
      'card1/device/mem_info_vram_total': '17163091968\n',
      'card1/device/hwmon/hwmon3/temp1_input': '51000\n',
      'card1/device/hwmon/hwmon3/power1_average': '98000000\n',
    };
    for (const [path, text] of Object.entries(files)) await writeFile(join(root, path), text);
    expect(await readAmdGpus(root)).toEqual([
      {
        index: 1,
        name: 'AMD GPU',
        utilizationPercent: 37,
        memoryUsedMib: 1024,
        memoryTotalMib: 16368,
        temperatureCelsius: 51,
        powerWatts: 98,
      },
    ]);
  });

  it('of AMD that do not answer are null', () => {
    const silent = { busyPercent: '', vramUsed: 'x', vramTotal: null, temperature: null, power: null };
    expect(amdGpu(0, { vendor: '0x1002', productName: null, ...silent })?.utilizationPercent).toBeNull();
  });
});

describe('restarts', () => {
  it('of systemd units come from NRestarts', () => {
    // systemctl(1): blocks in the order of the question; an unknown unit has no restarts.
    const text =
      'Id=vllm.service\nNRestarts=7\nMainPID=1234\n\nId=ssh.service\nNRestarts=0\nMainPID=0\n\nId=old.service\nMainPID=9\n\nId=a.socket\n';
    expect(parseShow(text)).toEqual([
      { name: 'vllm', restarts: 7, pid: 1234 },
      { name: 'ssh', restarts: 0, pid: null },
      { name: 'old', restarts: null, pid: 9 },
    ]);
  });

  it('of containers come from inspect', () => {
    const text =
      '{"name":"/open-webui","restarts":3,"pid":4242}\n{"name":"web","restarts":0,"pid":0}\nError: x\n';
    expect(parseInspect(text)).toEqual([
      { name: 'open-webui', restarts: 3, pid: 4242 },
      { name: 'web', restarts: 0, pid: null },
    ]);
  });

  it('reach the services of the machine, which say no process numbers', async () => {
    const asked: string[] = [];
    const collectors = machineCollectors({
      stateDir: import.meta.dirname,
      watchedServices: new Set(),
      agentVersion: '0.1.0',
      log: silentLog(),
      now: () => new Date(),
      isSystemd: () => true,
      run: (file, args) => {
        asked.push(`${file} ${args[0]}`);
        if (file === 'systemctl' && args[0] === 'show') {
          return Promise.resolve(`Id=ssh.service\nNRestarts=2\nMainPID=${process.pid}\n`);
        }
        if (file === 'systemctl') return Promise.resolve('ssh.service loaded active running OpenSSH\n');
        return Promise.reject(new Error('no such program'));
      },
    });
    expect(await collectors.services()).toEqual([
      { name: 'ssh', status: 'running', kind: 'systemd', restarts: 2 },
    ]);
    const [use] = (await collectors.processes?.('metrics', [])) ?? [];
    expect(use).toMatchObject({ name: 'ssh', kind: 'systemd', isRunning: true, restarts: 2 });
    expect(use?.memoryBytes).toBeGreaterThan(1_000_000);
    expect(asked).toContain('systemctl show');
  });

  it('keep a service whose details cannot be had', async () => {
    const collectors = machineCollectors({
      stateDir: import.meta.dirname,
      watchedServices: new Set(),
      agentVersion: '0.1.0',
      log: silentLog(),
      now: () => new Date(),
      isSystemd: () => false,
      run: (file, args) =>
        file === 'docker' && args[0] === 'ps'
          ? Promise.resolve('{"Names":"a","State":"running","Status":"Up"}')
          : Promise.reject(new Error('No such container: a')),
    });
    expect(await collectors.services()).toEqual([{ name: 'a', status: 'running', kind: 'docker' }]);
  });
});

describe('processes', () => {
  it('are parsed although their name holds spaces and brackets', () => {
    const stat =
      '13943 (a) b (c) S 1 1 1 0 -1 4194304 98 0 0 0 150 50 0 0 20 0 1 0 1249860 3133440 373 18446744073709551615';
    expect(parseProcessStat(stat)).toEqual({ cpuSeconds: 2, startedAtTicks: 1249860, isZombie: false });
    expect(parseProcessStat('nonsense')).toBeNull();
  });

  it('use what their status and their cgroup say', () => {
    expect(parseResidentBytes('Name:\tx\nVmRSS:\t    1592 kB\n')).toBe(1592 * 1024);
    expect(parseCgroupPath('12:cpu:/x\n0::/system.slice/ssh.service\n')).toBe('/system.slice/ssh.service');
    expect(parseCgroupPath('0::/\n')).toBeNull();
    expect(parseCgroupPath('0::/../../etc\n')).toBeNull();
    expect(
      cgroupCounters('usage_usec 2500000\nuser_usec 1\n', '1048576\n', 'anon 1\ninactive_file 48576\n'),
    ).toEqual({ cpuSeconds: 2.5, memoryBytes: 1_000_000 });
    expect(cgroupCounters('', 'max', '')).toBeNull();
  });

  it('have a share of one core, but not when the counter fell', () => {
    expect(coreShare(1, 4, 2)).toBe(150);
    expect(coreShare(4, 1, 2)).toBeNull();
    expect(coreShare(undefined, 1, 2)).toBeNull();
  });

  it('are found by program or script', () => {
    expect(runsCommand('/usr/bin/python3\0/opt/gateway.py\0--port\x001', 'gateway.py')).toBe(true);
    expect(runsCommand('/usr/bin/python3\0/opt/gateway.py', 'python3')).toBe(true);
    expect(runsCommand('/bin/sh\0-c\0gateway.py', 'gateway.py')).toBe(false);
    expect(runsCommand('', 'x')).toBe(false);
  });

  it('are watched by a pid file over a restart', async () => {
    const file = join(await makeFolder(), 'gateway.pid');
    const watched = [{ name: 'gateway', pid_file: file }];
    const reader = createProcessReader();
    const look = async () => (await reader.read('metrics', [], watched))[0];
    expect(await look()).toMatchObject({ isRunning: false, restarts: 0, memoryBytes: null });
    for (const restarts of [0, 1]) {
      const child = spawn(process.execPath, ['-e', 'process.stdin.resume()'], {
        stdio: ['pipe', 'ignore', 'ignore'],
      });
      await once(child, 'spawn');
      await writeFile(file, `${child.pid}\n`);
      const found = await look();
      expect(found).toMatchObject({ name: 'gateway', kind: 'process', isRunning: true, restarts });
      expect(found?.memoryBytes).toBeGreaterThan(0);
      child.stdin?.end();
      await once(child, 'exit');
      expect(await look()).toMatchObject({ isRunning: false, restarts });
    }
  });

  it('are watched by the name of their program', async () => {
    const script = join(await makeFolder(), 'watched-program.cjs');
    await writeFile(script, 'process.stdin.resume()');
    const child = spawn(process.execPath, [script], { stdio: ['pipe', 'ignore', 'ignore'] });
    await once(child, 'spawn');
    const reader = createProcessReader();
    const watched = [{ name: 'mine', command: 'watched-program.cjs' }];
    expect((await reader.read('metrics', [], watched))[0]).toMatchObject({ isRunning: true, restarts: 0 });
    child.stdin?.end();
    await once(child, 'exit');
    expect((await reader.read('metrics', [], watched))[0]).toMatchObject({ isRunning: false });
  });
});

describe('every parser', () => {
  it('bears any text', () => {
    const texts = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 300 }),
      fc
        .array(
          fc.constantFrom(
            '0',
            '1,',
            ' ',
            '\n',
            'cpu ',
            '[N/A]',
            '{"',
            ':',
            '=',
            '\\040',
            '/',
            ')',
            'Id=a.service',
          ),
          {
            maxLength: 60,
          },
        )
        .map((pieces) => pieces.join('')),
    );
    const parsers = [
      realMounts,
      parseNvidiaSmi,
      parseShow,
      parseInspect,
      parseProcessStat,
      parseResidentBytes,
    ];
    const others = [parseCgroupPath, parseNetDev, (text: string) => parseUnits(text, new Set())];
    fc.assert(
      fc.property(texts, (text) => {
        for (const parse of [...parsers, ...others]) parse(text);
      }),
      { numRuns: 1000 },
    );
  });
});
