/** Which record a COPY stopped at, from what PostgreSQL says of the place. Pure. */
import type { BatchMessage } from './message.ts';
import type { BatchPlan } from './plan-batches.ts';

/** `where` of the error: "COPY device_metrics, line 251: …". Source: PostgreSQL, CopyFromErrorCallback. */
const PLACE = /COPY (device_metrics|device_logs), line (\d{1,9})/;
const MAX_CAUSES = 5;

export interface Culprit {
  /** In the transaction. */
  readonly message: number;
  /** Among the message's records. */
  readonly record: number;
}

/** A hint, to be tried before it is believed; null where the error names no place. */
export function culpritOf(
  error: unknown,
  messages: readonly BatchMessage[],
  plan: BatchPlan | null,
): Culprit | null {
  const place = placeOf(error);
  if (place === null || plan === null) return null;
  let before = 0;
  for (const [index, { prepared }] of plan.outcomes.entries()) {
    const rows = prepared?.[place.rows].length ?? 0;
    const message = messages[index];
    if (prepared !== null && message !== undefined && place.row < before + rows) {
      const refused = new Set(prepared.rejected.map((rejected) => rejected.index));
      const { places, records } = message.content;
      // Rows are the records that were not refused, in order.
      const stored = [...records.keys()].filter((record) => !refused.has(places?.[record] ?? record));
      const record = stored[place.row - before];
      return record === undefined ? null : { message: index, record };
    }
    before += rows;
  }
  return null;
}

function placeOf(error: unknown): { rows: 'metrics' | 'logs'; row: number } | null {
  let current: unknown = error;
  for (let depth = 0; depth < MAX_CAUSES && current instanceof Error; depth += 1) {
    const where = 'where' in current && typeof current.where === 'string' ? PLACE.exec(current.where) : null;
    if (where !== null) {
      return { rows: where[1] === 'device_logs' ? 'logs' : 'metrics', row: Number(where[2]) - 1 };
    }
    current = current.cause;
  }
  return null;
}
