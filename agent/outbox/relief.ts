/** What is given up next when the outbox is full (SEMANTICS 4.7). Pure. */
import { STREAMS, type Stream } from '#contract';
import { type OutboxLimits, ROOM_SHARE } from './limits.ts';

/** From the first to the last resort. */
export const RELIEF_STEPS = [
  'thin_metrics',
  'drop_debug_logs',
  'drop_info_logs',
  'drop_metrics',
  'drop_logs',
  'drop_events',
] as const;
export type ReliefStep = (typeof RELIEF_STEPS)[number];

const STREAM_OF: Readonly<Record<ReliefStep, Stream>> = {
  thin_metrics: 'metrics',
  drop_debug_logs: 'logs',
  drop_info_logs: 'logs',
  drop_metrics: 'metrics',
  drop_logs: 'logs',
  drop_events: 'events',
};

export type BytesByStream = Readonly<Record<Stream, number>>;

const total = (bytes: BytesByStream): number => STREAMS.reduce((sum, stream) => sum + bytes[stream], 0);

export const isFull = (bytes: BytesByStream, { maxBytes }: OutboxLimits): boolean => total(bytes) > maxBytes;

/**
 * The steps to try, in this order, or none when there is room enough. A class within its own bound is spared while
 * another one is beyond its own: who borrowed room gives it back.
 */
export function planRelief(bytes: BytesByStream, limits: OutboxLimits): readonly ReliefStep[] {
  if (total(bytes) <= limits.maxBytes * ROOM_SHARE) return [];
  const isBeyond = (stream: Stream): boolean => bytes[stream] > limits.classes[stream].maxBytes * ROOM_SHARE;
  const beyond = RELIEF_STEPS.filter((step) => isBeyond(STREAM_OF[step]));
  return [...beyond, ...RELIEF_STEPS.filter((step) => !beyond.includes(step))];
}

/** How full the class is, 0..1: of its own bound, or of all when the others leave less. */
export function pressureOf(stream: Stream, bytes: BytesByStream, limits: OutboxLimits): number {
  const others = total(bytes) - bytes[stream];
  const free = Math.max(0, limits.maxBytes - others);
  const room = Math.max(limits.classes[stream].maxBytes, free);
  return Math.min(1, bytes[stream] / room);
}
