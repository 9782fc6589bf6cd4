/** Keeps a way in open: where it cannot be opened, the trouble is told once and it is tried again. */

/** A port or a folder that is missing now may be there when another program has started or stopped. */
export const REOPEN_MS = 30_000;

interface Closable {
  close(): Promise<void>;
}

export interface WayIn<T extends Closable> {
  /** After the first try, whether or not it worked. */
  readonly tried: Promise<void>;
  /** Null while it is not open. */
  current(): T | null;
  stop(): Promise<void>;
}

export interface WayInOptions<T extends Closable> {
  readonly open: () => Promise<T>;
  /** Null: open again after a trouble. Called when it changes only. */
  readonly onTrouble: (reason: string | null) => void;
  readonly reopenMs?: number;
}

export function keepOpen<T extends Closable>(options: WayInOptions<T>): WayIn<T> {
  const { open, onTrouble, reopenMs = REOPEN_MS } = options;
  let current: T | null = null;
  let isTroubled = false;
  let isStopped = false;
  let timer: NodeJS.Timeout | undefined;
  const attempt = async (): Promise<void> => {
    try {
      current = await open();
      if (isTroubled) onTrouble(null);
      isTroubled = false;
    } catch (error) {
      if (!isTroubled) onTrouble(error instanceof Error ? error.message : String(error));
      isTroubled = true;
      if (!isStopped) timer = setTimeout(() => (trying = attempt()), reopenMs);
    }
  };
  let trying = attempt();
  return {
    tried: trying,
    current: () => current,
    async stop() {
      isStopped = true;
      clearTimeout(timer);
      await trying;
      clearTimeout(timer);
      await current?.close();
      current = null;
    },
  };
}
