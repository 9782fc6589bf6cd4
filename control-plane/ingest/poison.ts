/** Finds the records of one batch that the database refuses, by halving. Knows nothing of databases. */
import type { BatchMessage } from './message.ts';
import type { Rejected } from './reasons.ts';

/** About twelve poison records of a thousand are found singly; then what is left of a part goes as a whole. */
export const MAX_TRIES = 250;

/**
 * Indexes of the records at fault. `attempt` throws where the database refuses these records together.
 * @throws what `isDataError` does not know
 */
export async function findPoison(
  size: number,
  attempt: (indexes: ReadonlySet<number>) => Promise<void>,
  isDataError: (error: unknown) => boolean,
): Promise<ReadonlySet<number>> {
  const bad = new Set<number>();
  let tries = 0;
  const halve = async (from: number, to: number): Promise<void> => {
    if (from >= to) return;
    const part = Array.from({ length: to - from }, (_, index) => from + index);
    tries += 1;
    if (await isRefused(part)) {
      if (part.length === 1 || tries >= MAX_TRIES) {
        for (const index of part) bad.add(index);
        return;
      }
      const middle = from + Math.ceil(part.length / 2);
      await halve(from, middle);
      await halve(middle, to);
    }
  };
  const isRefused = async (part: readonly number[]): Promise<boolean> => {
    try {
      await attempt(new Set(part));
      return false;
    } catch (error) {
      if (!isDataError(error)) throw error;
      return true;
    }
  };
  await halve(0, size);
  return bad;
}

/** The same batch, with the records at these places refused by the database. */
export function withoutRecords(
  message: BatchMessage,
  bad: ReadonlySet<number>,
  reason: string,
): BatchMessage {
  const { content } = message;
  const rejected: Rejected[] = [...content.rejected];
  const places: number[] = [];
  const records: unknown[] = [];
  content.records.forEach((record, index) => {
    const place = content.places?.[index] ?? index;
    if (bad.has(index)) {
      rejected.push({
        index: place,
        code: 'database',
        reason: `${content.list}.${place}: the database refuses it: ${reason}`,
        value: record,
      });
    } else {
      places.push(place);
      records.push(record);
    }
  });
  // The same kind of records as before, fewer of them.
  return { ...message, content: { ...content, rejected, places, records } as BatchMessage['content'] };
}
