/** Certificates and organisations that may not connect, built from the messages on the revocations channel. Pure. */
import type { Revocations } from '#contract';

/** 400 parts of 5,000: two million certificates revoked and not yet expired. */
const MAX_PARTS = 400;

/** What was not denied before a message and is now. */
export interface Denied {
  readonly serials: readonly string[];
  readonly orgs: readonly string[];
}

export interface DenyList {
  /** A complete snapshot has been seen. */
  readonly isReady: boolean;
  readonly size: number;
  has(serial: string): boolean;
  /** @param org slug */
  isSuspended(org: string): boolean;
  /** Takes one message in. @throws RangeError for too many parts. */
  apply(message: Revocations): Denied;
}

interface Names {
  readonly serials: ReadonlySet<string>;
  readonly orgs: ReadonlySet<string>;
}
interface Collection {
  readonly generation: string;
  readonly parts: Map<number, Denied>;
  readonly expected: number;
}

const NONE: Denied = { serials: [], orgs: [] };

export function createDenyList(): DenyList {
  let denied: Names = { serials: new Set(), orgs: new Set() };
  let isReady = false;
  let collection: Collection | null = null;
  /** Said since the collection began: the snapshot may have been read before them. */
  let addedMeanwhile: Denied[] = [];

  const replace = (next: Names): Denied => {
    const before = denied;
    denied = next;
    return {
      serials: [...next.serials].filter((serial) => !before.serials.has(serial)),
      orgs: [...next.orgs].filter((org) => !before.orgs.has(org)),
    };
  };

  const add = (added: Denied): Denied => {
    if (collection !== null) addedMeanwhile.push(added);
    return replace({
      serials: new Set([...denied.serials, ...added.serials]),
      orgs: new Set([...denied.orgs, ...added.orgs]),
    });
  };

  const collect = (message: Revocations): Denied => {
    if (message.parts > MAX_PARTS || message.part > message.parts) {
      throw new RangeError(`snapshot part ${message.part} of ${message.parts} is out of range`);
    }
    if (collection?.generation !== message.generation || collection.expected !== message.parts) {
      collection = { generation: message.generation, parts: new Map(), expected: message.parts };
      addedMeanwhile = [];
    }
    collection.parts.set(message.part, namesOf(message));
    if (collection.parts.size < collection.expected) return NONE;
    const all = [...collection.parts.values(), ...addedMeanwhile];
    collection = null;
    addedMeanwhile = [];
    isReady = true;
    return replace({
      serials: new Set(all.flatMap(({ serials }) => serials)),
      orgs: new Set(all.flatMap(({ orgs }) => orgs)),
    });
  };

  return {
    get isReady() {
      return isReady;
    },
    get size() {
      return denied.serials.size;
    },
    has: (serial) => denied.serials.has(serial),
    isSuspended: (org) => denied.orgs.has(org),
    apply: (message) => (message.kind === 'added' ? add(namesOf(message)) : collect(message)),
  };
}

/** A control plane that knows of no suspensions names none. */
const namesOf = ({ serials, suspended_orgs }: Revocations): Denied => ({
  serials,
  orgs: suspended_orgs ?? [],
});
