/** A bounded queue that hands its items over in batches, one batch at a time, in order. Knows nothing of databases. */

export interface BatcherOptions<T, R> {
  /** Results in the order of the items. A rejection rejects every item of the batch. */
  readonly run: (items: readonly T[]) => Promise<readonly R[]>;
  /** Told of the results of each batch, the submitted items among them. Must not throw. */
  readonly onResults?: (items: readonly T[], results: readonly R[]) => void;
  /** Told of a batch that failed, for those of its items that nobody waits for. */
  readonly onFailure?: (items: readonly T[], error: unknown) => void;
  readonly maxItems: number;
  /** A batch is closed before its weight passes this, but holds at least one item. */
  readonly maxWeight: number;
  /** Longest wait of the first item for company. */
  readonly maxAgeMs: number;
  /** What gathered while a batch ran, and is lighter than this, waits for company as well: batches are fewer. Default 0. */
  readonly lingerWeight?: number;
  /** Weight of all that waits or runs; beyond it nothing is taken. */
  readonly capacityWeight: number;
  readonly weigh: (item: T) => number;
}

export interface Batcher<T, R> {
  /** @throws BatcherFullError, BatcherStoppedError */
  submit(item: T): Promise<R>;
  /** The same without a promise; false where it was not taken. */
  offer(item: T): boolean;
  /** Weight of what waits or runs. */
  readonly weight: number;
  /** Resolves at once when `weight` is at most `mark`, else when it has fallen to it; also on stop. */
  whenAtMost(mark: number): Promise<void>;
  /** Runs what waits, then refuses. */
  stop(): Promise<void>;
}

export class BatcherFullError extends Error {
  override name = 'BatcherFullError';
}
export class BatcherStoppedError extends Error {
  override name = 'BatcherStoppedError';
}

interface Waiter<R> {
  readonly resolve: (result: R) => void;
  readonly reject: (error: unknown) => void;
}

/** Parallel lists: an object for each message would be one more to collect. */
interface Queue<T, R> {
  readonly items: T[];
  readonly weights: number[];
  /** undefined where nobody waits. */
  readonly waiters: (Waiter<R> | undefined)[];
}

export function createBatcher<T, R>(options: BatcherOptions<T, R>): Batcher<T, R> {
  let queue: Queue<T, R> = { items: [], weights: [], waiters: [] };
  let waitingWeight = 0;
  let weight = 0;
  let running: Promise<void> | null = null;
  let timer: NodeJS.Timeout | null = null;
  let stopped = false;
  let watchers: { mark: number; resolve: () => void }[] = [];

  function enqueue(item: T, waiter: Waiter<R> | undefined): 'taken' | 'stopped' | 'full' {
    if (stopped) return 'stopped';
    const cost = options.weigh(item);
    if (weight > 0 && weight + cost > options.capacityWeight) return 'full';
    weight += cost;
    waitingWeight += cost;
    queue.items.push(item);
    queue.weights.push(cost);
    queue.waiters.push(waiter);
    schedule();
    return 'taken';
  }

  function isFull(): boolean {
    return queue.items.length >= options.maxItems || waitingWeight >= options.maxWeight;
  }

  function schedule(): void {
    if (running !== null || queue.items.length === 0) return;
    if (isFull() || stopped) runNext();
    else timer ??= setTimeout(runNext, options.maxAgeMs);
  }

  function runNext(): void {
    if (timer !== null) clearTimeout(timer);
    timer = null;
    if (running !== null || queue.items.length === 0) return;
    const batch = takeBatch();
    running = settle(batch).then(() => {
      running = null;
      for (const cost of batch.weights) weight -= cost;
      wakeWatchers();
      if (waitingWeight < (options.lingerWeight ?? 0)) schedule();
      else runNext();
    });
  }

  function takeBatch(): Queue<T, R> {
    let size = 0;
    let sum = 0;
    for (const cost of queue.weights) {
      if (size === options.maxItems || (size > 0 && sum + cost > options.maxWeight)) break;
      size += 1;
      sum += cost;
    }
    const batch = queue;
    const { items, weights, waiters } = batch;
    queue = { items: items.splice(size), weights: weights.splice(size), waiters: waiters.splice(size) };
    waitingWeight -= sum;
    return batch;
  }

  async function settle({ items, waiters }: Queue<T, R>): Promise<void> {
    try {
      const results = await options.run(items);
      if (results.length !== items.length) throw new Error('the batch returned other results than items');
      options.onResults?.(items, results);
      for (let index = 0; index < waiters.length; index += 1) waiters[index]?.resolve(results[index] as R);
    } catch (error) {
      options.onFailure?.(items, error);
      for (const waiter of waiters) waiter?.reject(error);
    }
  }

  function wakeWatchers(): void {
    if (watchers.length === 0) return;
    const ready = watchers.filter(({ mark }) => weight <= mark || stopped);
    watchers = watchers.filter((watcher) => !ready.includes(watcher));
    for (const { resolve } of ready) resolve();
  }

  return {
    submit(item) {
      return new Promise<R>((resolve, reject) => {
        const taken = enqueue(item, { resolve, reject });
        if (taken === 'stopped') reject(new BatcherStoppedError('the queue is stopped'));
        else if (taken === 'full') reject(new BatcherFullError('the queue is full'));
      });
    },
    offer: (item) => enqueue(item, undefined) === 'taken',
    get weight() {
      return weight;
    },
    whenAtMost(mark) {
      if (weight <= mark || stopped) return Promise.resolve();
      return new Promise((resolve) => watchers.push({ mark, resolve }));
    },
    async stop() {
      stopped = true;
      wakeWatchers();
      runNext();
      while (running !== null) await running;
    },
  };
}
