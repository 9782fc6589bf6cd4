/** The only way between a client's socket and the broker engine: whole, well-formed, paid-for frames in; a bounded backlog out. */
import { Duplex } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import type { RefusalReason } from '#contract';
import { createFrameAssembler, type Frame, FrameError } from './frame-assembler.ts';
import type { Backlog, Limits } from './limits.ts';
import { type CheckedPacket, checkPacket, PACKET, PacketError } from './packet-check.ts';

export interface GuardEvents {
  /** The connection is about to be closed for this. */
  refused(reason: RefusalReason, detail: string): void;
  /** Takes the price of one packet and returns how long to wait before it goes in, in milliseconds. */
  reserve(packet: CheckedPacket): number;
  received(bytes: number): void;
  sent(bytes: number): void;
}

export interface GuardOptions {
  readonly socket: TLSSocket;
  readonly limits: Limits;
  readonly backlog: Backlog;
  readonly maxFilters: number;
  readonly now: () => number;
  readonly events: GuardEvents;
}

type WriteDone = (error: Error | null | undefined) => void;

/** How long a closed connection may take to send its last bytes. */
const LINGER_MS = 500;
const READABLE_HIGH_WATER_BYTES = 16 * 1024;

export class FrameGuard extends Duplex {
  readonly #socket: TLSSocket;
  readonly #options: GuardOptions;
  readonly #frames;
  #protocolLevel = 0;
  /** CONNECT is in; nothing else goes in before it is accepted. */
  #isConnecting = false;
  #isAccepted = false;
  #isPaying = false;
  #paymentTimer: NodeJS.Timeout | null = null;
  #isReaderFull = false;
  #isGathering = false;
  #hasEnded = false;
  #lingerTimer: NodeJS.Timeout | null = null;
  /** Paid for and waiting for the engine to have room. */
  #next: Frame | null = null;
  #inflight = 0;
  readonly #openedAtMs: number;
  #frameStartedAtMs: number | null = null;
  #stalledSinceMs: number | null = null;

