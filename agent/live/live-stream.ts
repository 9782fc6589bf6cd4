/** One live channel: numbers its messages, has one on its way at a time, and counts what could not go. */
import { createLiveBatch, type TakenBatch } from './live-batch.ts';

export interface LiveStreamOut<R> {
  add(record: R): void;
  /** Sends what is there, unless the message before is still on its way. */
  flush(): void;
  /** The same, and where nothing waits an empty message: a new viewer sees that the device hears it. */
  greet(): void;
  /** Forgets what waits: nobody looks on any more. */
  clear(): void;
}

/** `send` says whether the message went out; it may say so later. It must not throw. */
export function createLiveStream<R>(
  send: (message: TakenBatch<R> & { readonly seq: number }) => boolean | Promise<boolean>,
): LiveStreamOut<R> {
  const batch = createLiveBatch<R>();
  let seq = 0;
  let isSending = false;
  const settle = (isSent: boolean, lost: number): void => {
    if (isSent) seq += 1;
    else batch.skip(lost);
  };
  const sendNow = (isGreeting: boolean): void => {
    if (isSending) return;
    const taken = batch.take() ?? (isGreeting ? { records: [], skipped: 0 } : null);
    if (taken === null) return;
    const lost = taken.records.length + taken.skipped;
    const answer = send({ seq: seq + 1, ...taken });
    if (typeof answer === 'boolean') {
      settle(answer, lost);
      return;
    }
    isSending = true;
    void answer
      .catch(() => false)
      .then((isSent) => {
        isSending = false;
        settle(isSent, lost);
      });
  };
  return {
    add: batch.add,
    clear: batch.clear,
    flush: () => sendNow(false),
    greet: () => sendNow(true),
  };
}
