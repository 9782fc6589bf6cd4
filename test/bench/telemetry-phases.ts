/** The two shapes of traffic that are measured: many small messages, and full batches as an outbox sends a backlog. */
import type { Phase } from './telemetry-run.ts';

export const SMALL: Phase = {
  name: 'small',
  devices: 200,
  pointsPerMessage: 10,
  messagesPerSecond: 4000,
  seconds: 40,
  warmupSeconds: 10,
  window: 50,
  withFloor: true,
};
export const BIG: Phase = {
  name: 'big',
  devices: 100,
  pointsPerMessage: 500,
  messagesPerSecond: 210,
  seconds: 40,
  warmupSeconds: 10,
  window: 8,
  withFloor: false,
};
export const PHASES: readonly Phase[] = [SMALL, BIG];
