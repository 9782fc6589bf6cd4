/** A bounded queue that hands its items over in batches, one batch at a time, in order. Knows nothing of databases. */

export interface BatcherOptions<T, R> {
  /** Results in the order of the items. A rejection rejects every item of the batch. */
  readonly run: (items: readonly T[]) => Promise<readonly R[]>;
  readonly maxItems: number;
  /** A batch is closed before its weight passes this, but holds at least one item. */
  readonly maxWeight: number;
  /** Longest wait of the first item for company while nothing runs. */
  readonly maxAgeMs: number;
  /** Weight of all that waits; beyond it `submit` rejects. */
  readonly capacityWeight: number;
  readonly weigh: (item: T) => number;
}

export interface Batcher<T, R> {
  /** @throws BatcherFullError, BatcherStoppedError */
  submit(item: T): Promise<R>;
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

interface Entry<T, R> {
  readonly item: T;
  readonly weight: number;
  readonly resolve: (result: R) => void;
  readonly reject: (error: unknown) => void;
}

export function createBatcher<T, R>(options: BatcherOptions<T, R>): Batcher<T, R> {
  let waiting: Entry<T, R>[] = [];
  let weight = 0;
  let running: Promise<void> | null = null;
  let timer: NodeJS.Timeout | null = null;
  let stopped = false;
  let watchers: { mark: number; resolve: () => void }[] = [];

  function submit(item: T): Promise<R> {
    if (stopped) return Promise.reject(new BatcherStoppedError('the queue is stopped'));
    const cost = options.weigh(item);
    if (weight > 0 && weight + cost > options.capacityWeight) {
      return Promise.reject(new BatcherFullError('the queue is full'));
    }
    weight += cost;
    return new Promise<R>((resolve, reject) => {
      waiting.push({ item, weight: cost, resolve, reject });
      schedule();
    });
  }

  function schedule(): void {
    if (running !== null || waiting.length === 0) return;
    if (waiting.length >= options.maxItems || stopped) {
      runNext();
    } else {
      timer ??= setTimeout(runNext, options.maxAgeMs);
    }
  }

  function runNext(): void {
    if (timer !== null) clearTimeout(timer);
    timer = null;
    if (running !== null || waiting.length === 0) return;
    const batch = takeBatch();
    running = settle(batch).then(() => {
      running = null;
      for (const { weight: cost } of batch) weight -= cost;
      wakeWatchers();
      // What gathered while the last batch ran has waited long enough.
      runNext();
    });
  }

  function takeBatch(): Entry<T, R>[] {
    let size = 0;
    let sum = 0;
    for (const entry of waiting) {
      if (size === options.maxItems || (size > 0 && sum + entry.weight > options.maxWeight)) break;
      size += 1;
      sum += entry.weight;
    }
    const batch = waiting.slice(0, size);
    waiting = waiting.slice(size);
    return batch;
  }

  async function settle(batch: readonly Entry<T, R>[]): Promise<void> {
    try {
      const results = await options.run(batch.map((entry) => entry.item));
      batch.forEach((entry, index) => {
        const result = results[index];
        if (result === undefined) entry.reject(new Error('the batch returned fewer results than items'));
        else entry.resolve(result);
      });
    } catch (error) {
      for (const entry of batch) entry.reject(error);
    }
  }

  function wakeWatchers(): void {
    const ready = watchers.filter(({ mark }) => weight <= mark || stopped);
    watchers = watchers.filter((watcher) => !ready.includes(watcher));
    for (const { resolve } of ready) resolve();
  }

  return {
    submit,
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
