/** Serials that may not connect, built from the messages on the revocations channel. Pure. */
import type { Revocations } from '#contract';

/** 400 parts of 5,000: two million certificates revoked and not yet expired. */
const MAX_PARTS = 400;

export interface DenyList {
  /** A complete snapshot has been seen. */
  readonly isReady: boolean;
  readonly size: number;
  has(serial: string): boolean;
  /** Takes one message in and returns the serials that were not denied before it. @throws RangeError for too many parts. */
  apply(message: Revocations): string[];
}

interface Collection {
  readonly generation: string;
  readonly parts: Map<number, readonly string[]>;
  readonly expected: number;
}

export function createDenyList(): DenyList {
  let denied: ReadonlySet<string> = new Set();
  let isReady = false;
  let collection: Collection | null = null;
  /** Said since the collection began: the snapshot may have been read before them. */
  let addedMeanwhile = new Set<string>();

  const replace = (next: ReadonlySet<string>): string[] => {
    const fresh = [...next].filter((serial) => !denied.has(serial));
    denied = next;
    return fresh;
  };

  const add = (serials: readonly string[]): string[] => {
    if (collection !== null) for (const serial of serials) addedMeanwhile.add(serial);
    return replace(new Set([...denied, ...serials]));
  };

  const collect = (message: Revocations): string[] => {
    if (message.parts > MAX_PARTS || message.part > message.parts) {
      throw new RangeError(`snapshot part ${message.part} of ${message.parts} is out of range`);
    }
    if (collection?.generation !== message.generation || collection.expected !== message.parts) {
      collection = { generation: message.generation, parts: new Map(), expected: message.parts };
      addedMeanwhile = new Set();
    }
    collection.parts.set(message.part, message.serials);
    if (collection.parts.size < collection.expected) return [];
    const complete = new Set([...[...collection.parts.values()].flat(), ...addedMeanwhile]);
    collection = null;
    isReady = true;
    return replace(complete);
  };

  return {
    get isReady() {
      return isReady;
    },
    get size() {
      return denied.size;
    },
    has: (serial) => denied.has(serial),
    apply: (message) => (message.kind === 'added' ? add(message.serials) : collect(message)),
  };
}
