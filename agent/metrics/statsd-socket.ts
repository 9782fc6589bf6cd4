/** StatsD's UDP port: each datagram holds lines, parted by newlines. */
import { createSocket } from 'node:dgram';
import { isIPv6 } from 'node:net';
import { createBucket } from './admission.ts';
import type { Refusals } from './refusals.ts';
import { parseStatsdLine, type StatsdSample } from './statsd-line.ts';

/** Lines that are looked at; a flood beyond that must not keep the agent from its heartbeat. */
export const MAX_LINES_PER_SECOND = 20_000;

export interface StatsdSocketOptions {
  readonly host: string;
  /** 0 = any free port. */
  readonly port: number;
  readonly refusals: Refusals;
  readonly take: (sample: StatsdSample) => void;
}

export interface StatsdSocket {
  readonly port: number;
  close(): Promise<void>;
}

/** @throws Error when the port cannot be had. */
export async function openStatsdSocket(options: StatsdSocketOptions): Promise<StatsdSocket> {
  const { host, port, refusals, take } = options;
  const takeToken = createBucket(MAX_LINES_PER_SECOND, 1, () => performance.now());
  const socket = createSocket(isIPv6(host) ? 'udp6' : 'udp4');
  socket.on('message', (datagram) => {
    for (const line of datagram.toString('utf8').split('\n')) {
      if (line.trim() === '') continue;
      if (!takeToken()) {
        refusals.count('rate');
        continue;
      }
      const sample = parseStatsdLine(line.trimEnd());
      if (typeof sample === 'string') refusals.count(sample);
      else take(sample);
    }
  });
  await new Promise<void>((resolve, reject) => {
    socket.once('error', reject);
    socket.bind(port, host, resolve);
  });
  socket.removeAllListeners('error');
  // A datagram that could not be received is lost, as UDP may lose any.
  socket.on('error', () => refusals.count('malformed'));
  return {
    port: socket.address().port,
    close: () => new Promise((resolve) => socket.close(() => resolve())),
  };
}
