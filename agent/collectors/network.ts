/** Traffic of the network interfaces from /proc/net/dev. Pure. Source: proc_net(5). */

export interface InterfaceCounters {
  readonly name: string;
  readonly receivedBytes: number;
  readonly sentBytes: number;
  readonly errors: number;
}

export interface InterfaceRate {
  readonly name: string;
  readonly receivedBytesPerSecond: number;
  readonly sentBytesPerSecond: number;
  /** Errors and drops of both directions since the first sample. */
  readonly errors: number;
}

/** Most interfaces that are reported; hosts with many containers have hundreds of virtual ones. */
export const MAX_INTERFACES = 16;

/** Loopback, and the host's ends of containers, whose traffic passes a real interface too. */
const VIRTUAL = /^(lo|veth|br-|docker|virbr|ifb|cni|flannel|cali|dummy|tap)/;

export function parseNetDev(text: string): InterfaceCounters[] {
  const interfaces: InterfaceCounters[] = [];
  for (const line of text.split('\n')) {
    const [, name, rest] = /^\s*([^\s:]+):\s*(.*)$/.exec(line) ?? [];
    if (name === undefined || rest === undefined || VIRTUAL.test(name)) continue;
    const fields = rest.trim().split(/\s+/).map(Number);
    if (fields.length < 16 || fields.some(Number.isNaN)) continue;
    interfaces.push({
      name,
      receivedBytes: fields[0] ?? 0,
      sentBytes: fields[8] ?? 0,
      errors: (fields[2] ?? 0) + (fields[3] ?? 0) + (fields[10] ?? 0) + (fields[11] ?? 0),
    });
  }
  return interfaces.slice(0, MAX_INTERFACES);
}

/** Rates between two samples; an interface that is new or whose counter fell is left out this once. */
export function networkRates(
  before: readonly InterfaceCounters[],
  after: readonly InterfaceCounters[],
  seconds: number,
): InterfaceRate[] {
  if (seconds <= 0) return [];
  return after.flatMap((counters) => {
    const earlier = before.find((candidate) => candidate.name === counters.name);
    if (earlier === undefined) return [];
    const received = counters.receivedBytes - earlier.receivedBytes;
    const sent = counters.sentBytes - earlier.sentBytes;
    if (received < 0 || sent < 0) return [];
    return [
      {
        name: counters.name,
        receivedBytesPerSecond: Math.round(received / seconds),
        sentBytesPerSecond: Math.round(sent / seconds),
        errors: counters.errors,
      },
    ];
  });
}
