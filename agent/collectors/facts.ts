/** What rarely changes about the machine: shown on the device's page. */
import { readFile } from 'node:fs/promises';
import { arch, cpus, hostname, networkInterfaces, release, totalmem, type } from 'node:os';
import type { Heartbeat } from '#contract';

export type Facts = NonNullable<Heartbeat['facts']>;

const MAX_TEXT = 200;
const MAX_ADDRESSES = 6;

export async function readFacts(agentVersion: string): Promise<Facts> {
  const processors = cpus();
  const osRelease = await readFile('/etc/os-release', 'utf8').catch(() => '');
  const addresses = Object.values(networkInterfaces())
    .flat()
    .flatMap((address) => (address === undefined || address.internal ? [] : [address.address]))
    .filter((address) => !address.startsWith('fe80:'));
  return {
    hostname: cut(hostname()),
    os: cut(parseOsRelease(osRelease) ?? type()),
    kernel: cut(release()),
    arch: arch(),
    cpu_model: cut(processors[0]?.model ?? 'unknown'),
    cpu_cores: processors.length,
    memory_bytes: totalmem(),
    ip_addresses: cut(addresses.slice(0, MAX_ADDRESSES).join(', ')),
    agent_version: agentVersion,
    node_version: process.version,
  };
}

/** Pure. Source: os-release(5). */
export const parseOsRelease = (text: string): string | null =>
  /^PRETTY_NAME="?([^"\n]+)"?$/m.exec(text)?.[1] ?? null;

const cut = (text: string): string => text.trim().slice(0, MAX_TEXT) || 'unknown';
