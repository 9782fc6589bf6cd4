/** What was refused: counted per reason for ever, folded per device and reason each second for the log and the control plane. */
import { type Principal, REFUSAL_REASONS, type RefusalReason, type RefusalReport } from '#contract';

/** Kinds of refusals told apart within one second; the rest is told without a device. */
export const MAX_FOLDED = 500;
const MAX_DETAIL_CHARS = 300;

type Entry = RefusalReport['refusals'][number];

export interface Refusals {
  note(principal: Principal | null, reason: RefusalReason, detail: string): void;
  /** All since the last call; empty when nothing was refused. */
  take(): Entry[];
  totals(): Record<RefusalReason, number>;
}

export function createRefusals(): Refusals {
  const totals = Object.fromEntries(REFUSAL_REASONS.map((reason) => [reason, 0])) as Record<
    RefusalReason,
    number
  >;
  let folded = new Map<string, Entry>();
  return {
    note(principal, reason, detail) {
      totals[reason] += 1;
      const org = principal === null || principal.kind === 'service' ? null : principal.org;
      const device = principal?.kind === 'device' ? principal.device : null;
      const key = `${org}|${device}|${reason}`;
      const known = folded.get(key);
      // Reasons without a device are few, so they always find a place.
      const place = known !== undefined || folded.size < MAX_FOLDED - REFUSAL_REASONS.length;
      const at = place ? key : `null|null|${reason}`;
      const before = place ? known : folded.get(at);
      folded.set(at, {
        org: place ? org : null,
        device: place ? device : null,
        reason,
        detail: before?.detail ?? printable(place ? detail : 'more devices than are told apart'),
        count: (before?.count ?? 0) + 1,
      });
    },
    take() {
      const entries = [...folded.values()];
      folded = new Map();
      return entries;
    },
    totals: () => ({ ...totals }),
  };
}

/** Text of strangers, made safe for logs and pages: printable ASCII, the rest escaped, cut. */
export function printable(text: string): string {
  const escaped = text
    .slice(0, MAX_DETAIL_CHARS)
    .replace(/[^\x20-\x7e]/g, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
  return escaped.slice(0, MAX_DETAIL_CHARS);
}
