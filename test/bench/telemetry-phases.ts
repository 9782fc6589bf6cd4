/** The two shapes of traffic that are measured: many small messages, and full batches as an outbox sends a backlog. */
import type { Phase } from './telemetry-run.ts';

export const SMALL: Phase = {
  name: 'small',
  devices: 200,
  pointsPerMessage: 10,
  messagesPerSecond: 2500,
  seconds: 30,
  window: 50,
  withFloor: true,
};
export const BIG: Phase = {
  name: 'big',
  devices: 100,
  pointsPerMessage: 500,
  messagesPerSecond: 230,
  seconds: 30,
  window: 8,
  withFloor: false,
};
export const PHASES: readonly Phase[] = [SMALL, BIG];
