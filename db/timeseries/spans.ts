/** Spans of time in UTC that native partitions hold: days, weeks from Monday, months. Pure. */

export const WIDTHS = ['day', 'week', 'month'] as const;
export type Width = (typeof WIDTHS)[number];

export interface Span {
  readonly from: Date;
  /** Exclusive. */
  readonly to: Date;
}

const DAY_MS = 86_400_000;
/**
 * Spans made before and after the one of now: devices send backlogs, and maintenance may be late. What is older still
 * lies in the default partition.
 */
const AROUND: Readonly<Record<Width, { back: number; ahead: number }>> = {
  day: { back: 7, ahead: 4 },
  week: { back: 2, ahead: 2 },
  month: { back: 1, ahead: 2 },
};

/** The span of this width that `at` lies in, or the one `offset` spans later. */
export function spanOf(width: Width, at: Date, offset = 0): Span {
  const [year, month, day] = [at.getUTCFullYear(), at.getUTCMonth(), at.getUTCDate()];
  if (width === 'month') {
    return {
      from: new Date(Date.UTC(year, month + offset, 1)),
      to: new Date(Date.UTC(year, month + offset + 1, 1)),
    };
  }
  const days = width === 'day' ? 1 : 7;
  const sinceMonday = width === 'day' ? 0 : (at.getUTCDay() + 6) % 7;
  const from = Date.UTC(year, month, day - sinceMonday + offset * days);
  return { from: new Date(from), to: new Date(from + days * DAY_MS) };
}

/** What is missing around `now`, cut so that it overlaps nothing that exists; oldest first. */
export function missingSpans(existing: readonly Span[], width: Width, now: Date): Span[] {
  const { back, ahead } = AROUND[width];
  const missing: Span[] = [];
  for (let offset = -back; offset <= ahead; offset += 1) {
    missing.push(...without(spanOf(width, now, offset), existing));
  }
  return missing;
}

/** Spans ahead of `now` that are wider than wanted by now: to be made anew where they are empty. */
export function tooWideAhead(existing: readonly Span[], width: Width, now: Date): Span[] {
  return existing.filter(({ from, to }) => {
    const wanted = spanOf(width, from);
    return from > now && to.getTime() - from.getTime() > wanted.to.getTime() - wanted.from.getTime();
  });
}

/** The end of a partition's name: `2026_11`, `2026_11_23`, or `2026_11_23_to_2026_11_30`. */
export function labelOf({ from, to }: Span): string {
  const dayOf = (at: Date): string => at.toISOString().slice(0, 10).replaceAll('-', '_');
  const month = spanOf('month', from);
  if (+month.from === +from && +month.to === +to) return dayOf(from).slice(0, 7);
  return +to - +from === DAY_MS ? dayOf(from) : `${dayOf(from)}_to_${dayOf(to)}`;
}

/** The parts of `span` that no other covers. */
function without(span: Span, others: readonly Span[]): Span[] {
  const parts: Span[] = [];
  let from = span.from;
  for (const other of others.toSorted((a, b) => +a.from - +b.from)) {
    if (other.to <= from || other.from >= span.to) continue;
    if (other.from > from) parts.push({ from, to: other.from });
    from = other.to;
  }
  if (from < span.to) parts.push({ from, to: span.to });
  return parts;
}