  constructor(options: GuardOptions) {
    super({
      readableHighWaterMark: READABLE_HIGH_WATER_BYTES,
      writableHighWaterMark: options.backlog.softBytes,
      allowHalfOpen: false,
      emitClose: true,
    });
    this.#options = options;
    this.#socket = options.socket;
    this.#frames = createFrameAssembler(options.limits.frameBytesBeforeConnect);
    this.#openedAtMs = options.now();
    this.#socket.on('data', (chunk: Buffer) => this.#receive(chunk));
    this.#socket.on('end', () => {
      this.#hasEnded = true;
      this.#pump();
    });
    this.#socket.on('error', () => this.destroy());
    this.#socket.on('close', () => {
      if (this.#lingerTimer !== null) clearTimeout(this.#lingerTimer);
      // After an orderly end the frames that came before it still go in.
      if (!this.#hasEnded) this.destroy();
    });
  }

  /** CONNECT was accepted: the larger frame size holds, and what was sent behind it goes in. */
  accept(): void {
    this.#isAccepted = true;
    this.#isConnecting = false;
    this.#frames.setMaxBytes(this.#options.limits.frameBytes);
    this.#pump();
  }

  /** A publish has gone into the engine, or has come through it. */
  publishStarted(): void {
    this.#inflight += 1;
  }
  publishEnded(): void {
    this.#inflight = Math.max(0, this.#inflight - 1);
    this.#pump();
  }

  /** Closes at once, without a last word. */
  cut(): void {
    this.destroy();
    this.#socket.destroy();
  }

  /** Closes a connection that is over a time: called once a second for all, instead of timers for each. */
  checkDeadlines(): void {
    const { limits, backlog, now } = this.#options;
    const nowMs = now();
    if (!this.#isAccepted && nowMs - this.#openedAtMs > limits.connectTimeoutMs) {
      this.#refuse('frame.slow', 'no CONNECT in time');
    } else if (this.#frameStartedAtMs !== null && nowMs - this.#frameStartedAtMs > limits.frameTimeoutMs) {
      this.#refuse('frame.slow', 'frame not completed in time');
    } else if (this.#stalledSinceMs !== null && nowMs - this.#stalledSinceMs > backlog.stallMs) {
      this.#refuse('frame.slow', 'reads nothing of what waits for it');
    }
  }

  override write(chunk: Buffer | string, second?: BufferEncoding | WriteDone, third?: WriteDone): boolean {
    this.#gather();
    const isRoomy =
      typeof second === 'string' ? super.write(chunk, second, third) : super.write(chunk, second ?? third);
    if (this.writableLength > this.#options.backlog.hardBytes) {
      this.#refuse('frame.slow', 'too much waits for it');
    }
    return isRoomy;
  }

  /** What is written at nearly the same time goes out in one piece: a system call costs more than a packet. */
  #gather(): void {
    if (this.#isGathering) return;
    this.#isGathering = true;
    this.cork();
    const { gatherMs } = this.#options.backlog;
    const send = (): void => {
      this.#isGathering = false;
      this.uncork();
    };
    if (gatherMs === 0) setImmediate(send);
    else setTimeout(send, gatherMs);
  }

  override _read(): void {
    if (!this.#isReaderFull) return;
    this.#isReaderFull = false;
    this.#pump();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#send([chunk], done);
  }

  override _writev(
    chunks: { chunk: Buffer; encoding: BufferEncoding }[],
    done: (error?: Error | null) => void,
  ): void {
    this.#send(
      chunks.map(({ chunk }) => chunk),
      done,
    );
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#socket.end();
    done();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    if (this.#paymentTimer !== null) clearTimeout(this.#paymentTimer);
    // What was written last (a CONNACK that says why) may still go out, but nobody is waited for long.
    this.#socket.destroySoon();
    if (!this.#socket.destroyed) {
      this.#lingerTimer = setTimeout(() => this.#socket.destroy(), LINGER_MS);
    }
    done(error);
  }

  #send(chunks: Buffer[], done: (error?: Error | null) => void): void {
    const bytes = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
    this.#stalledSinceMs = this.#options.now();
    const [only] = chunks;
    const payload = chunks.length === 1 && only !== undefined ? only : Buffer.concat(chunks, bytes);
    this.#socket.write(payload, () => {
      // An error is the socket's own 'error' or 'close' event too, which ends this connection.
      this.#stalledSinceMs = null;
      this.#options.events.sent(bytes);
      done();
    });
  }

  #receive(chunk: Buffer): void {
    if (this.destroyed) return;
    this.#options.events.received(chunk.length);
    this.#frames.append(chunk);
    this.#pump();
  }

  /** Lets frames in while nothing forbids it; otherwise the socket is not read, and TCP tells the sender. */
  #pump(): void {
    if (this.destroyed || this.readableEnded) return;
    try {
      while (this.#canPush()) {
        const frame = this.#next ?? this.#take();
        if (frame === null) break;
        this.#next = frame;
        if (this.#isPaying) break;
        this.#next = null;
        this.#isReaderFull = !this.push(frame.bytes);
      }
    } catch (error) {
      if (error instanceof FrameError) this.#refuse(error.reason, error.message);
      else if (error instanceof PacketError) this.#refuse('frame.malformed', error.message);
      else throw error;
      return;
    }
    const isHeld = this.#next !== null || !this.#canPush();
    if (this.#hasEnded && !isHeld) this.push(null);
    if (isHeld) this.#socket.pause();
    else this.#socket.resume();
    // Only what the sender has not sent counts against it, not what waits here for our own reasons.
    if (isHeld || this.#frames.pendingBytes === 0) this.#frameStartedAtMs = null;
    else this.#frameStartedAtMs ??= this.#options.now();
  }

  #canPush(): boolean {
    return (
      !this.#isPaying &&
      !this.#isReaderFull &&
      !this.#isConnecting &&
      this.#inflight < this.#options.limits.inflightPublishes
    );
  }

  /** The next whole frame, checked and charged. */
  #take(): Frame | null {
    const frame = this.#frames.next();
    if (frame === null) return null;
    this.#frameStartedAtMs = null;
    const packet = checkPacket(frame.bytes, frame.bodyAt, this.#protocolLevel);
    if ((packet.type === PACKET.connect) !== (this.#protocolLevel === 0)) {
      throw new PacketError(this.#protocolLevel === 0 ? 'first packet is not CONNECT' : 'second CONNECT');
    }
    if (packet.type === PACKET.connect) {
      this.#protocolLevel = packet.protocolLevel;
      this.#isConnecting = true;
    }
    if (packet.filters > this.#options.maxFilters) {
      this.#refuse('subscribe.limit', `${packet.filters} filters in one packet`);
      return null;
    }
    const waitMs = this.#options.events.reserve(packet);
    if (waitMs > 0) this.#pay(waitMs);
    return frame;
  }

  #pay(waitMs: number): void {
    this.#isPaying = true;
    this.#paymentTimer = setTimeout(() => {
      this.#isPaying = false;
      this.#paymentTimer = null;
      this.#pump();
    }, waitMs);
  }

  #refuse(reason: RefusalReason, detail: string): void {
    if (this.destroyed) return;
    this.#options.events.refused(reason, detail);
    this.destroy();
  }
}
