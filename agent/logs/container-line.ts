/** A line of `logs --timestamps`, and where its stream goes on after a restart. Pure. */
import { nanosecondsOf } from './line-time.ts';
import type { ContainerMark } from './positions.ts';

/** `timestamp` is null for a line that begins with none: then all of it is the text. */
export interface ContainerLine {
  readonly timestamp: string | null;
  readonly text: string;
}

/** A stream that is long silent does not make the other be read again from its last word. */
const MAX_BEHIND_NS = 60_000_000_000n;

export function parseContainerLine(line: string): ContainerLine {
  const space = line.indexOf(' ');
  const first = space < 0 ? line : line.slice(0, Math.min(space, 40));
  if (nanosecondsOf(first) === null) return { timestamp: null, text: line };
  return { timestamp: first, text: space < 0 ? '' : line.slice(space + 1) };
}

/** What to give `--since`, which includes lines of that very time; null for the whole log. */
export function sinceOf({ stdout, stderr }: ContainerMark): string | null {
  const marks = [stdout, stderr].flatMap((mark) => {
    const at = mark === undefined ? null : nanosecondsOf(mark.timestamp);
    return mark === undefined || at === null ? [] : [{ text: mark.timestamp, at }];
  });
  marks.sort((a, b) => (a.at < b.at ? -1 : 1));
  const [oldest, newest] = [marks[0], marks.at(-1)];
  if (oldest === undefined || newest === undefined) return null;
  const floor = newest.at - MAX_BEHIND_NS;
  if (marks.length === 2 && oldest.at >= floor) return oldest.text;
  return timestampOf(floor);
}

export interface Sieve {
  /** The position behind this line, or null where it was taken before the restart. */
  pass(timestamp: string): { readonly timestamp: string; readonly count: number } | null;
}

/** Lets through what lies behind the mark; lines of the same time are told apart by their number. */
export function createSieve(mark: { readonly timestamp: string; readonly count: number } | undefined): Sieve {
  const markAt = mark === undefined ? null : nanosecondsOf(mark.timestamp);
  let at: bigint | null = null;
  let count = 0;
  return {
    pass(timestamp) {
      const lineAt = nanosecondsOf(timestamp) ?? 0n;
      count = lineAt === at ? count + 1 : 1;
      at = lineAt;
      if (markAt !== null && mark !== undefined) {
        if (lineAt < markAt || (lineAt === markAt && count <= mark.count)) return null;
      }
      return { timestamp, count };
    },
  };
}

function timestampOf(nanoseconds: bigint): string {
  const seconds = new Date(Number(nanoseconds / 1_000_000_000n) * 1000).toISOString().slice(0, 19);
  return `${seconds}.${String(nanoseconds % 1_000_000_000n).padStart(9, '0')}Z`;
}
