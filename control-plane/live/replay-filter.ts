/**
 * A replay that one viewer asked for comes to all of a device's viewers: keeps lines that a viewer has had, or that are
 * older than where it began, from coming to it again.
 */
import { hash } from 'node:crypto';
import type { LogRecord } from '#contract';

/** Lines that are known again; four times what a device replays at most. */
const REMEMBERED = 2000;

export interface ReplayFilter {
  /** Who begins now. */
  viewer(): ViewerPlace;
  /** Everything of a message, each once per viewer. @param isReplaying whether a replay may be under way */
  accept(records: readonly LogRecord[], isReplaying: boolean): (viewer: ViewerPlace) => LogRecord[];
}
export interface ViewerPlace {
  /** Number of the newest line before it began. */
  readonly since: number;
  /** Whether it takes lines older than its first one: its own replay. */
  takesOlder: boolean;
  firstAt: string | null;
}

export function createReplayFilter(): ReplayFilter {
  /** Line → number of its newest coming. */
  const numbers = new Map<string, number>();
  let newest = 0;

  function remember(mark: string): void {
    newest += 1;
    numbers.delete(mark);
    numbers.set(mark, newest);
    if (numbers.size <= REMEMBERED) return;
    const oldest = numbers.keys().next().value;
    if (oldest !== undefined) numbers.delete(oldest);
  }

  return {
    viewer: () => ({ since: newest, takesOlder: false, firstAt: null }),
    accept(records, isReplaying) {
      const marked = records.map((record) => {
        const mark = markOf(record);
        return { record, cameAs: numbers.get(mark), mark };
      });
      for (const { mark } of marked) remember(mark);
      return (viewer) => {
        const taken = isReplaying
          ? marked.filter(({ record, cameAs }) => isNewTo(viewer, record, cameAs)).map(({ record }) => record)
          : [...records];
        viewer.firstAt ??= taken[0]?.timestamp ?? null;
        return taken;
      };
    },
  };
}

function isNewTo(viewer: ViewerPlace, record: LogRecord, cameAs: number | undefined): boolean {
  if (cameAs !== undefined && cameAs > viewer.since) return false;
  return viewer.takesOlder || viewer.firstAt === null || record.timestamp >= viewer.firstAt;
}

const markOf = ({ timestamp, service_name, message }: LogRecord): string =>
  hash('sha1', `${timestamp}\n${service_name}\n${message}`, 'base64url');
