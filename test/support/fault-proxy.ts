/** A TCP proxy that does to a link what networks do: delay, stall, swallow, drip, reset. */

import type { AddressInfo } from 'node:net';
import { createServer, connect as dial, type Server, type Socket } from 'node:net';

/**
 * `delay`: each piece is late by a random time up to `maxMs`. `stall`: nothing moves for up to `maxMs`, again and again,
 * as when packets are lost and sent again. `half_open`: what is open dies towards the server alone, and nothing tells
 * the client; new links work. `reset`: every link is reset, new ones at once. `drip`: one byte a second each way.
 * `black_hole`: links stay open and new ones are accepted, but nothing ever comes through.
 */
export type Fault =
  | { readonly kind: 'none' | 'half_open' | 'reset' | 'drip' | 'black_hole' }
  | { readonly kind: 'delay' | 'stall'; readonly maxMs: number };

export interface FaultProxy {
  readonly port: number;
  /** When the client tried to connect, on performance.now(). */
  readonly attemptsAtMs: readonly number[];
  /** Links to the server now. */
  openLinks(): number;
  set(fault: Fault): void;
  stop(): Promise<void>;
}

const DRIP_EVERY_MS = 1000;
/** Of a piece to be held up by what was lost before it. */
const STALL_CHANCE = 0.3;
/** What a fault holds back is thrown away with its link; a black hole is not a queue. */
interface Link {
  readonly client: Socket;
  readonly server: Socket;
  /** Nothing passes any more, whatever comes after. */
  isDead: boolean;
}

export async function startFaultProxy(target: number, random: () => number): Promise<FaultProxy> {
  let fault: Fault = { kind: 'none' };
  const links = new Set<Link>();
  const attemptsAtMs: number[] = [];

  const accept = (client: Socket): void => {
    attemptsAtMs.push(performance.now());
    client.on('error', () => undefined);
    if (fault.kind === 'reset') {
      client.resetAndDestroy();
      return;
    }
    const server = dial(target, '127.0.0.1');
    server.on('error', () => undefined);
    const link: Link = { client, server, isDead: fault.kind === 'black_hole' };
    links.add(link);
    carry(link, client, server);
    carry(link, server, client);
    const end = (): void => {
      links.delete(link);
      server.destroy();
      // A dead link's end is not seen on the other side.
      if (!link.isDead) client.destroy();
    };
    client.on('close', end);
    server.on('close', end);
  };
  /** Pieces keep their order whatever their delay; many may be on their way at once. */
  const carry = (link: Link, from: Socket, to: Socket): void => {
    let before: Promise<void> = Promise.resolve();
    from.on('data', (piece: Buffer) => {
      const dueMs = performance.now() + holdMs();
      before = before.then(() => later(dueMs - performance.now())).then(() => pass(link, piece, to));
    });
  };
  const holdMs = (): number => {
    if (fault.kind === 'delay') return random() * fault.maxMs;
    return fault.kind === 'stall' && random() < STALL_CHANCE ? random() * fault.maxMs : 0;
  };
  const pass = async (link: Link, piece: Buffer, to: Socket): Promise<void> => {
    for (let sent = 0; sent < piece.length; ) {
      if (link.isDead || to.destroyed) return;
      const isDrip = fault.kind === 'drip';
      const end = isDrip ? sent + 1 : piece.length;
      to.write(piece.subarray(sent, end));
      sent = end;
      if (isDrip) await later(DRIP_EVERY_MS);
    }
  };
  /** Ends early when the fault does, as a network that recovers lets go of what it held. */
  let release = Promise.withResolvers<void>();
  const later = (ms: number): Promise<void> =>
    ms <= 0
      ? Promise.resolve()
      : Promise.race([new Promise<void>((resolve) => setTimeout(resolve, ms)), release.promise]);

  const listener: Server = createServer(accept);
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', () => resolve()));
  return {
    port: (listener.address() as AddressInfo).port,
    attemptsAtMs,
    openLinks: () => links.size,
    set(next) {
      fault = next;
      release.resolve();
      release = Promise.withResolvers<void>();
      for (const link of [...links]) {
        if (next.kind === 'reset') {
          link.client.resetAndDestroy();
          link.server.resetAndDestroy();
        } else if (next.kind === 'half_open') {
          link.isDead = true;
          link.server.destroy();
        } else if (next.kind === 'black_hole') link.isDead = true;
      }
    },
    async stop() {
      for (const { client, server } of links) {
        client.destroy();
        server.destroy();
      }
      await new Promise((resolve) => listener.close(resolve));
    },
  };
}
