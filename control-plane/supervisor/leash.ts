/** The child's end of the supervisor's channel: obey its stop, end when it is gone, leave Ctrl-C to it. */
import { Type } from 'typebox';
import { decodeValue } from '#contract';

/** How long a child that lost its supervisor may take to close its connections. */
const ORPHAN_DEADLINE_MS = 5_000;

const Order = Type.Object({ type: Type.Literal('stop') });

/** What a child tells its supervisor. `fatal`: starting again will not help until a person acts. */
export type Report = { type: 'ready' } | { type: 'fatal'; message: string };

/** Does nothing in a process that was not started by the supervisor. `onStop` is called once. */
export function attachLeash(onStop: () => void): void {
  if (process.send === undefined) return;
  let stopping = false;
  const stopOnce = (): void => {
    if (stopping) return;
    stopping = true;
    onStop();
  };
  // A terminal sends Ctrl-C to everyone at once; the supervisor stops its children in order instead.
  process.on('SIGINT', () => undefined);
  process.on('message', (message) => {
    if (decodeValue(Order, message).ok) stopOnce();
  });
  process.on('disconnect', () => {
    setTimeout(() => process.exit(1), ORPHAN_DEADLINE_MS).unref();
    stopOnce();
  });
  // Listening keeps a process alive; whether it has work is for the process to know.
  process.channel?.unref();
}

/** Resolves when the supervisor has it; at once where there is none. */
export function report(message: Report): Promise<void> {
  if (process.send === undefined || !process.connected) return Promise.resolve();
  return new Promise((resolve) => process.send?.(message, undefined, {}, () => resolve()));
}
