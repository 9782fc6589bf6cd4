/** Starts the load process, runs one phase, and hands back what it measured. */
import { fork } from 'node:child_process';
import { join } from 'node:path';
import type { LoadMessage, LoadOrder, LoadReading, LoadResult } from './telemetry-load.ts';

export interface LoadRun {
  readonly result: LoadResult;
  readonly readings: readonly LoadReading[];
}

/**
 * `onStart` runs when all devices are connected and nothing was published yet, `onEnd` when the last ack is in.
 * @throws Error when the load process ends early.
 */
export async function runLoad(
  order: LoadOrder,
  hooks: {
    onStart?(): void;
    onWarm?(acked: number): void;
    onReading?(reading: LoadReading): void;
    onEnd?(): void | Promise<void>;
  } = {},
): Promise<LoadRun> {
  const child = fork(join(import.meta.dirname, 'telemetry-load.ts'), [], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  const readings: LoadReading[] = [];
  const result = await new Promise<LoadResult>((resolve, reject) => {
    child.once('exit', (code) => reject(new Error(`the load process ended with ${code}`)));
    child.on('message', (message: LoadMessage) => {
      if (message.kind === 'connected') {
        hooks.onStart?.();
        child.send('go');
      } else if (message.kind === 'warm') {
        hooks.onWarm?.(message.acked);
      } else if (message.kind === 'reading') {
        readings.push(message);
        hooks.onReading?.(message);
      } else {
        resolve(message);
      }
    });
    child.send(order);
  });
  await hooks.onEnd?.();
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.send('end');
  await ended;
  return { result, readings };
}
