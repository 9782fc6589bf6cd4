/** Custom metrics that were not taken, counted by reason since the agent started. */

/** Closed list: the name that is counted, and what it means. */
export const REFUSALS = {
  malformed: 'Not in the format of this way in',
  too_large: 'A line, a reply or a number of samples over its limit',
  unsupported: 'Part of the format that is not taken, e.g. StatsD events',
  reserved_name: 'A name of the agent’s own measurements',
  bad_name: 'Does not begin with a letter, or is longer than 50 characters',
  undeclared: 'Not declared, where only declared metrics are taken',
  bad_label: 'A label whose name or text is not valid',
  too_many_labels: 'More labels than a record may carry',
  label_not_declared: 'A label that the declaration does not name',
  bad_value: 'No fields, too many, or one that is not valid',
  not_finite: 'NaN or infinite',
  bad_timestamp: 'Not a time, or too far from now',
  too_many_series: 'More series than the device may have',
  too_many_members: 'More members of a StatsD set than are kept',
  rate: 'More records a second than are taken',
  unreachable: 'A scrape that failed',
} as const;
export type Refusal = keyof typeof REFUSALS;

export interface Refusals {
  count(reason: Refusal, by?: number): void;
  /** Reasons that occurred. */
  counts(): Readonly<Partial<Record<Refusal, number>>>;
  /** True once after each change. */
  takeChanged(): boolean;
}

export function createRefusals(): Refusals {
  const counts: Partial<Record<Refusal, number>> = {};
  let isChanged = false;
  return {
    count(reason, by = 1) {
      if (by <= 0) return;
      counts[reason] = (counts[reason] ?? 0) + by;
      isChanged = true;
    },
    counts: () => ({ ...counts }),
    takeChanged() {
      const was = isChanged;
      isChanged = false;
      return was;
    },
  };
}
