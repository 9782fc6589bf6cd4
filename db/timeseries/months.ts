/** Calendar months in UTC, the unit of native partitions. Pure. */

export interface Month {
  readonly from: Date;
  /** Exclusive. */
  readonly to: Date;
  /** `2026_11`, the end of a partition's name. */
  readonly label: string;
}

/** The month of `at`, or the one `offset` months later. */
export function monthOf(at: Date, offset = 0): Month {
  const from = new Date(Date.UTC(at.getUTCFullYear(), at.getUTCMonth() + offset, 1));
  const to = new Date(Date.UTC(from.getUTCFullYear(), from.getUTCMonth() + 1, 1));
  return { from, to, label: from.toISOString().slice(0, 7).replace('-', '_') };
}

/** Inverse of `label`; null for any other text, such as `default`. */
export function monthOfLabel(label: string): Month | null {
  const [, year, month] = /^(\d{4})_(0[1-9]|1[0-2])$/.exec(label) ?? [];
  if (year === undefined || month === undefined) return null;
  return monthOf(new Date(Date.UTC(Number(year), Number(month) - 1, 1)));
}
